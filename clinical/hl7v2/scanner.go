package hl7v2

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"strings"
)

const maxSegment = 1 << 20

const (
	firstBuffer = 4 << 10 // it is larger only for a segment that is
	// maxBlanks is how many line breaks in a row can be within a segment.
	maxBlanks = 64
	// headLength is what of a line has to be seen to tell what it is.
	headLength = 64
)

type segment struct {
	// kind is the name, "" if it is none that is read.
	kind string
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
	lines *bufio.Scanner
	// field is the separator of the current message; 0 before the first.
	field byte

	segment
	begun bool // the segment has
	from  int  // where its current line goes on
	atEnd bool // it ends with what was read
}

func newScanner(r io.Reader) *scanner {
	s := &scanner{lines: bufio.NewScanner(r)}
	s.lines.Buffer(make([]byte, firstBuffer), maxSegment+firstBuffer)
	s.lines.Split(s.split)
	return s
}

// next does not give a segment that an error of the reader may have cut short.
func (s *scanner) next() (segment, error) {
	ok, err := s.lines.Scan(), s.lines.Err()
	if err != nil && !errors.Is(err, io.EOF) && (!ok || s.atEnd) {
		return segment{}, err
	}
	if !ok {
		return segment{}, io.EOF
	}

	s.data = s.lines.Bytes()
	return s.segment, nil
}

const breaks = "\r\n\x0b\x1c" // the last two frame a message in MLLP

func isBreak(c byte) bool { return strings.IndexByte(breaks, c) >= 0 }

// lineEnd is faster than bytes.IndexAny, which documents feel.
func lineEnd(b []byte) int {
	for i, c := range b {
		if c < ' ' && isBreak(c) {
			return i
		}
	}
	return len(b)
}

// blank returns how many bytes at the start of b are between segments. A byte
// order mark can be among them.
func blank(b []byte) int { return len(b) - len(bytes.TrimLeft(b, "\ufeff \t"+breaks)) }

// split is a [bufio.SplitFunc]. It advances over what is not kept, so that the
// buffer does not grow.
func (s *scanner) split(data []byte, atEOF bool) (advance int, token []byte, err error) {
	start := 0
	if !s.begun {
		start = blank(data)
		if start == len(data) || len(data)-start < headLength && !atEOF {
			return start, nil, nil
		}
		s.segment, s.from, s.begun = s.describe(data[start:]), 0, true
	}

	end := start + s.from
	for {
		end += lineEnd(data[end:])
		s.unended = end == len(data)
		s.tooLarge = s.tooLarge || s.kind != "" && end-start > maxSegment
		if s.kind == "" || s.tooLarge {
			start = end
		}

		next := end + blank(data[end:])
		isFar := next-end > maxBlanks
		if !isFar && len(data)-next < headLength && !atEOF {
			s.from = end - start
			return start, nil, nil
		}
		if isFar || next == len(data) || s.name(data[next:]) != "" {
			s.begun, s.atEnd = false, next == len(data)
			return next, data[start:end], nil
		}
		end = next // the line goes on: it is no segment that follows
	}
}

// name returns the name of the segment that begins with b, "" if none does.
func (s *scanner) name(b []byte) string {
	if len(b) < 3 {
		return ""
	}
	isBare := len(b) == 3 || isBreak(b[3])
	if !isBare && !isSeparator(b[3]) {
		return ""
	}

	name, ok := strings.ToUpper(string(b[:3])), s.field != 0
	switch name {
	case "MSH", "FHS", "BHS":
		ok = !isBare
	case "BTS", "FTS": // of a batch, which can have other separators than its messages
	case "PID", "NK1", "PV1", "ORC", "OBR", "OBX", "NTE", "SPM":
		ok = ok && (isBare || b[3] == s.field)
	default: // is told from a text by its capitals
		ok = ok && !isBare && b[3] == s.field && isUpper(b[0]) && (isUpper(b[1]) || isDigit(b[1])) &&
			(isUpper(b[2]) || isDigit(b[2]))
	}
	if !ok {
		return ""
	}
	return name
}

func (s *scanner) describe(b []byte) segment {
	seg := segment{kind: s.name(b)}
	switch {
	case seg.kind == "":
		seg.stray = true
	case seg.kind == "MSH":
		s.field = b[3]
	case seg.kind == "OBX":
		seg.attachment = attachment(b[:min(len(b), headLength)], s.field)
	case persons[seg.kind] == nil:
		seg.kind = ""
	}
	return seg
}

func attachment(head []byte, field byte) string {
	kind := bytes.TrimLeft(nth(head, field, 3), " ")
	if end := bytes.IndexFunc(kind, func(r rune) bool { return !isLetterOrDigit(r) }); end >= 0 {
		kind = kind[:end]
	}
	for _, document := range [2]string{"ED", "RP"} {
		if strings.EqualFold(string(kind), document) {
			return document
		}
	}
	return ""
}

func isUpper(c byte) bool { return 'A' <= c && c <= 'Z' }
func isDigit(c byte) bool { return '0' <= c && c <= '9' }

// isSeparator reports whether c can separate fields and what is in them.
func isSeparator(c byte) bool { return c > ' ' && c < 0x7f && !isUpper(c&^0x20) && !isDigit(c) }
