package fhir

import (
	"bytes"
	"cmp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/heliosai/helios-go/clinical/internal/bundle"
	"github.com/heliosai/helios-go/clinical/internal/codes"
	"github.com/heliosai/helios-go/clinical/internal/labs"
	"github.com/heliosai/helios-go/clinical/internal/people"
)

const (
	// How long a text, and a name, a code or a reference, can be. A resource in
	// which one that is needed is longer is not sent.
	maxText = 64 << 10
	maxName = 1 << 10
	// maxItems is how many items a list can have that is read into memory.
	maxItems = 1000
	// maxHeld is how many items all lists of one resource can have.
	maxHeld = 1 << 15
	// maxStrings is how many names of reports and shown names are remembered.
	maxStrings = 4096
)

type decoder struct {
	bundle.Reader
	// See https://hl7.org/fhir/R4/extensibility.html#modifierExtension
	modified bool
	misdated bool     // a date is written otherwise than FHIR's
	base     string   // the server of the resource, for its relative references
	codings  []coding // of the concepts of one resource
	held     int      // items of lists in one resource
	people   *people.Set
	shown    string // for the last subject
	author   string // the last of those who made something
}

func (d *decoder) start(r *resource) {
	d.Reset(r.data)
	d.modified, d.base, d.codings, d.held = false, r.full.base, d.codings[:0], 0
}

func (d *decoder) resource(r *resource, it item) {
	d.start(r)
	d.object(func(key []byte) {
		switch string(key) {
		case "meta":
			d.meta(&r.edition)
		case "status":
			r.status = d.string()
		case "issued":
			r.issued = d.date()
		case "subject", "patient":
			r.subject = d.subject()
		case "performer", "recorder", "asserter", "requester", "prescriber", "informationSource", "participant",
			"resultsInterpreter":
			d.mention(true)
		case "contained":
			d.contained(r)
		default:
			if it.read(d, key) {
				return
			}
			d.modified = d.modified || turnsMeaning(string(key)) && d.mayBeTrue()
		}
	})
}

// turnsMeaning reports whether an unknown field may negate the others.
func turnsMeaning(key string) bool {
	from := 0
	for i := range len(key) + 1 {
		if i < len(key) && (key[i] < 'A' || key[i] > 'Z') {
			continue
		}
		if negations[strings.ToLower(key[from:i])] {
			return true
		}
		from = i
	}
	return false
}

var negations = codes.Words(`no not never non without negated negation refuted refused denied absent excluded prohibited
	cancelled canceled invalid error void retracted withdrawn inactive stopped`)

// object calls field for each key, and notes an extension that modifies.
func (d *decoder) object(field func(key []byte)) {
	d.Object(func(key []byte) {
		if string(key) == "modifierExtension" && !d.Empty() {
			d.modified = true
		}
		field(key)
	})
}

// room reports whether one more item can be added to a list of n.
func (d *decoder) room(n int) bool {
	if d.held++; n < maxItems && d.held <= maxHeld {
		return true
	}
	d.TooLong = true
	return false
}

// string returns a name, a code or a reference, or "" for what is not a string.
func (d *decoder) string() string { return d.String(maxName) }

// text returns what need not come again, such as a text or a date.
func (d *decoder) text() string { return d.String(maxText) }

// mayBeTrue reads a boolean, and returns true for what cannot be read.
func (d *decoder) mayBeTrue() bool {
	return !d.Empty() && string(bytes.Trim(d.Raw(), `"`)) != "false"
}

// checked reads a value. It notes in unread one that is there but not read.
func checked[T comparable](d *decoder, read func() T, unread *bool) T {
	var none T
	empty := d.Empty()
	value := read()
	*unread = *unread || !empty && value == none
	return value
}

// pair reads two fields of an object.
func pair[T any](d *decoder, first, second string, read func() T) (a, b T) {
	d.object(func(key []byte) {
		switch string(key) {
		case first:
			a = read()
		case second:
			b = read()
		}
	})
	return a, b
}

// each reads the values of an array, or one that is in none.
func (d *decoder) each(item func()) {
	switch d.Kind() {
	case '[':
		d.List(item)
	case 'n': // none
	default:
		item()
	}
}

// contained reads the people inside a resource, and notes what else is.
func (d *decoder) contained(r *resource) {
	d.List(func() {
		modified := d.modified
		p := part{data: d.Raw()}
		d.Within(p.data, func() { d.names(field{"resourceType", &p.kind}, field{"id", &p.id}) })
		is, near := isPerson(p.kind)
		if is {
			d.Within(p.data, func() { d.person(near, true) })
		}
		d.modified = modified // which is about what is inside

		if p.kind == "Patient" {
			got := &patient{self: reference{kind: relative, tail: "Patient/" + p.id}}
			d.Within(p.data, func() { d.object(func(key []byte) { got.read(d, key) }) })
			if d.room(len(r.patients)) {
				r.patients = append(r.patients, containedPatient{p.id, labs.Hash(string(p.data)), got})
			}
		}
		if d.room(len(r.inside)) {
			r.inside = append(r.inside, p)
		}
	})
}

// See https://hl7.org/fhir/R4/resource.html#Meta
func (d *decoder) meta(e *labs.Edition) {
	number, updated := pair(d, "versionId", "lastUpdated", d.text)
	e.Number, e.Updated = cmp.Or(numberOf(number), e.Number), cmp.Or(instantOf(updated), e.Updated)
}

// numberOf and instantOf return 0 for what is none, at once where there is
// nothing, as in most resources: an error takes long to make.
func numberOf(s string) int64 {
	if s == "" {
		return 0
	}
	if n, err := strconv.ParseInt(s, 10, 64); err == nil && n > 0 {
		return n
	}
	return 0
}

func instantOf(s string) int64 {
	if s == "" {
		return 0
	}
	if t, err := time.Parse(time.RFC3339, s); err == nil {
		return t.UnixMicro()
	}
	return 0
}

const snomed = "http://snomed.info/sct"

// systems are other names, in lower case, for two terminologies.
var systems = map[string]string{
	"urn:oid:2.16.840.1.113883.6.1": codes.LOINC, "2.16.840.1.113883.6.1": codes.LOINC, "loinc": codes.LOINC,
	"http://www.loinc.org": codes.LOINC, "https://loinc.org": codes.LOINC, "https://snomed.info/sct": snomed,
	"urn:oid:2.16.840.1.113883.6.96": snomed, "2.16.840.1.113883.6.96": snomed,
}

// See https://hl7.org/fhir/R4/datatypes.html

type coding struct{ system, code, display string }

type concept struct {
	codings []coding
	text    string
}

func (c *concept) isEmpty() bool { return c.text == "" && len(c.codings) == 0 }

// best returns the coding of LOINC, else the first that has a code.
func (c *concept) best() coding {
	var best coding
	for _, coding := range c.codings {
		if best.code == "" || best.system != codes.LOINC && coding.system == codes.LOINC && coding.code != "" {
			best = coding
		}
	}
	return best
}

func (c *concept) label() labs.Label {
	best := c.best()
	var coded, local string // what a terminology calls it, and what another system
	text := strings.TrimSpace(c.text)
	for i := range c.codings {
		coding := &c.codings[i]
		display := strings.TrimSpace(coding.display)
		switch {
		case display == "":
		case !coding.isCoded():
			if local == "" || *coding == best {
				local = display
			}
		case text == display:
			return labs.Label{Name: text}
		case coded == "" || *coding == best:
			coded = display
		}
	}

	code := strings.TrimSpace(best.code)
	switch {
	case text == "" && coded != "":
		return labs.Label{Name: coded}
	case text == "" && local == "":
		return labs.Label{Name: code, FreeName: !best.isCoded() && code != ""}
	}
	return labs.Label{Name: cmp.Or(text, local), FreeName: true, CodedName: cmp.Or(coded, code)}
}

func (c *concept) hasCode(code string) bool {
	return slices.ContainsFunc(c.codings, func(coding coding) bool { return coding.code == code })
}

func (d *decoder) concept() concept {
	var c concept
	first := len(d.codings)
	d.object(func(key []byte) {
		switch string(key) {
		case "text":
			c.text = d.string()
		case "coding":
			d.List(func() {
				if c := d.coding(); c != (coding{}) && d.room(len(d.codings)-first) {
					d.codings = append(d.codings, c)
				}
			})
		}
	})

	c.codings = d.codings[first:len(d.codings):len(d.codings)]
	return c
}

func (d *decoder) coding() coding {
	var c coding
	d.names(field{"system", &c.system}, field{"code", &c.code}, field{"display", &c.display})
	if name := systems[strings.ToLower(strings.TrimSuffix(c.system, "/"))]; name != "" {
		c.system = name
	}
	return c
}

type field struct {
	key  string
	into *string
}

// names reads the fields of an object that are names, codes or references.
func (d *decoder) names(fields ...field) {
	d.object(func(key []byte) {
		for _, f := range fields {
			if string(key) == f.key {
				*f.into = d.string()
			}
		}
	})
}

// word reads a concept or, as before STU3, a code alone.
func (d *decoder) word() concept {
	if d.Kind() == '"' {
		return concept{text: d.string()}
	}
	return d.concept()
}

// concepts reads a list of concepts, or one alone, which FHIR had before R4.
func (d *decoder) concepts(each func(*concept)) {
	d.each(func() {
		c := d.concept()
		each(&c)
	})
}

type period struct {
	start, end string
	misdated   bool // a date in it is none
}

// period reads a date or time, or a Period.
func (d *decoder) period() (p period) {
	d.misdated = false
	if d.Kind() == '{' {
		p.start, p.end = pair(d, "start", "end", d.date)
	} else {
		p.start = d.date()
	}
	p.misdated = d.misdated
	return p
}

// date returns a date or time of FHIR, so that nothing else is sent as one.
func (d *decoder) date() string {
	const longest = len("2006-01-02T15:04:05.999999999+14:00")
	s := d.text()
	if len(s) <= longest+10 && labs.ValidDate(s) {
		return s
	}
	d.misdated = d.misdated || s != ""
	return ""
}
