// Package bundle reads FHIR JSON without knowing FHIR: [Split] finds the
// resources of an input of any size, and a [Reader] reads the fields of one.
// Of FHIR it knows the names in a Bundle.
package bundle

import (
	"bytes"
	"cmp"
	"errors"
	"io"
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

// errGrammar is a mistake in an object whose end is known.
var errGrammar = errors.New("an object is not as JSON has it")

var errTooLarge = errors.New("a value is larger than is kept")

const (
	// maxBundles is how many bundles can be in one another.
	maxBundles = 8
	// maxToken is how long an id or a fullUrl can be to be known.
	maxToken = 4 << 10
)

// Split reads a Bundle, also with Bundles in it, a resource, an array of
// either, or one of either per line. It returns the place of the last entry,
// and ErrSyntax, ErrEndsEarly, an error of r or one of Found.
func Split(r io.Reader, h Handler) (place int, err error) {
	s := splitter{stream: newStream(r), Handler: h, reader: &Reader{}}
	s.begin()
	err = s.run()
	return s.n, err
}

type splitter struct {
	*stream
	Handler
	reader  *Reader
	n       int // entries so far
	bundles int // that are around what is read
	lines   bool
	part    Part // that is read
	// What is known of the part or bundle.
	hasEntries, stopped, isHistory bool
}

func (s *splitter) run() error {
	for {
		c, ok := s.next()
		if !ok {
			return s.ended()
		}

		line, isLine := []byte(nil), false
		if s.lines {
			line, isLine = s.line()
		}
		var err error
		switch {
		case isLine:
			err = s.within(line, s.n, s.bundles)
		case c == '{':
			s.n++
			err = s.value()
		case c == '[':
			err = s.list(s.element)
		case c == 0x1e: // a record separator, of JSON text sequences
			s.pos++
		default:
			s.n++
			s.part, err = Part{}, ErrSyntax
		}

		switch {
		case err == nil:
			// A value without a line break is a line, so what follows is lines.
			s.lines = s.lines || s.lineEnd >= 0 && s.at() <= s.lineEnd
		case s.lines && (err == ErrSyntax || err == ErrEndsEarly): //nolint:errorlint // never wrapped here
			s.broken()
			if !isLine {
				s.skipLine()
			}
		default:
			return err
		}
	}
}

func (s *splitter) within(data []byte, n, bundles int) error {
	inner := &splitter{stream: heldStream(data), Handler: s.Handler, reader: s.reader, n: n, bundles: bundles}
	err := inner.run()
	s.n, s.part = inner.n, inner.part
	return err
}

func (s *splitter) broken() {
	s.Broken(&Part{Type: s.part.Type, Place: s.n})
}

func (s *splitter) ended() error {
	if s.readErr == io.EOF { //nolint:errorlint // io.Reader's contract
		return nil
	}
	return s.readErr
}

// early returns why the input ended within a value.
func (s *splitter) early() error { return cmp.Or(s.ended(), ErrEndsEarly) }

// begin decides whether the input is lines: the first is a value, or is broken
// but followed by one.
func (s *splitter) begin() {
	for (s.lineEnd < 0 || s.end < int(s.lineEnd)+len("\n{\"")) && s.end < window && s.fill() {
		continue
	}
	s.pos = len(s.buf[:s.end]) - len(bytes.TrimPrefix(s.buf[:s.end], []byte("\ufeff")))
	if s.lineEnd < 0 {
		return
	}
	first := bytes.TrimSpace(s.buf[s.pos:s.lineEnd])
	rest := s.buf[s.lineEnd+1 : s.end]
	if len(first) < 2 || first[0] != '{' {
		return
	}

	s.balance.reset()
	n, done := s.balance.scan(first)
	whole := done && n == len(first)
	open := bytes.IndexByte([]byte("{[,:"), first[len(first)-1]) >= 0
	s.lines = whole || !open && bytes.HasPrefix(rest, []byte(`{"`))
}

// parse calls read again, from the beginning, when more of the input is there.
func (s *splitter) parse(read func()) error {
	for {
		r, isAll := s.reader, s.isAll()
		r.Reset(s.buf[s.pos:s.end])
		s.hasEntries, s.stopped, s.isHistory = false, false, false
		read()

		isEnd := r.pos == len(r.data)
		switch {
		case s.stopped, !r.Bad && (isAll || !isEnd): // a number at the end can go on
			s.pos += r.pos
			return nil
		case !isEnd:
			return errGrammar
		case isAll:
			return s.early()
		case len(r.data) > MaxSize:
			return errTooLarge
		}
		s.more()
	}
}

// skip passes over a value of which depth brackets are open already.
func (s *splitter) skip(depth int) error {
	s.balance.reset()
	for range depth {
		s.balance.open('{')
	}
	switch {
	case s.skipBalanced():
		return nil
	case s.balance.bad:
		return ErrSyntax
	}
	return s.early()
}

// list reads an array. A comma missing or too many does no harm.
func (s *splitter) list(item func() error) error {
	s.pos++
	for {
		c, ok := s.next()
		switch {
		case !ok:
			return s.early()
		case c == ']':
			s.pos++
			return nil
		}

		s.n++
		if err := item(); err != nil {
			return err
		}

		if c, _ := s.next(); c == ',' {
			s.pos++
		} else if c != ']' && c != '{' && c != 0 {
			return ErrSyntax
		}
	}
}

func (s *splitter) element() error {
	if c, _ := s.next(); c == '{' {
		return s.value()
	}
	return s.pass()
}

func (s *splitter) pass() error {
	s.part = Part{}
	err := s.parse(s.reader.Skip)
	if errors.Is(err, errTooLarge) {
		err = s.skip(0)
	}

	switch {
	case err == nil:
		s.broken()
	case errors.Is(err, errGrammar):
		return ErrSyntax
	}
	return err
}

// value reads a resource in no entry. A bundle's entries are read as they come.
func (s *splitter) value() error {
	err := s.parse(func() {
		s.part = Part{Place: s.n}
		s.resource(true)
	})

	if !s.stopped {
		return s.found(err)
	}

	s.n-- // a bundle is no entry, but its entries are
	p, isHistory := s.part, s.isHistory
	for s.stopped {
		if err := s.list(func() error { return s.entry(isHistory) }); err != nil {
			return err
		}
		s.part = p
		err = s.parse(func() { s.reader.fields(false, s.field(true)) })
		p = s.part
	}

	if err == errGrammar || err == errTooLarge { //nolint:errorlint // never wrapped
		if err := s.skip(1); err != nil {
			return err
		}
		s.broken()
		return nil
	}
	if err == nil && p.Type != "" && p.Type != "Bundle" { // entries of a List, before its type
		return s.Found(&Part{Type: p.Type, ID: p.ID, Place: p.Place})
	}
	return err
}

// resource reads a resource, at most to the entries of a bundle.
func (s *splitter) resource(stops bool) {
	r, p := s.reader, &s.part
	r.Kind()
	from := r.pos
	p.Type, p.ID = "", ""
	r.Object(s.field(stops))
	p.Data = r.data[from:r.pos]
}

func (s *splitter) field(stops bool) func(key []byte) {
	r, p := s.reader, &s.part
	return func(key []byte) {
		c := r.Kind()
		switch {
		case c == '"' && string(key) == "resourceType":
			if p.Type = r.String(maxShared); p.Type == "" {
				p.Type = "?" // empty, or too long to be one
			}
		case c == '"' && string(key) == "id":
			p.ID = r.String(maxToken)
		case c == '"' && string(key) == "type":
			s.isHistory = r.String(maxShared) == "history"
		case c == '[' && string(key) == "entry" && (p.Type == "" || p.Type == "Bundle") && s.bundles < maxBundles:
			s.hasEntries, s.stopped, r.Bad = true, stops, stops
		}
	}
}

// found hands a part to the caller. err is what went wrong where it was read.
func (s *splitter) found(err error) error {
	p := &s.part
	switch {
	case err == errGrammar || err == errTooLarge: //nolint:errorlint // never wrapped
		if err := s.skip(0); err != nil {
			return err
		}
	case err != nil:
		return err
	}

	if err == errGrammar { //nolint:errorlint // never wrapped
		s.broken()
		return nil
	}

	p.TooLarge = err != nil || len(p.Data) > MaxSize
	if isWanted := p.Type == "" || s.Wants(p.Type); !isWanted || p.TooLarge {
		p.Data, p.TooLarge = nil, p.TooLarge && isWanted
	}
	return s.Found(p)
}

func (s *splitter) entry(isHistory bool) error {
	if c, _ := s.next(); c != '{' {
		return s.pass()
	}

	resources := 0
	err := s.parse(func() {
		s.part = Part{Place: s.n, History: isHistory}
		resources = 0
		s.reader.Object(func(key []byte) {
			switch string(key) {
			case "fullUrl":
				s.part.FullURL = s.url()
			case "request", "response":
				s.transaction()
			case "resource":
				switch s.reader.Kind() {
				case '{':
					resources++
					s.resource(false)
				case 'n': // null is none
				default:
					resources = 2
				}
			}
		})
	})

	switch {
	case err == nil && resources > 1:
		s.broken()
		return nil
	case err == nil && resources == 0 && s.part.Method == "":
		return nil
	case err == nil && s.hasEntries && (s.part.Type == "" || s.part.Type == "Bundle"):
		return s.within(s.part.Data, s.n-1, s.bundles+1)
	}

	return s.found(err)
}

func (s *splitter) url() string {
	s.reader.Garbled = false
	if url := s.reader.String(maxToken); !s.reader.Garbled {
		return url
	}
	return ""
}

func (s *splitter) transaction() {
	r, p := s.reader, &s.part
	r.Object(func(key []byte) {
		switch string(key) {
		case "method":
			p.Method = r.String(maxShared)
		case "url":
			p.URL = r.String(maxToken)
		case "status":
			p.Status = r.String(maxShared)
		case "lastModified":
			p.LastModified = r.String(maxShared)
		case "etag":
			p.ETag = r.String(maxToken)
		}
	})
}
