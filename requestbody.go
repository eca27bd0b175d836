package helios

import (
	"errors"
	"io"
	"net/http"
	"sync"
)

var errSealed = errors.New("helios: the request has ended; its body can no longer be read")

// requestBody watches the body of one request: nobody can send the request
// whole without reading the body to its end. That holds for every transport,
// whatever it is made of and whatever it reports.
type requestBody struct {
	length int64 // as announced; 0 or less if it is not known

	mu     sync.Mutex
	whole  bool // some reader has read it to its end
	sealed bool // nothing more is read
}

// watch makes out read through b. While mayRepeat reports true, net/http and
// others can get the body anew.
func (b *requestBody) watch(out *http.Request, mayRepeat func() bool) {
	b.length = out.ContentLength
	out.Body = &bodyReader{ReadCloser: out.Body, body: b}

	getBody := out.GetBody
	if getBody == nil {
		return
	}
	out.GetBody = func() (io.ReadCloser, error) {
		if !mayRepeat() {
			return nil, errReplayed
		}
		again, err := getBody()
		if err != nil {
			return nil, err
		}
		return &bodyReader{ReadCloser: again, body: b}, nil
	}
}

// wasRead reports whether the body has been read to its end.
func (b *requestBody) wasRead() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.whole
}

// seal ends all reading, so that what was not read whole by now never is, and
// reports whether it was. A transport that has returned may still be at work.
func (b *requestBody) seal() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.sealed = true
	return b.whole
}

// bodyReader reads a requestBody once.
type bodyReader struct {
	io.ReadCloser
	body *requestBody
	read int64
}

func (r *bodyReader) Read(p []byte) (int, error) {
	n, err := r.ReadCloser.Read(p)

	r.body.mu.Lock()
	defer r.body.mu.Unlock()
	if r.body.sealed {
		return 0, errSealed
	}
	r.read += int64(n)
	if err == io.EOF || r.body.length > 0 && r.read >= r.body.length {
		r.body.whole = true
	}
	return n, err
}
