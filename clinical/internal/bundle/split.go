// Package bundle reads FHIR JSON without knowing FHIR: [Split] finds the
// resources of an input of any size, and a [Reader] reads the fields of one.
// Of FHIR it knows the names in a Bundle.
package bundle

import (
	"bufio"
	"bytes"
	"cmp"
	"errors"
	"io"
	"slices"
	"strings"
)

// Part is one resource of the input, with what its entry says of it.
type Part struct {
	Type    string // "" if there is none
	ID      string // "" if there is none
	FullURL string // "" if there is none or it is not UTF-8
	Place   int    // which entry of the input it is, from 1
	// Data is the resource as written; nil if it is not wanted, is too large or
	// is not there. It is valid until Found returns.
	Data     []byte
	TooLarge bool // it is larger than MaxSize and not kept
	// History is set in a Bundle of type history, whose newest edition comes
	// first.
	History bool
	// Method and URL are those of the entry's request; Status, LastModified and
	// ETag those of its response, or of its request.
	Method, URL, Status, LastModified, ETag string
}

// Handler is told what Split finds.
type Handler struct {
	// Wants reports whether the data of resources of a type is kept.
	Wants func(typ string) bool
	// Found is called for each resource, in order. An error ends Split.
	Found func(*Part) error
	// Broken is called for an entry that is not a resource. Of the Part only
	// its Place and, if it was read before what is wrong, its Type are set.
	Broken func(*Part)
}

// Why the input cannot be split any further.
var (
	ErrSyntax    = errors.New("brackets, quotes or commas are not where JSON has them")
	ErrEndsEarly = errors.New("the input ends before it is complete")
)

const (
	// MaxSize is how large a resource can be. One that is larger is passed over
	// and reported.
	MaxSize = 16 << 20
	// window is how much is read at once.
	window = 32 << 10
	// maxBundles is how many bundles can be in one another.
	maxBundles = 8
	// maxToken is how long an id or a fullUrl can be to be known.
	maxToken = 4 << 10
)

// Split reads a Bundle, also with Bundles in it, a resource, an array of
// either, or one of either per line. It returns the place of the last entry,
// and ErrSyntax, ErrEndsEarly, an error of r or one of Found.
func Split(r io.Reader, h Handler) (place int, err error) {
	s := splitter{Handler: h, in: bufio.NewReaderSize(r, window), byLine: true}
	s.fill = s.fillMore
	err = s.run()
	return s.n, err
}

// splitter is a Reader of all of the input. What it holds of it begins at the
// item that is read.
type splitter struct {
	Reader
	Handler
	in      *bufio.Reader
	inErr   error // of in
	isLarge bool  // the item is larger than is kept
	n       int   // items so far
	bundles int   // that are around what is read
	part    Part  // that is read, or was last
	err     error // why nothing more is read

	// The input can be lines, of which a broken one does the others no harm. It
	// is if the first line is a value, or cannot go on in the second.
	isLines   bool
	byLine    bool // it is, or may be
	lineEnded bool // the data ends where the line does
	breaks    int  // line breaks so far
}

func (s *splitter) run() error {
	const mark = "\ufeff"
	for len(s.data) < len(mark) && !s.lineEnded && s.fillMore() {
		continue
	}
	s.data = bytes.TrimPrefix(s.data, []byte(mark))

	for {
		s.release()
		s.part = Part{}
		switch c := s.Kind(); {
		case s.pos == len(s.data) && s.lineEnded:
			s.lineEnded = false
			continue
		case s.pos == len(s.data):
			return s.ended()
		case c == '{':
			s.n++
			s.value()
		case c == '[':
			s.list(s.value)
		case c == 0x1e: // a record separator, of JSON text sequences
			s.pos++
		default:
			s.n++
			s.fail()
		}

		if s.err == nil {
			s.isLines = s.byLine
		} else if !s.nextLine() {
			return s.err
		}
	}
}

// nextLine passes over the rest of a broken line.
func (s *splitter) nextLine() bool {
	if !errors.Is(s.err, ErrSyntax) && !errors.Is(s.err, ErrEndsEarly) {
		return false
	}
	for s.byLine && s.fillMore() {
		s.pos = len(s.data)
	}
	if !s.isLines || s.breaks == 0 {
		return false
	}

	s.broken()
	s.pos, s.err, s.Bad, s.depth = len(s.data), nil, false, 0
	return true
}

// fillMore reads more of the input, in lines no more than the rest of one.
func (s *splitter) fillMore() bool {
	if s.lineEnded {
		if s.isLines = s.isLines || s.isBrokenLine(); s.isLines {
			return false
		}
		s.byLine, s.lineEnded = false, false
	}
	if s.inErr == nil {
		_, s.inErr = s.in.Peek(1)
	}
	if s.inErr != nil {
		return false
	}

	if s.isLarge = s.isLarge || len(s.data) > MaxSize+2*window; s.isLarge {
		s.release()
	}
	next, _ := s.in.Peek(s.in.Buffered())
	if i := bytes.IndexByte(next, '\n'); s.byLine && i >= 0 {
		next, s.lineEnded = next[:i+1], true
		s.breaks++
	}
	if len(s.data)+len(next) > cap(s.data) {
		s.data = slices.Grow(s.data, max(len(next), min(len(s.data), MaxSize+3*window-len(s.data))))
	}
	s.data = append(s.data, next...)
	_, _ = s.in.Discard(len(next))
	return true
}

// isBrokenLine reports whether the first line cannot go on in the next.
func (s *splitter) isBrokenLine() bool {
	line := bytes.TrimSpace(s.data) // or what is left of it, after a bracket or comma
	if s.depth == 0 || s.open[0] != '{' || len(line) == 0 || strings.IndexByte("{[,:", line[len(line)-1]) >= 0 {
		return false
	}
	next, err := s.in.Peek(2)
	if len(next) == 0 {
		s.inErr = err
	}
	return string(next) == `{"`
}

// release gives up what was read, if that is most of the data.
func (s *splitter) release() {
	if 2*s.pos > len(s.data) {
		s.dropped = s.at()
		s.data, s.pos = s.data[:copy(s.data, s.data[s.pos:])], 0
	}
}

func (s *splitter) ended() error {
	if s.inErr == io.EOF { //nolint:errorlint // io.Reader's contract
		return nil
	}
	return s.inErr
}

func (s *splitter) stop(err error) {
	if err != nil {
		s.err, s.Bad = err, true
	}
}

// fail stops where the input ends, or is not JSON.
func (s *splitter) fail() {
	if s.pos < len(s.data) {
		s.stop(ErrSyntax)
	} else {
		s.stop(cmp.Or(s.ended(), ErrEndsEarly))
	}
}

func (s *splitter) broken() { s.Broken(&Part{Type: s.part.Type, Place: s.n}) }

// list reads an array. A comma missing or too many does no harm.
func (s *splitter) list(item func()) {
	s.enter('[')
	for s.err == nil {
		s.release()
		switch c := s.Kind(); {
		case c == ']':
			s.pos++
			s.depth--
			return
		case s.pos == len(s.data):
			s.fail()
			return
		}

		s.n++
		item()
		switch c := s.Kind(); {
		case s.err != nil:
		case c == ',':
			s.pos++
		case c != ']' && c != '{' && c != 0:
			s.fail()
		}
	}
}

// item reads an object, and reports whether it is whole. Anything else is
// passed over as broken, to its end.
func (s *splitter) item(p Part, object func()) (whole bool) {
	depth := s.depth
	s.part, s.isLarge = p, false
	if whole = s.Kind() == '{'; whole {
		object()
	} else {
		s.Skip()
	}

	switch {
	case s.err != nil:
		return false
	case s.Bad && (s.depth == depth || !s.leave(depth)):
		s.fail()
		return false
	case s.Bad || !whole:
		s.Bad = false
		s.broken()
		return false
	}
	return true
}

// value reads a resource in no entry.
func (s *splitter) value() {
	isBundle := false
	if s.item(Part{Place: s.n}, func() { isBundle = s.resource() }) && !isBundle {
		s.found()
	}
}

// resource reads a resource, of a bundle each of its entries. It reports
// whether they are all that there is.
func (s *splitter) resource() (isBundle bool) {
	from, p := s.at(), &s.part
	hasEntries, isHistory := false, false
	p.Type, p.ID = "", ""
	s.Object(func(key []byte) {
		c := s.Kind()
		switch {
		case c == '"' && string(key) == "resourceType":
			if p.Type = s.String(maxShared); p.Type == "" {
				p.Type = "?" // empty, or too long to be one
			}
		case c == '"' && string(key) == "id":
			p.ID = s.String(maxToken)
		case c == '"' && string(key) == "type":
			isHistory = s.String(maxShared) == "history"
		case c == '[' && string(key) == "entry" && (p.Type == "" || p.Type == "Bundle") && s.bundles < maxBundles:
			if !hasEntries {
				s.n-- // a bundle is no entry, but its entries are
			}
			hasEntries = true
			around := *p
			s.bundles++
			s.list(func() { s.entry(isHistory) })
			s.bundles--
			if s.err == nil {
				*p = around
			}
		}
	})

	p.Data = s.since(from)
	p.TooLarge = p.Data == nil || len(p.Data) > MaxSize
	if hasEntries { // which can be a List's, before its type
		p.Data, p.TooLarge = nil, false
	}
	return hasEntries && (p.Type == "" || p.Type == "Bundle")
}

func (s *splitter) entry(isHistory bool) {
	resources, isBundle := 0, false
	isWhole := s.item(Part{Place: s.n, History: isHistory}, func() {
		s.Object(func(key []byte) {
			switch string(key) {
			case "fullUrl":
				s.Garbled = false
				if s.part.FullURL = s.String(maxToken); s.Garbled {
					s.part.FullURL = ""
				}
			case "request", "response":
				s.transaction()
			case "resource":
				switch s.Kind() {
				case '{':
					resources++
					isBundle = s.resource()
				case 'n': // null is none
				default:
					resources = 2
				}
			}
		})
	})

	switch {
	case !isWhole:
	case resources > 1:
		s.broken()
	case !isBundle && (resources == 1 || s.part.Method != ""):
		s.found()
	}
}

func (s *splitter) found() {
	p := &s.part
	if isWanted := p.Type == "" || s.Wants(p.Type); !isWanted || p.TooLarge {
		p.Data, p.TooLarge = nil, p.TooLarge && isWanted
	}
	s.stop(s.Found(p))
}

func (s *splitter) transaction() {
	p := &s.part
	s.Object(func(key []byte) {
		switch string(key) {
		case "method":
			p.Method = s.String(maxShared)
		case "url":
			p.URL = s.String(maxToken)
		case "status":
			p.Status = s.String(maxShared)
		case "lastModified":
			p.LastModified = s.String(maxShared)
		case "etag":
			p.ETag = s.String(maxToken)
		}
	})
}
