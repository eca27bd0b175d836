package fhir

import (
	"slices"
	"strconv"
	"strings"

	"github.com/heliosai/helios-go/clinical"
	"github.com/heliosai/helios-go/clinical/internal/bundle"
	"github.com/heliosai/helios-go/clinical/internal/labs"
)

type resource struct {
	kind  string // its resourceType, "" if there is none, unknownType if FHIR has no such type
	id    string // "" if there is none that FHIR allows
	tail  string // type and id
	full  reference
	data  []byte
	place int // which entry of the input it is, from 1
	// deleted is set if the entry says so; then data can be missing.
	deleted bool
	source  string // how the report names it
	name    uint64 // what its editions have in common
	edition labs.Edition

	// The fields that several types have.
	status   string
	issued   string
	subject  reference
	patients []containedPatient
	inside   []part

	// What an Observation has from the resource that it is inside of.
	in      *resource
	refs    [2]uint64
	isLab   bool
	focus   bool
	refused string // the status for which nothing of it is sent
}

type part struct {
	kind, id string
	data     []byte
}

func (r *resource) kindInside(id string) string {
	if i := slices.IndexFunc(r.inside, func(p part) bool { return p.id == id }); i >= 0 {
		return r.inside[i].kind
	}
	return ""
}

type containedPatient struct {
	id   string
	hash uint64
	*patient
}

func entry(n int) string { return "entry " + strconv.Itoa(n) }

func newResource(p *bundle.Part) resource {
	r := resource{kind: typeOf(p.Type), data: p.Data, place: p.Place}
	if isID(p.ID) {
		r.id = p.ID
	}
	r.full = parseReference(p.FullURL)
	r.transaction(p)
	r.source = r.sourceOf("")
	return r
}

func (r *resource) isThere(p *bundle.Part) bool {
	return r.kind != "" || r.data != nil || p.TooLarge || r.deleted
}

// lastPlace is the first edition in a history that does not number them.
const lastPlace = 1 << 62

// See https://hl7.org/fhir/R4/bundle.html#history
func (r *resource) transaction(p *bundle.Part) {
	e := &r.edition
	e.Place = r.place
	request, response := p.Method+p.URL != "", p.Status+p.LastModified+p.ETag != ""
	if p.History || request && response {
		e.Place = -r.place // the newest edition comes first
	}
	e.Updated = instantOf(p.LastModified)
	e.Number = numberOf(strings.Trim(strings.TrimPrefix(p.ETag, "W/"), `\"`))

	if r.deleted = p.Method == "DELETE"; r.deleted { //nolint:usestdlibvars // net/http is not used here
		var url reference
		if !strings.Contains(p.URL, "?") { // a search names no resource
			url = parseReference(p.URL)
		}
		if r.kind == "" {
			r.kind, r.id = url.target(), url.id()
		}
		if url.base != "" && r.full.kind == noReference {
			r.full = url
		}
	}
	if e.Place < 0 && e.Number == 0 && e.Updated == 0 {
		e.Number = lastPlace + int64(e.Place) // its place counts more than its status
	}
}

// contain returns a resource inside r. It is an edition of r.
func (r *resource) contain(p *part) *resource {
	source := r.source
	if isID(p.id) {
		source = r.sourceOf("#" + p.id)
	}
	return &resource{
		kind: p.kind, id: r.id, full: r.full, data: p.data, place: r.place,
		source: source, edition: r.edition, in: r, focus: r.focus,
	}
}

func (r *resource) identify(c *converter) {
	if in := r.in; in != nil {
		r.name, r.edition, r.patients, r.refs = in.name, in.edition, in.patients, in.refs
		if r.subject.kind == noReference {
			r.subject = in.subject
		}
	} else if person, _ := isPerson(r.kind); !person || r.kind == "Patient" {
		r.name = c.identity(r)
	}
	if r.kind == "Observation" { // when this edition was made available
		r.edition.Issued = instantOf(r.issued)
	}
	switch r.status {
	case "amended", "corrected":
		r.edition.Rank = labs.IsCorrected
	case "preliminary":
		r.edition.Rank = labs.IsPreliminary
	case enteredInError:
		r.edition = inError(r.edition)
	}
}

const enteredInError = "entered-in-error"

// inError returns an edition that gives way only to one that is known to be
// newer.
func inError(e labs.Edition) labs.Edition {
	e.Rank, e.IsWrong = labs.IsCorrected, true
	return e
}

func (r *resource) typeAndID() string {
	if r.tail == "" {
		r.tail = r.kind + "/" + r.id
	}
	return r.tail
}

// self returns how others refer to a resource: by type and id, and by a fullUrl
// that is another URL.
func (r *resource) self() (literal, other reference) {
	if r.full.kind == absolute {
		return r.full, reference{}
	}
	if r.id != "" {
		literal = reference{kind: relative, tail: r.typeAndID()}
	} else if r.full.kind == relative {
		literal = r.full
	}

	if r.full.kind == opaque {
		other = r.full
	}
	return literal, other
}

func (r *resource) lookups() [2]uint64 {
	literal, other := r.self()
	keys := literal.lookups()
	if other.kind == opaque {
		keys[0] = labs.Hash(noServer, other.text) // which is free: all that is in an index has the other key
	}
	return keys
}

// identity names a resource in all editions; 0 for none. Without a server it is
// on the one that others are on.
func (c *converter) identity(r *resource) uint64 {
	literal, other := r.self()
	switch isUnnumbered := r.edition.Updated == 0 && r.edition.Number == 0; {
	case other.kind == opaque && (isUnnumbered || literal.kind == noReference): // the id need not be a server's
		return labs.Hash(r.kind, other.text)
	case literal.kind == noReference:
		return 0
	case c.server == "":
		c.server = literal.base
	case literal.base != "" && literal.base != c.server:
		return labs.Hash(r.kind, literal.base, literal.tail)
	}
	return labs.Hash(r.kind, "", literal.tail)
}

// sourceOf names a resource, or what is inside of it, in a report. Of people
// only the type is told. Behind an id comes the place, which named may need.
func (r *resource) sourceOf(inside string) string {
	switch {
	case r.kind == "Patient" || r.kind == "Person" || r.kind == "RelatedPerson":
		return r.kind
	case r.kind == "" || r.kind == unknownType || r.id == "":
		return entry(r.place)
	case inside == "" && isUUID(r.id):
		return r.typeAndID()
	}
	source := r.kind + "/" + r.id + inside + "\x00" + entry(r.place)
	r.tail = source[:len(r.kind)+1+len(r.id)]
	return source
}

// isUUID reports whether an id is one, which holds a name only by chance.
func isUUID(id string) bool {
	return len(id) == 36 && id[8] == '-' && id[13] == '-' && id[18] == '-' && id[23] == '-' &&
		strings.Trim(id, "0123456789abcdefABCDEF-") == ""
}

// named returns how a report names a source. An id can be made of someone's
// name, as in "Observation/john-doe-hba1c": then its place stands for it.
func (c *converter) named(source string) string {
	name, place, ok := strings.Cut(source, "\x00")
	if _, id, _ := strings.Cut(name, "/"); ok && c.people.InID(id) {
		return place
	}
	return name
}

// nameless is called at the end, when the people of the input are known.
func (c *converter) nameless(report *clinical.Report) *clinical.Report {
	again := &clinical.Report{Sent: report.Sent}
	add := func(reason clinical.Reason, source, detail string, sent bool) {
		if sent {
			again.Note(reason, source, detail)
		} else {
			again.Drop(reason, source, detail)
		}
	}

	listed := map[clinical.Issue]int{}
	for _, issue := range report.Issues {
		add(issue.Reason, c.named(issue.Source), issue.Detail, issue.Sent)
		issue.Source = ""
		listed[issue]++
	}

	for _, count := range report.Counts() {
		first := c.named(count.First)
		for range count.N - listed[clinical.Issue{Reason: count.Reason, Detail: count.Detail, Sent: count.Sent}] {
			add(count.Reason, first, count.Detail, count.Sent)
		}
	}

	return again
}
