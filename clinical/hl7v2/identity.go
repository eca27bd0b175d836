package hl7v2

import (
	"slices"
	"strings"

	"github.com/heliosai/helios-go/clinical/internal/codes"
	"github.com/heliosai/helios-go/clinical/internal/labs"
)

// wordsOf returns the words of a text in lower case.
func wordsOf(s string) []string {
	return strings.FieldsFunc(strings.ToLower(s), func(c rune) bool { return !isLetterOrDigit(c) })
}

// identity is what patients are told apart by. It is compared, and never leaves
// this package.
type identity struct {
	ids           []identifier
	family, given string // as words
	born          string // a date, or as written where it is none
	sex           string // as it is sent
}

// identifier is a patient's number, with who assigned it, as far as that is
// said.
type identifier struct {
	value, kind          string
	namespace, universal string // of the assigning authority
	sender               string // the authority where none is named
}

const (
	// maxIDs bounds how many identifiers of one person are compared.
	maxIDs = 16
	// maxSharing bounds how many patients with one number are kept apart. A
	// number of more says nothing of who someone is.
	maxSharing = 64
)

// likeness is the result of a comparison.
type likeness int

const (
	different likeness = iota
	perhaps            // one of the two does not say enough
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

// like compares the number, the kind and the authority of two identifiers.
func (a *identifier) like(b *identifier) likeness {
	if a.value != b.value {
		return different
	}

	authority := perhaps
	namespace, universal := like(a.namespace, b.namespace), like(a.universal, b.universal)
	switch {
	case namespace == different || universal == different:
		return different
	case namespace == same && a.namespace != "", universal == same && a.universal != "",
		a.isUnassigned() && b.isUnassigned() && a.sender != "" && a.sender == b.sender:
		authority = same
	}
	return min(authority, like(a.kind, b.kind))
}

func (a *identifier) isUnassigned() bool { return a.namespace == "" && a.universal == "" }

// isShared reports whether the number can be that of several people: a family
// can have one insurance, and a newborn is often under its mother's numbers.
func (a *identifier) isShared() bool { return a.kind != "" && !personalNumbers[a.kind] }

// like compares two people. They are different if they have no identifier in
// common, and the same if they have and do not contradict each other. Where an
// identifier is not certainly the same, birth date and first names must agree
// too; where it can be a family's, the whole name, birth date and sex.
// contradicted is set for two people who have one identifier.
func (i *identity) like(other *identity) (l likeness, contradicted bool) {
	isFamilys := false
	for a := range i.ids {
		for b := range other.ids {
			switch is := i.ids[a].like(&other.ids[b]); {
			case !i.ids[a].isShared() && !other.ids[b].isShared():
				l = max(l, is)
			case is == same:
				isFamilys = true
			}
		}
	}

	born, name := i.contradicts(other)
	switch {
	case isFamilys && i.agrees(other):
		return same, false
	case l == different:
		return different, false
	case born || name:
		return different, l == same
	case l == perhaps && i.born != "" && i.given != "":
		return min(like(i.born, other.born), likeNames(i.given, other.given)), false
	}
	return l, false
}

// agrees reports whether name, birth date and sex are there and the same.
func (i *identity) agrees(other *identity) bool {
	return i.family != "" && i.family == other.family && i.given != "" && !isNewborn(i.given) &&
		!isNewborn(other.given) &&
		likeNames(i.given, other.given) == same && i.born != "" && i.born == other.born && i.sex != "" &&
		i.sex == other.sex
}

// isNewborn reports whether first names are what twins are called before they
// have one.
func isNewborn(given string) bool {
	for word := range strings.FieldsSeq(given) {
		for _, prefix := range [8]string{"baby", "boy", "girl", "newborn", "infant", "twin", "male", "female"} {
			if strings.HasPrefix(word, prefix) {
				return true
			}
		}
	}
	return false
}

// contradicts compares the birth date and the name of two people. Those with
// the same birth date can have another family name: people marry.
func (i *identity) contradicts(other *identity) (born, name bool) {
	isBirthKnown := i.born != "" && other.born != ""
	name = likeNames(i.given, other.given) == different || !isBirthKnown && like(i.family, other.family) == different
	return isBirthKnown && i.born != other.born, name
}

// likeNames compares first names, of which some can be left out or be an
// initial: "ada", "a" and "ada augusta".
func likeNames(a, b string) likeness {
	if a == "" || b == "" {
		return like(a, b)
	}
	one, two := strings.Fields(a), strings.Fields(b)
	for i := range min(len(one), len(two)) {
		if one[i] != two[i] && !isInitial(one[i], two[i]) && !isInitial(two[i], one[i]) {
			return different
		}
	}
	return same
}

func isInitial(initial, name string) bool {
	return len([]rune(initial)) == 1 && strings.HasPrefix(name, initial)
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
	if i.sex == "" {
		i.sex = other.sex
	}
}

// identify reads who a PID is about.
func (r *reader) identify(fields [][]byte) identity {
	var who identity
	for _, n := range [2]int{3, 2} {
		r.repetitions(at(fields, n), func(b []byte) {
			if id := r.identifier(b); len(who.ids) < maxIDs && !isPlaceholder(id.value) {
				who.ids = append(who.ids, id)
			}
		})
		if slices.ContainsFunc(who.ids, func(id identifier) bool { return !id.isShared() }) {
			break
		}
	}

	name := r.first(at(fields, 5))
	who.family = strings.Join(wordsOf(r.compared(name, 1)), " ")
	who.given = strings.Join(wordsOf(r.compared(name, 2)), " ")
	who.sex = codes.Gender(r.code(at(fields, 8)))

	born := r.timeField(fields, 7)
	if who.born = labs.Day(timestamp(born)); who.born == "" && !isPlaceholder(string(born)) {
		who.born = r.compared(born, 1)
	}
	return who
}

// identifier reads a CX. Of a number that cannot be compared whole nothing is
// read.
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

// personalNumbers are the kinds of identifiers, of table 0203 and names that
// senders use instead, that a patient has alone. All others count only beside a
// name, birth date and sex that agree.
var personalNumbers = codes.Words("MR CMRN PI PT PE EPI")

// isPlaceholder reports whether an identifier is written where there is none:
// "000000", "9999", "N/A", "unknown".
func isPlaceholder(s string) bool {
	s = strings.Join(wordsOf(s), "")
	if strings.Trim(s, "0") == "" || placeholders[s] {
		return true
	}
	return len(s) > 3 && strings.Trim(s, s[:1]) == ""
}

var placeholders = codes.Words(`
	na nil no none null unk unkn unknown temp temporary tbd tba test dummy default new pending anon anonymous
	notavailable notapplicable notassigned unassigned unavailable noid nomrn missing patient 123456789
	1234567890`)
