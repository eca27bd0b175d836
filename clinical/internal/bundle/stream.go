package bundle

import (
	"bytes"
	"io"
)

const (
	// MaxSize is how large a resource can be, with what is around it in its
	// entry. One that is larger is passed over and reported.
	MaxSize = 16 << 20
	// window is how much is read at once.
	window        = 64 << 10
	maxEmptyReads = 100
)

// stream reads the input through one buffer. Places are offsets in the input.
type stream struct {
	r        io.Reader
	buf      []byte
	pos, end int
	offset   int64
	lineEnd  int64 // where the first line break is; -1 if none was seen
	readErr  error
	balance  balance
}

func newStream(r io.Reader) *stream { return &stream{r: r, buf: make([]byte, window), lineEnd: -1} }

func heldStream(data []byte) *stream {
	return &stream{buf: data, end: len(data), lineEnd: -1, readErr: io.EOF}
}

func (s *stream) at() int64 { return s.offset + int64(s.pos) }

func (s *stream) isAll() bool { return s.readErr != nil }

// fill reads more. It returns false at the end and after an error.
func (s *stream) fill() bool {
	if s.readErr != nil {
		return false
	}
	s.makeRoom()
	for range maxEmptyReads {
		n, err := s.r.Read(s.buf[s.end:])
		if s.lineEnd < 0 {
			if i := bytes.IndexByte(s.buf[s.end:s.end+n], '\n'); i >= 0 {
				s.lineEnd = s.offset + int64(s.end+i)
			}
		}
		s.end += n
		s.readErr = err
		if n > 0 {
			return true
		}
		if err != nil {
			return false
		}
	}

	s.readErr = io.ErrNoProgress
	return false
}

// more doubles what is in the buffer, so that it is not read again often.
func (s *stream) more() {
	enough := min(2*(s.end-s.pos), MaxSize+1)
	for s.fill() && s.end-s.pos < enough {
		continue
	}
}

func (s *stream) makeRoom() {
	copy(s.buf, s.buf[s.pos:s.end])
	s.offset += int64(s.pos)
	s.pos, s.end = 0, s.end-s.pos
	if len(s.buf)-s.end < window/2 {
		size := 2 * len(s.buf)
		if size > MaxSize/2 {
			size = MaxSize + window
		}
		larger := make([]byte, size)
		copy(larger, s.buf[:s.end])
		s.buf = larger
	}
}

func (s *stream) next() (c byte, ok bool) {
	for {
		for ; s.pos < s.end; s.pos++ {
			if c := s.buf[s.pos]; c != ' ' && c != '\t' && c != '\r' && c != '\n' {
				return c, true
			}
		}
		if !s.fill() {
			return 0, false
		}
	}
}

// line is not ok above MaxSize, or where reading fails.
func (s *stream) line() (line []byte, ok bool) {
	for {
		line = s.buf[s.pos:s.end]
		if i := bytes.IndexByte(line, '\n'); i >= 0 {
			s.pos += i + 1
			return line[:i], true
		}
		switch {
		case s.readErr == io.EOF: //nolint:errorlint // io.Reader's contract
			s.pos = s.end
			return line, true
		case s.readErr != nil, len(line) > MaxSize:
			return nil, false
		}
		s.more()
	}
}

func (s *stream) skipLine() {
	for {
		if i := bytes.IndexByte(s.buf[s.pos:s.end], '\n'); i >= 0 {
			s.pos += i + 1
			return
		}
		s.pos = s.end
		if !s.fill() {
			return
		}
	}
}

func (s *stream) skipBalanced() bool {
	for {
		n, done := s.balance.scan(s.buf[s.pos:s.end])
		s.pos += n
		if done || s.balance.bad {
			return done
		}
		if !s.fill() {
			return false
		}
	}
}
