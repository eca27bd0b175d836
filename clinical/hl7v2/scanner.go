package hl7v2

import (
	"bytes"
	"errors"
	"io"
	"strings"
)

const maxSegment = 1 << 20

const (
	firstBuffer = 4 << 10
	usualBuffer = 8 << 10 // it is larger only while a segment is
	// maxBlanks is how many line breaks in a row can be within a segment.
	maxBlanks  = 64
	maxReads   = 100
	headLength = 64
)

type kind uint8

const (
	other kind = iota
	msh
	pid
	nk1
	pv1
	orc
	obr
	obx
	spm
	// The following only tell of people.
	pd1
	mrg
	gt1
	in1
	ctd
	prt
	rol
)

var kinds = map[string]kind{
	"MSH": msh, "PID": pid, "NK1": nk1, "PV1": pv1, "ORC": orc, "OBR": obr, "OBX": obx, "SPM": spm,
	"PD1": pd1, "MRG": mrg, "GT1": gt1, "IN1": in1, "CTD": ctd, "PRT": prt, "ROL": rol,
}

type segment struct {
	kind kind
	data []byte
	// attachment is the type, ED or RP, of an OBX whose value is a document.
	attachment string
	// tooLarge is set if the segment is passed over for its size.
	tooLarge bool
	// unended is set for the last segment of an input that ends within a line.
	unended bool
	// stray is a line that belongs to no message.
	stray bool
}

// scanner reads segments. What is not needed or too large is not kept. A
// segment ends before the next line that looks like one, as senders write line
// breaks into texts.
type scanner struct {
	r        io.Reader
	buf      []byte
	pos, end int // of what is not read yet in buf
	err      error
	// field is the separator of the current message; 0 before the first.
	field byte
}

func newScanner(r io.Reader) *scanner { return &scanner{r: r, buf: make([]byte, firstBuffer)} }

// more makes room and reads more. It returns false at the end of the input.
func (s *scanner) more() bool {
	if s.err != nil {
		return false
	}

	if s.end == len(s.buf) {
		room := s.buf
		if len(s.buf) < usualBuffer || s.end-s.pos > len(s.buf)/2 {
			room = make([]byte, 2*len(s.buf))
		}
		s.end = copy(room, s.window())
		s.pos, s.buf = 0, room
	}

	for range maxReads {
		n, err := s.r.Read(s.buf[s.end:])
		s.end += n
		s.err = err
		if n > 0 {
			return true
		}
		if err != nil {
			return false
		}
	}

	s.err = io.ErrNoProgress
	return false
}

func (s *scanner) window() []byte { return s.buf[s.pos:s.end] }

func (s *scanner) have(n int) {
	for s.end-s.pos < n && s.more() {
	}
}

// isBreak reports whether c ends a line, or frames a message in MLLP.
func isBreak(c byte) bool { return c == '\r' || c == '\n' || c == 0x0b || c == 0x1c }

// blank returns how many bytes at the start of b are between segments.
func blank(b []byte) int {
	i := 0
	for i < len(b) {
		switch {
		case isBreak(b[i]) || b[i] == ' ' || b[i] == '\t':
			i++
		case bytes.HasPrefix(b[i:], []byte("\xef\xbb\xbf")):
			i += 3
		default:
			return i
		}
	}
	return i
}

func lineEnd(b []byte) int {
	for i, c := range b {
		if c < ' ' && isBreak(c) {
			return i
		}
	}
	return -1
}

func (s *scanner) next() (segment, error) {
	for {
		s.have(headLength)
		n := blank(s.window())
		s.pos += n
		if s.pos == s.end && s.err != nil {
			return segment{}, s.failure()
		}
		if n == 0 {
			break
		}
	}

	seg, keep := s.describe()
	from := 0 // where in the window the current line goes on
	for {
		n := lineEnd(s.window()[from:])
		if n < 0 {
			from = s.end - s.pos
			seg, keep, from = s.limit(seg, keep, from)
			if !s.more() {
				break
			}
			continue
		}
		from += n
		next, joined := s.follows(from)
		if !joined {
			return s.emit(seg, keep, from, next), s.brokenOff()
		}
		from = next
		seg, keep, from = s.limit(seg, keep, from)
	}

	rest := s.end - s.pos
	seg.unended = true
	return s.emit(seg, keep, rest, rest), s.brokenOff()
}

func (s *scanner) failure() error {
	if errors.Is(s.err, io.EOF) {
		return io.EOF
	}
	return s.err
}

// brokenOff is the reader's error where it may have cut a segment short.
func (s *scanner) brokenOff() error {
	if s.err != nil && !errors.Is(s.err, io.EOF) && s.pos == s.end {
		return s.err
	}
	return nil
}

// limit drops what is not kept of a segment up to from.
func (s *scanner) limit(seg segment, keep bool, from int) (segment, bool, int) {
	if keep && from > maxSegment {
		seg.tooLarge, keep = true, false
	}
	if !keep {
		s.pos += from
		from = 0
	}
	return seg, keep, from
}

func (s *scanner) emit(seg segment, keep bool, end, next int) segment {
	if keep {
		seg.data = s.buf[s.pos : s.pos+end : s.pos+end]
	}
	s.pos += next
	return seg
}

// follows looks at what is behind a line that ends at from.
func (s *scanner) follows(from int) (next int, joined bool) {
	for next = from; ; {
		s.have(next + headLength)
		n := blank(s.window()[next:])
		next += n
		if next == s.end-s.pos {
			if s.err != nil {
				return next, false
			}
			n = 1 // blanks up to the end of what was read
		}
		if next-from > maxBlanks {
			return next, false
		}
		if n == 0 {
			break
		}
	}

	return next, !s.isHeader(s.window()[next:])
}

func name3(b []byte) (name [3]byte) {
	for i := range name {
		if name[i] = b[i]; 'a' <= b[i] && b[i] <= 'z' {
			name[i] -= 'a' - 'A'
		}
	}
	return name
}

func (s *scanner) isHeader(b []byte) bool {
	if len(b) < 3 {
		return false
	}

	name, bare := name3(b), len(b) == 3 || isBreak(b[3])
	switch string(name[:]) {
	case "MSH", "FHS", "BHS":
		return !bare && isSeparator(b[3])
	case "BTS", "FTS": // of a batch, which can have other separators than its messages
		return s.field != 0 && (bare || isSeparator(b[3]))
	case "PID", "NK1", "PV1", "ORC", "OBR", "OBX", "NTE", "SPM":
		return s.field != 0 && (bare || b[3] == s.field)
	}
	// Others are told from a text by their capitals.
	return !bare && s.field != 0 && b[3] == s.field && isUpper(b[0]) && (isUpper(b[1]) || isDigit(b[1])) &&
		(isUpper(b[2]) || isDigit(b[2]))
}

func (s *scanner) describe() (seg segment, keep bool) {
	s.have(headLength)
	b := s.window()
	if !s.isHeader(b) {
		return segment{stray: true}, false
	}

	name := name3(b)
	switch seg.kind = kinds[string(name[:])]; seg.kind {
	case msh:
		s.field = b[3]
	case obx:
		seg.attachment = attachment(b[:min(len(b), headLength)], s.field)
	default:
	}
	return seg, seg.kind != other
}

func attachment(head []byte, field byte) string {
	for range 2 {
		_, rest, ok := bytes.Cut(head, []byte{field})
		if !ok {
			return ""
		}
		head = rest
	}

	name := bytes.TrimLeft(head, " ")
	if end := bytes.IndexFunc(name, func(r rune) bool { return !isLetterOrDigit(r) }); end >= 0 {
		name = name[:end]
	}
	for _, kind := range [2]string{"ED", "RP"} {
		if strings.EqualFold(string(name), kind) {
			return kind
		}
	}
	return ""
}

func isUpper(c byte) bool { return 'A' <= c && c <= 'Z' }
func isDigit(c byte) bool { return '0' <= c && c <= '9' }

// isSeparator reports whether c can separate fields and what is in them.
func isSeparator(c byte) bool { return c > ' ' && c < 0x7f && !isUpper(c&^0x20) && !isDigit(c) }
