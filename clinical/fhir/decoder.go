package fhir

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/heliosai/helios-go/clinical/internal/bundle"
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
	big  bool // a list is longer than is read
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
	d.big, d.modified, d.misdated, d.base, d.codings, d.held = false, false, false, r.full.base, d.codings[:0], 0
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
			d.modified = d.modified || turnsMeaning(string(key)) && d.Kind() != 'f' && !d.Empty()
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
		if negations[strings.ToLower(key[from:i])] != "" {
			return true
		}
		from = i
	}
	return false
}

var negations = words(`no not never non without negated negation refuted refused denied absent excluded prohibited
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
	d.big = true
	return false
}

// string returns a name, a code or a reference, or "" for what is not a string.
func (d *decoder) string() string { return d.String(maxName) }

// text returns what need not come again, such as a text or a date.
func (d *decoder) text() string { return d.String(maxText) }

// mayBeTrue reads a boolean, and returns true for what cannot be read.
func (d *decoder) mayBeTrue() bool {
	empty := d.Empty()
	is, known := d.Bool()
	return is || !empty && !known
}

func (d *decoder) number() (n string, unread bool) {
	empty := d.Empty()
	n = d.Number()
	return n, !empty && n == ""
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
		p := part{data: d.Raw()}
		d.Within(p.data, func() {
			d.Object(func(key []byte) {
				switch string(key) {
				case "resourceType":
					p.kind = d.string()
				case "id":
					p.id = d.string()
				}
			})
		})

		is, near := isPerson(p.kind)
		switch {
		case p.kind == "Patient":
			d.containedPatient(r, &p)
		case is:
			modified := d.modified
			d.Within(p.data, func() { d.person(near) })
			d.modified = modified // it is the person's
		}
		if d.room(len(r.inside)) {
			r.inside = append(r.inside, p)
		}
	})
}

func (d *decoder) containedPatient(r *resource, p *part) {
	got := &patient{self: reference{kind: relative, tail: "Patient/" + p.id}}
	d.Within(p.data, func() {
		d.object(func(key []byte) {
			got.read(d, key)
		})
	})

	if !d.Bad && d.room(len(r.patients)) {
		r.patients = append(r.patients, containedPatient{p.id, labs.Hash(string(p.data)), got})
		d.Within(p.data, func() { d.person(true) })
	}
}

// See https://hl7.org/fhir/R4/resource.html#Meta
func (d *decoder) meta(e *labs.Edition) {
	d.object(func(key []byte) {
		switch string(key) {
		case "versionId":
			e.Number = numberOf(d.text())
		case "lastUpdated":
			e.Updated = instantOf(d.text())
		}
	})
}

// numberOf and instantOf return 0 for what is none, at once where there is
// nothing, as in most resources: an error takes long to make.
func numberOf(s string) int64 {
	if s == "" {
		return 0
	}
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil || n < 0 {
		return 0
	}
	return n
}

func instantOf(s string) int64 {
	if s == "" {
		return 0
	}
	t, err := time.Parse(time.RFC3339, s)
	if err != nil {
		return 0
	}
	return t.UnixMicro()
}

const (
	loinc  = "http://loinc.org"
	snomed = "http://snomed.info/sct"
)

// systems are other names, in lower case, for two terminologies.
var systems = map[string]string{
	"urn:oid:2.16.840.1.113883.6.1": loinc, "2.16.840.1.113883.6.1": loinc, "https://loinc.org": loinc,
	"http://www.loinc.org": loinc, "loinc": loinc, "urn:oid:2.16.840.1.113883.6.96": snomed,
	"2.16.840.1.113883.6.96": snomed, "https://snomed.info/sct": snomed,
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
	var first coding
	for _, coding := range c.codings {
		if coding.system == loinc && coding.code != "" {
			return coding
		}
		if first.code == "" {
			first = coding
		}
	}
	return first
}

type label struct {
	name  string
	typed bool   // someone typed the name, or may have, rather than chose it from a terminology
	coded string // what a terminology calls it, or its code, if the name was typed
}

func (c *concept) label() label {
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
			return label{name: text}
		case coded == "" || *coding == best:
			coded = display
		}
	}

	code := strings.TrimSpace(best.code)
	switch {
	case text != "" && coded == "":
		return label{text, true, code}
	case text != "":
		return label{text, true, coded}
	case coded != "":
		return label{name: coded}
	case local != "":
		return label{local, true, code}
	}

	return label{name: code, typed: !best.isCoded() && code != ""}
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

// concepts reads a list of concepts, or one alone, which FHIR had before R4.
func (d *decoder) concepts(each func(*concept)) {
	d.each(func() {
		c := d.concept()
		each(&c)
	})
}

// when reads a date or a period, and reports whether a date in it is none.
func (d *decoder) when(isPeriod bool) (start, end string, misdated bool) {
	d.misdated = false
	if isPeriod {
		start, end = d.period()
	} else {
		start = d.date()
	}
	return start, end, d.misdated
}

func (d *decoder) period() (start, end string) {
	d.object(func(key []byte) {
		switch string(key) {
		case "start":
			start = d.date()
		case "end":
			end = d.date()
		}
	})
	return start, end
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
