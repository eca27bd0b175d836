package fhir

import (
	"bytes"
	"errors"
	"io"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/heliosai/helios-go/clinical/internal/labs"
)

// maxBundles is how many bundles can be in one another.
const maxBundles = 8

// resource is one resource of the input.
type resource struct {
	kind    string // its resourceType, "" if there is none, unknownType if R4 has no such type
	id      string // "" if there is none that FHIR allows
	fullURL string
	full    reference // of fullURL, for the reader of resources
	tail    string    // its type and id, if they were asked for
	data    []byte    // valid until the next resource; nil if it is not wanted or too large
	place   int       // which entry of the input it is, from 1
	tooLong bool
	deleted bool         // the entry says that the resource, which need not be there, was deleted
	edition labs.Edition // as far as the entry tells it
}

func entry(n int) string { return "entry " + strconv.Itoa(n) }

// splitter finds the resources of a bundle, a list, lines, or one that stands alone.
type splitter struct {
	*stream
	n       int // entries so far
	fullURL []byte
	about   transaction
	out     resource               // that was found last
	wants   func(kind string) bool // whether a type's resources have to be kept
	found   func(*resource) error
	broken  func(place int)
}

// Why the input cannot be split any further; the place is the last entry. After errGrammar it can.
var (
	errSyntax    = errors.New("brackets, quotes or commas are not where JSON has them")
	errEndsEarly = errors.New("the input ends before it is complete")
	errGrammar   = errors.New("an object is not as JSON has it")
)

// run splits all of the input.
func (p *splitter) run() error {
	p.begin()
	for {
		p.keep = -1
		c, ok := p.nextValue()
		if !ok {
			return p.ended()
		}
		var err error
		switch c {
		case '{':
			p.n++
			err = p.alone()
		case '[':
			err = p.list(p.element)
		default:
			p.n++
			err = errSyntax
		}
		switch {
		case err == nil:
			// A value that has no line break is a line, so that the values behind it are lines too.
			p.balance.lines = p.balance.lines || p.lineEnd >= 0 && p.at() <= p.lineEnd
		case p.balance.lines && (errors.Is(err, errSyntax) || errors.Is(err, errGrammar) || errors.Is(err, errEndsEarly)):
			p.broken(p.n)
			p.skipLine()
		default:
			return err
		}
	}
}

// ended returns why the input ended, if it was not at its end.
func (p *splitter) ended() error {
	if p.readErr == nil || p.readErr == io.EOF { //nolint:errorlint // io.Reader's contract
		return nil
	}
	return &readError{p.n, p.readErr}
}

// begin passes over a byte order mark and looks at the first line: if it is a value, or is broken but followed by a line that is a value, the input is lines.
func (p *splitter) begin() {
	for (p.lineEnd < 0 || p.end < int(p.lineEnd)+len("\n{\"")) && p.end < window && p.fill() {
		continue
	}
	p.pos = len(p.buf[:p.end]) - len(bytes.TrimPrefix(p.buf[:p.end], []byte("\ufeff")))
	if p.lineEnd < 0 {
		return
	}
	first := bytes.TrimSpace(p.buf[p.pos:p.lineEnd])
	rest := p.buf[p.lineEnd+1 : p.end]
	if len(first) < 2 || first[0] != '{' {
		return
	}
	p.balance.reset()
	n, done := p.balance.scan(first)
	whole := done && n == len(first)
	open := bytes.IndexByte([]byte("{[,:"), first[len(first)-1]) >= 0
	p.balance.lines = whole || !open && bytes.HasPrefix(rest, []byte(`{"`))
}

// nextValue returns the first byte of the next value at the top.
func (p *splitter) nextValue() (byte, bool) {
	for {
		c, ok := p.next()
		if !ok || c != '\n' && c != 0x1e { // a record separator, of JSON text sequences
			return c, ok
		}
		p.pos++
	}
}

// list reads an array, calling item for each of its values. A comma that is missing or too many does no harm.
func (p *splitter) list(item func() error) error {
	if !p.accept('[') {
		return p.failed()
	}
	for {
		c, ok := p.next()
		switch {
		case !ok:
			return p.failed()
		case c == ']':
			p.pos++
			return nil
		}
		p.n++
		if err := item(); err == errGrammar { //nolint:errorlint // it is never wrapped
			return errSyntax // inside of a list it is not known where what is around it ends
		} else if err != nil {
			return err
		}
		if c, _ := p.next(); c == ',' {
			p.pos++
		} else if c != ']' && c != '{' {
			return errSyntax
		}
	}
}

// failed returns why something could not be read.
func (p *splitter) failed() error {
	switch {
	case p.ended() != nil:
		return p.ended()
	case p.readErr != nil && p.pos == p.end:
		return errEndsEarly
	case p.balance.bad:
		return errSyntax
	}
	return errGrammar
}

// element reads a value of a list: a resource.
func (p *splitter) element() error {
	if c, _ := p.next(); c == '{' {
		return p.alone()
	}
	return p.pass()
}

// pass passes over what is no resource, and reports it.
func (p *splitter) pass() error {
	if !p.skip() {
		return p.failed()
	}
	p.broken(p.n)
	return nil
}

// alone reads a resource that is in no entry.
func (p *splitter) alone() error {
	p.keep, p.lost = p.pos, false
	from := p.at()
	r := resource{place: p.n}
	streamed, err := p.resource(&r, 0)
	switch {
	case err == errGrammar: //nolint:errorlint // it is never wrapped
		p.broken(p.n)
		return nil
	case err != nil || streamed:
		return err
	}
	return p.emit(&r, from, p.at())
}

// entries returns what reads an entry of a bundle that is in others.
func (p *splitter) entries(bundles int, history bool) func() error {
	return func() error {
		if c, _ := p.next(); c == '{' {
			return p.entry(bundles, history)
		}
		return p.pass()
	}
}

func (p *splitter) entry(bundles int, history bool) error {
	p.keep, p.lost = p.pos, false
	p.fullURL = p.fullURL[:0]
	p.about = transaction{history: history}
	r := resource{place: p.n}
	var from, to int64
	found, streamed := 0, false
	err := p.object(func(key string) error {
		c, _ := p.next()
		switch {
		case key == "fullUrl" && c == '"':
			token, ok := p.token()
			if !ok {
				return p.failed()
			}
			p.fullURL = append(p.fullURL[:0], token...)
			return nil
		case (key == "request" || key == "response") && c == '{':
			return p.transaction(key)
		case key == "resource" && c != '{' && c != 'n': // null is none
			found = 2
		case key == "resource" && c == '{':
			found++
			from = p.at()
			r = resource{place: r.place}
			var err error
			if streamed, err = p.resource(&r, bundles); err == errGrammar { //nolint:errorlint // it is never wrapped
				found, err = 2, nil
			}
			to = p.at()
			return err
		}
		return p.skipField()
	})
	switch {
	case err == errGrammar || err == nil && found > 1: //nolint:errorlint // it is never wrapped
		p.broken(r.place)
		return nil
	case err != nil || streamed:
		return err
	}
	if r.fullURL, _ = unescape(p.fullURL); !utf8.ValidString(r.fullURL) {
		r.fullURL = ""
	}
	if p.about.tell(&r); found == 0 && !r.deleted {
		return nil
	}
	return p.emit(&r, from, to)
}

// object reads an object, calling field for each key; it has to read the value. After a mistake that leaves no doubt about where the object ends, it reads up to
// there and returns errGrammar.
func (p *splitter) object(field func(key string) error) error {
	err := p.fields(field)
	if err == errGrammar { //nolint:errorlint // it is never wrapped
		p.balance.reset()
		p.balance.open(false)
		if !p.skipRest() {
			return p.failed()
		}
	}
	return err
}

func (p *splitter) fields(field func(key string) error) error {
	if !p.accept('{') {
		return p.failed()
	}
	for first := true; ; first = false {
		if p.accept('}') {
			return nil
		}
		if !first {
			if !p.accept(',') {
				return p.failed()
			}
			if p.accept('}') {
				return nil
			}
		}
		token, ok := p.token()
		if !ok {
			return p.failed()
		}
		key := knownKey(token) // before more is read, which moves the token
		if !p.accept(':') {
			return p.failed()
		}
		if err := field(key); err != nil {
			return err
		}
	}
}

func (p *splitter) skipField() error {
	if !p.skip() {
		return p.failed()
	}
	return nil
}

func knownKey(token []byte) string {
	switch string(token) {
	case "resourceType":
		return "resourceType"
	case "id":
		return "id"
	case "entry":
		return "entry"
	case "fullUrl":
		return "fullUrl"
	case "resource":
		return "resource"
	case "type":
		return "type"
	case "request":
		return "request"
	case "response":
		return "response"
	case "method":
		return "method"
	case "url":
		return "url"
	case "lastModified":
		return "lastModified"
	case "etag":
		return "etag"
	}
	if bytes.IndexByte(token, '\\') >= 0 {
		if key, ok := unescape(token); ok && !strings.Contains(key, "\\") {
			return knownKey([]byte(key))
		}
	}
	return ""
}

// resource reads a resource. The entries of a bundle are read as they come: it is streamed then, and nothing of it is kept.
func (p *splitter) resource(r *resource, bundles int) (streamed bool, err error) {
	history, place := false, p.n
	err = p.object(func(key string) error {
		c, _ := p.next()
		switch {
		case key == "resourceType" && c == '"':
			token, ok := p.token()
			if !ok {
				return p.failed()
			}
			r.kind = typeOf(token)
			if !p.wants(r.kind) {
				p.keep = -1
			}
			return nil
		case key == "id" && c == '"':
			token, ok := p.token()
			if !ok {
				return p.failed()
			}
			if isID(token) {
				r.id = string(token)
			}
			return nil
		case key == "type" && c == '"':
			token, ok := p.token()
			history = string(token) == "history"
			if !ok {
				return p.failed()
			}
			return nil
		case key == "entry" && c == '[' && (r.kind == "" || r.kind == "Bundle") && bundles < maxBundles:
			streamed = true
			p.keep = -1
			p.n-- // a bundle is no entry, but its entries are
			err := p.list(p.entries(bundles+1, history))
			p.keep = -1
			return err
		}
		return p.skipField()
	})
	if err == nil && streamed && r.kind != "" && r.kind != "Bundle" { // entries of a List, before its type
		return true, p.found(&resource{kind: r.kind, id: r.id, place: place})
	}
	return streamed, err
}

func (p *splitter) emit(r *resource, from, to int64) error {
	switch {
	case r.kind != "" && !p.wants(r.kind), from == to:
	case p.lost || p.keep < 0 || to-from > maxEntry:
		r.tooLong = true
	default:
		r.data = p.kept(from, to)
	}
	p.out = *r
	err := p.found(&p.out)
	p.keep = -1
	return err
}
