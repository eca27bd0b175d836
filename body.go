package helios

import (
	"errors"
	"fmt"
	"io"
	"net"
)

// incompleteBody is one [ErrIncompleteBody].
type incompleteBody struct{ cause error }

func (e *incompleteBody) Error() string {
	if e.timeout() {
		return "helios: incomplete body: the read deadline passed"
	}
	return "helios: incomplete body: the connection broke"
}

func (e *incompleteBody) timeout() bool {
	var slow net.Error
	return errors.As(e.cause, &slow) && slow.Timeout()
}

func (e *incompleteBody) Is(target error) bool { return target == ErrIncompleteBody }

func (e *incompleteBody) Unwrap() error { return e.cause }

// Format keeps the cause out: a body of the application's own may say anything.
func (e incompleteBody) Format(f fmt.State, _ rune) { printError(f, &e) }

// readBounded reads r to its end, at most the given number of bytes of it; more
// is ErrBodyTooLarge. What was read is returned with every error. length is the
// length that the other side announced, or -1; only a first megabyte is
// allocated on its word.
func readBounded(r io.Reader, length, most int64) ([]byte, error) {
	const trusted, small = 1 << 20, 512
	if length < 0 {
		length = small
	}
	buf := make([]byte, 0, min(length, most, trusted)+1) // the one byte more finds the end without growing

	for {
		n, err := r.Read(buf[len(buf):cap(buf)])
		buf = buf[:len(buf)+n]

		switch {
		case int64(len(buf)) > most:
			return buf[:most], ErrBodyTooLarge
		case err == io.EOF:
			return buf, nil
		case err != nil:
			return buf, err
		case len(buf) == cap(buf):
			buf = append(buf, 0)[:len(buf)]
		}
	}
}
