package fhir

import (
	"bytes"
	"io"
)

const (
	// maxEntry is how large a resource can be, with what is around it in its entry. One that is larger is passed over and reported.
	maxEntry = 16 << 20
	// window is how much is read at once.
	window = 64 << 10
	// maxToken is how long a key, a type, an id or a fullUrl can be to be known.
	maxToken = 4 << 10
	// maxEmptyReads is how often in a row a reader can return nothing without an error.
	maxEmptyReads = 100
)

// stream reads JSON through one buffer that is used again and again. What is kept stays in it while reading goes on, up to maxEntry.
// Places in the input are offsets from its beginning, as the buffer's contents move.
type stream struct {
	r        io.Reader
	buf      []byte
	pos, end int
	keep     int // where in buf begins what is kept; -1 for nothing
	mark     int // the same for a token
	offset   int64
	lineEnd  int64 // where the first line break is; -1 if none was seen
	lost     bool  // what was to be kept is larger than maxEntry
	readErr  error
	balance  balance
}

func newStream(r io.Reader) *stream {
	return &stream{r: r, buf: make([]byte, window), keep: -1, mark: -1, lineEnd: -1}
}

// at returns the offset of what comes next.
func (s *stream) at() int64 { return s.offset + int64(s.pos) }

// kept returns the input between two offsets. It is valid until more is read.
func (s *stream) kept(from, to int64) []byte { return s.buf[from-s.offset : to-s.offset] }

// fill reads more behind what is in the buffer. It returns false at the end of the input and after an error.
func (s *stream) fill() bool {
	if s.readErr != nil {
		return false
	}
	s.makeRoom()
	for range maxEmptyReads {
		n, err := s.r.Read(s.buf[s.end:])
		if n < 0 || n > len(s.buf)-s.end {
			s.readErr = io.ErrNoProgress // a reader that breaks the contract
			return false
		}
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

// makeRoom moves what is still needed to the beginning of the buffer, and makes that larger if it is full.
func (s *stream) makeRoom() {
	if s.end-s.needed() > maxEntry {
		s.keep, s.lost = -1, true
	}
	from := s.needed()
	if from > 0 {
		copy(s.buf, s.buf[from:s.end])
		s.pos -= from
		s.end -= from
		s.offset += int64(from)
		if s.keep >= 0 {
			s.keep -= from
		}
		if s.mark >= 0 {
			s.mark -= from
		}
	}
	if len(s.buf)-s.end < window/2 {
		size := 2 * len(s.buf)
		if size > maxEntry/2 {
			size = maxEntry + window
		}
		larger := make([]byte, size)
		copy(larger, s.buf[:s.end])
		s.buf = larger
	}
}

func (s *stream) needed() int {
	from := s.pos
	if s.keep >= 0 {
		from = min(from, s.keep)
	}
	if s.mark >= 0 {
		from = min(from, s.mark)
	}
	return from
}

// next returns the next byte that is no white space and leaves it there. A line break is returned where it ends the value.
func (s *stream) next() (c byte, ok bool) {
	for {
		for s.pos < s.end {
			c := s.buf[s.pos]
			if c != ' ' && c != '\t' && c != '\r' && (c != '\n' || s.balance.lines) {
				return c, true
			}
			s.pos++
		}
		if !s.fill() {
			return 0, false
		}
	}
}

// accept reads c if it comes next.
func (s *stream) accept(c byte) bool {
	if got, ok := s.next(); !ok || got != c {
		return false
	}
	s.pos++
	return true
}

// skip passes over a value of any kind.
func (s *stream) skip() bool {
	c, ok := s.next()
	s.balance.bad = false
	if !ok {
		return false
	}
	switch c {
	case '"', '{', '[':
		s.balance.reset()
		return s.skipRest()
	}
	n := 0
	for {
		for s.pos < s.end {
			switch c := s.buf[s.pos]; {
			case c == ',' || c == '}' || c == ']' || c <= ' ':
				return n > 0
			case c == '"' || c == '{' || c == '[' || c == ':':
				return false
			}
			s.pos++
			n++
		}
		if !s.fill() {
			return n > 0
		}
	}
}

// skipRest passes over the rest of what balance has begun to read.
func (s *stream) skipRest() bool {
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

// token reads a string and returns what is between its quotes, as written; it is valid until more is read. One longer than maxToken is passed over and nil.
func (s *stream) token() (token []byte, ok bool) {
	if !s.accept('"') {
		return nil, false
	}
	s.mark = s.pos
	defer func() { s.mark = -1 }()
	for from := s.pos; ; {
		for i := from; i < s.end; i++ {
			switch s.buf[i] {
			case '\\':
				if i++; i < s.end && s.buf[i] == '\n' { // anything else that is escaped does not end the string
					s.balance.bad = true
					return nil, false
				}
			case '"':
				s.pos = i + 1
				return s.buf[s.mark:i], true
			case '\n':
				s.balance.bad = true
				return nil, false
			}
		}
		if s.end-s.mark > maxToken {
			s.balance.reset()
			s.balance.inString = true
			s.mark = -1
			return nil, s.skipRest()
		}
		if !s.fill() {
			return nil, false
		}
		from = s.mark
	}
}

// skipLine passes over what is left of a line.
func (s *stream) skipLine() {
	s.keep = -1
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
