package hl7v2

import (
	"slices"
	"strings"

	"github.com/heliosai/helios-go/clinical/internal/labs"
)

// wordsOf returns the words of a text in lower case.
func wordsOf(s string) []string {
	return strings.FieldsFunc(strings.ToLower(s), func(c rune) bool { return !isLetterOrDigit(c) })
}

// identity is what patients are told apart by. It is compared, and never leaves this package.
type identity struct {
	ids           []identifier
	family, given string // as words
	born          string // a date, or as written where it is none
}

// identifier is a patient's number, with who assigned it, as far as that is said.
type identifier struct {
	value, kind          string
	namespace, universal string // of the assigning authority
	sender               string // who is the authority where none is named
}

const (
	// maxIDs bounds how many identifiers of one person are compared.
	maxIDs = 16
	// maxSharing bounds how many patients with one number are kept apart. A number of more tells nothing of who someone is.
	maxSharing = 64
)

// likeness tells whether two things are one.
type likeness int

const (
	different likeness = iota
	perhaps            // one of them does not say enough
	same
)

func like(a, b string) likeness {
	switch {
	case a == b:
		return same
	case a == "" || b == "":
		return perhaps
	}
	return different
}

// like tells whether two identifiers are one: the same number, of the same kind, of the same authority.
func (a *identifier) like(b *identifier) likeness {
	if a.value != b.value {
		return different
	}
	authority := perhaps
	namespace, universal := like(a.namespace, b.namespace), like(a.universal, b.universal)
	switch {
	case namespace == different || universal == different:
		return different
	case namespace == same && a.namespace != "", universal == same && a.universal != "", a.isUnassigned() && b.isUnassigned() && a.sender != "" && a.sender == b.sender:
		authority = same
	}
	return min(authority, like(a.kind, b.kind))
}

func (a *identifier) isUnassigned() bool { return a.namespace == "" && a.universal == "" }

// like tells whether two are the same person. They are not if they have no identifier in common. If they have, they are the same unless they contradict each
// other; and where it is not certain that the identifier is the same, only if birth date and first names are there and agree.
func (i *identity) like(other *identity) (l likeness, contradicted bool) {
	for a := range i.ids {
		for b := range other.ids {
			l = max(l, i.ids[a].like(&other.ids[b]))
		}
	}
	born, name := i.contradicts(other)
	switch {
	case l == different:
		return different, false
	case born || name:
		return different, l == same
	case l == perhaps && i.born != "" && i.given != "":
		return min(like(i.born, other.born), likeNames(i.given, other.given)), false
	}
	return l, false
}

// contradicts tells whether the birth date or the name of two contradict each other. Who has the same birth date can have another family name: people marry.
func (i *identity) contradicts(other *identity) (born, name bool) {
	isBirthKnown := i.born != "" && other.born != ""
	name = likeNames(i.given, other.given) == different || !isBirthKnown && like(i.family, other.family) == different
	return isBirthKnown && i.born != other.born, name
}

// likeNames compares first names, of which some may be left out: "ada" and "ada augusta".
func likeNames(a, b string) likeness {
	if a != "" && b != "" && (strings.HasPrefix(a, b+" ") || strings.HasPrefix(b, a+" ")) {
		return same
	}
	return like(a, b)
}

// merge adds what another identity of the same person has.
func (i *identity) merge(other *identity) {
	for _, id := range other.ids {
		if len(i.ids) < maxIDs && !slices.Contains(i.ids, id) {
			i.ids = append(i.ids, id)
		}
	}
	if len(other.given) > len(i.given) {
		i.given = other.given
	}
	if i.family == "" {
		i.family = other.family
	}
	if i.born == "" {
		i.born = other.born
	}
}

// identify reads who a PID is about.
func (r *reader) identify(fields [][]byte) identity {
	var who identity
	for _, n := range [2]int{3, 2} {
		r.repetitions(at(fields, n), func(b []byte) {
			id := r.identifier(b)
			if len(who.ids) < maxIDs && personalNumbers[id.kind] && !isPlaceholder(id.value) {
				who.ids = append(who.ids, id)
			}
		})
		if len(who.ids) > 0 {
			break
		}
	}
	name := r.first(at(fields, 5))
	who.family, who.given = strings.Join(wordsOf(r.compared(name, 1)), " "), strings.Join(wordsOf(r.compared(name, 2)), " ")
	born := r.timeField(fields, 7)
	if who.born = labs.Day(timestamp(born)); who.born == "" && !isPlaceholder(string(born)) {
		who.born = r.compared(born, 1)
	}
	return who
}

// identifier reads a CX. Of a number that cannot be compared whole nothing is read.
func (r *reader) identifier(b []byte) (id identifier) {
	value, authority := nth(b, r.component, 1), nth(b, r.component, 4)
	if id.value = r.textOnce(value); len(value) > maxCompared || unreadable(id.value) {
		return identifier{}
	}
	if id.kind = strings.ToUpper(r.compared(b, 5)); id.kind == "MRN" {
		id.kind = "MR"
	}
	id.namespace, id.universal = r.compared(nth(authority, r.sub, 1), 1), r.compared(nth(authority, r.sub, 2), 1)
	if id.isUnassigned() {
		id.sender = r.sender
	}
	return id
}

// personalNumbers are the kinds of identifiers, table 0203 and names that senders use instead, that a patient has alone. Those of insurances, accounts and nations
// are not among them: they can be those of the family, and a newborn's are often the mother's.
var personalNumbers = words("", "MR", "CMRN", "PI", "PT", "PE", "EPI")

// isPlaceholder tells whether an identifier is written where there is none: "000000", "9999", "N/A", "unknown".
func isPlaceholder(s string) bool {
	s = strings.Join(wordsOf(s), "")
	if strings.Trim(s, "0") == "" || placeholders[s] {
		return true
	}
	return len(s) > 3 && strings.Trim(s, s[:1]) == ""
}

var placeholders = words("na", "nil", "no", "none", "null", "unk", "unkn", "unknown", "temp", "temporary", "tbd", "tba", "test", "dummy", "default", "new", "pending",
	"anon", "anonymous", "notavailable", "notapplicable", "notassigned", "unassigned", "unavailable", "noid", "nomrn", "missing", "patient", "123456789", "1234567890")
