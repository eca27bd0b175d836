package fhir

import (
	"bytes"
	"cmp"
	"slices"
	"strconv"
	"time"

	"github.com/heliosai/helios-go/clinical"
	"github.com/heliosai/helios-go/clinical/internal/labs"
)

// An input can hold a resource several times: in the history of a server, or as it was when each of several files was written. The newest edition counts.

// maxEditions is how many resources are remembered of which the newest edition is not sent, so that no older one is.
const maxEditions = 1 << 16

// lastPlace is the number of the first edition in a history that does not number them.
const lastPlace = 1 << 62

// meta reads when a resource was changed and the number of its edition. See https://hl7.org/fhir/R4/resource.html#Meta
func (d *decoder) meta(e *labs.Edition) {
	d.object(func(key []byte) {
		switch string(key) {
		case "versionId":
			e.Number = numberOf(d.bytes())
		case "lastUpdated":
			e.Updated = instantOf(d.bytes())
		default:
			d.skip()
		}
	})
}

// bytes returns a string as written, nil for what is none.
func (d *decoder) bytes() []byte {
	if d.next() != '"' {
		d.skip()
		return nil
	}
	return d.raw()
}

// numberOf reads the number of an edition; 0 for what is none.
func numberOf(b []byte) int64 {
	n, err := strconv.ParseInt(string(b), 10, 64)
	if err != nil || n < 0 {
		return 0
	}
	return n
}

// instantOf returns an instant in microseconds, 0 for what is none.
func instantOf(b []byte) int64 {
	var t time.Time
	if t.UnmarshalText(b) != nil {
		return 0
	}
	return t.UnixMicro()
}

// newer compares two editions of a resource, as package labs does: by when they were made, else by their numbers. It returns 0 if that does not tell.
func newer(a, b *labs.Edition) int {
	if a.Updated != 0 && b.Updated != 0 && a.Updated != b.Updated {
		return cmp.Compare(a.Updated, b.Updated)
	}
	if a.Number != 0 && b.Number != 0 && a.Number != b.Number {
		return cmp.Compare(a.Number, b.Number)
	}
	if a.Issued != 0 && b.Issued != 0 {
		return cmp.Compare(a.Issued, b.Issued)
	}
	return 0
}

// isNewer is newer where their places decide if nothing else does.
func isNewer(a, b *labs.Edition) bool { return cmp.Or(newer(a, b), cmp.Compare(a.Place, b.Place)) > 0 }

// last is the newest edition of a resource that is not sent.
type last struct {
	labs.Edition
	inError bool // so that, if nothing tells that another is newer, none is sent
	rank    int  // of an Observation: 1 for one that is corrected, -1 for a preliminary one
}

func lastOf(row *labs.Result) last {
	l := last{Edition: row.Edition}
	switch {
	case row.Corrected:
		l.rank = 1
	case row.Preliminary:
		l.rank = -1
	}
	return l
}

// result is what takes the place of older editions among results.
func (l *last) result(name string) *labs.Result {
	return &labs.Result{Resource: name, Edition: l.Edition, Corrected: l.rank > 0, Preliminary: l.rank < 0}
}

func (l last) supersedes(edition *labs.Edition) bool {
	if c := newer(&l.Edition, edition); c != 0 {
		return c > 0
	}
	return l.inError || l.Place > edition.Place
}

// editions are the newest ones of resources that are not sent.
type editions map[string]last

func (e editions) add(resource string, l last) {
	known, ok := e[resource]
	older := ok && known.supersedes(&l.Edition)
	if ok && newer(&known.Edition, &l.Edition) == 0 && known.rank != l.rank {
		older = known.rank > l.rank
	}
	if resource == "" || older || !ok && len(e) >= maxEditions {
		return
	}
	e[resource] = l
}

// move remembers an edition about someone else, which takes the place of older ones about the patient. Before the first one there is none.
func (c *converter) move(resource string, l last) {
	if l.Number != 1 {
		c.moved.add(resource, l)
	}
}

// moveOut is move for what is in a record that is not the patient's.
func (c *converter) moveOut(r *record) {
	c.mine().labs.Supersede(r.labs)
	c.mine().labs.Supersede(r.vitals)
	if r.both {
		c.mine().vitals.Supersede(r.labs)
		c.mine().vitals.Supersede(r.vitals)
	}
	for i := range r.pending {
		c.move(r.pending[i].Resource, lastOf(&r.pending[i]))
	}
	for i := range r.conditions {
		c.move(r.conditions[i].resource, last{Edition: r.conditions[i].edition})
	}
	for i := range r.medications {
		c.move(r.medications[i].resource, last{Edition: r.medications[i].edition})
	}
}

// newest leaves the newest edition of each resource.
func newest[T any](c *converter, report *clinical.Report, items []T, identity func(*T) (resource, source string, edition *labs.Edition)) []T {
	all := make(map[string]labs.Edition, len(items))
	for i := range items {
		resource, _, edition := identity(&items[i])
		if known, ok := all[resource]; !ok || isNewer(edition, &known) {
			all[resource] = *edition
		}
	}
	return slices.DeleteFunc(items, func(item T) bool {
		resource, source, edition := identity(&item)
		gone, ok := c.gone[resource]
		if l, too := c.moved[resource]; too && !gone.inError && (!ok || !gone.supersedes(&l.Edition)) {
			gone, ok = l, true
		}
		switch {
		case resource == "":
			return false
		case ok && gone.supersedes(edition):
			if gone.inError {
				report.Drop(clinical.StatusNotSent, source, "")
				return true
			}
		case all[resource].Place == edition.Place:
			return false
		}
		report.Drop(clinical.Replaced, source, "")
		return true
	})
}

// transaction is what an entry of a bundle says of the request that it is or was. See https://hl7.org/fhir/R4/bundle.html#history
type transaction struct {
	history           bool // of which the newest edition comes first
	request, response bool
	deleted           bool
	kind, id, base    string // of what was deleted
	edition           labs.Edition
}

// transaction reads a request or response.
func (p *splitter) transaction(part string) error {
	if part == "request" {
		p.about.request = true
	} else {
		p.about.response = true
	}
	return p.object(func(key string) error {
		switch c, _ := p.next(); {
		case c != '"':
			return p.skipField()
		case key == "method", key == "url", key == "lastModified", key == "etag":
			token, ok := p.token()
			if !ok {
				return p.failed()
			}
			p.about.set(key, token)
			return nil
		}
		return p.skipField()
	})
}

func (t *transaction) set(key string, token []byte) {
	switch key {
	case "method":
		t.deleted = string(token) == "DELETE"
	case "url":
		if bytes.IndexByte(token, '?') >= 0 { // a search, which names no resource
			return
		}
		url, _ := unescape(token)
		ref := parseReference(url)
		t.kind, t.id, t.base = ref.target(), ref.id(), ref.base
	case "lastModified":
		t.edition.Updated = instantOf(token)
	case "etag":
		t.edition.Number = numberOf(bytes.Trim(bytes.TrimPrefix(token, []byte("W/")), `\"`))
	}
}

// tell adds what is known from the entry to its resource.
func (t *transaction) tell(r *resource) {
	r.edition = t.edition
	r.edition.Place = r.place
	if t.history || t.request && t.response {
		r.edition.Place = -r.place
	}
	if !t.deleted {
		return
	}
	r.deleted = true
	if r.kind == "" && t.kind != "" {
		r.kind, r.id = t.kind, t.id
	}
	if t.base != "" && r.fullURL == "" {
		r.fullURL = t.base + t.kind + "/" + t.id
	}
}

// numbered numbers an edition of a history that does not number them, so that its place there counts more than its status.
func numbered(e *labs.Edition) {
	if e.Place < 0 && e.Number == 0 && e.Updated == 0 {
		e.Number = int64(lastPlace + e.Place)
	}
}
