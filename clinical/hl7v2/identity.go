package hl7v2

import (
	"cmp"
	"regexp"
	"slices"
	"strings"

	"github.com/heliosai/helios-go/clinical"
	"github.com/heliosai/helios-go/clinical/internal/codes"
	"github.com/heliosai/helios-go/clinical/internal/labs"
)

func wordsOf(s string) []string {
	return strings.FieldsFunc(strings.ToLower(s), func(c rune) bool { return !isLetterOrDigit(c) })
}

// identity is compared, and never leaves this package.
type identity struct {
	ids           []identifier
	family, given string // as words
	born          string // a date, or as written where it is none
	sex           string // as it is sent
}

type identifier struct {
	value, kind          string
	namespace, universal string // of the assigning authority
	sender               string // the authority where none is named
}

const (
	// maxIDs bounds how many identifiers of one person are compared.
	maxIDs = 16
	// A number of more patients says nothing of who someone is.
	maxSharing = 64
)

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

// isShared reports whether a family can share the number, or a newborn be under
// its mother's.
func (a *identifier) isShared() bool { return a.kind != "" && !personalNumbers[a.kind] }

// like compares two people, by the rules of docs/hl7v2-mapping.md. contradicted
// is set for two people who have one identifier.
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

func (i *identity) agrees(other *identity) bool {
	return i.family != "" && i.family == other.family && i.born != "" && i.born == other.born &&
		i.sex != "" && i.sex == other.sex && i.given != "" && likeNames(i.given, other.given) == same &&
		!newborn.MatchString(i.given) && !newborn.MatchString(other.given)
}

// newborn is in first names that twins are called by at first.
var newborn = regexp.MustCompile(`(^| )(baby|boy|girl|newborn|infant|twin|male|female)`)

// contradicts needs no family name where birth dates agree: people marry.
func (i *identity) contradicts(other *identity) (born, name bool) {
	isBirthKnown := i.born != "" && other.born != ""
	name = likeNames(i.given, other.given) == different || !isBirthKnown && like(i.family, other.family) == different
	return isBirthKnown && i.born != other.born, name
}

// likeNames compares first names: "ada", "a" and "ada augusta" agree.
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

func (r *reader) identify(fields [][]byte) identity {
	var who identity
	for _, n := range [2]int{3, 2} {
		for b := range r.repetitions(at(fields, n)) {
			if id := r.identifier(b); len(who.ids) < maxIDs && !isPlaceholder(id.value) {
				who.ids = append(who.ids, id)
			}
		}
		if slices.ContainsFunc(who.ids, func(id identifier) bool { return !id.isShared() }) {
			break
		}
	}

	name := r.first(at(fields, 5))
	who.family = strings.Join(wordsOf(r.compared(name, 1)), " ")
	who.given = strings.Join(wordsOf(r.compared(name, 2)), " ")
	who.sex = codes.Gender(r.code(at(fields, 8)))

	born := r.compared(r.first(at(fields, 7)), 1)
	if who.born = labs.Day(timestamp([]byte(born))); who.born == "" && !isPlaceholder(born) {
		who.born = born
	}
	return who
}

func (r *reader) identifier(b []byte) (id identifier) {
	value := r.part(b, 1)
	if id.value = r.textOnce(value); len(value) > maxCompared || unreadable(id.value) {
		return identifier{}
	}

	if id.kind = strings.ToUpper(r.compared(b, 5)); id.kind == "MRN" {
		id.kind = "MR"
	}

	id.namespace, id.universal = r.compared(b, 4, 1), r.compared(b, 4, 2)
	if id.isUnassigned() {
		id.sender = r.sender
	}
	return id
}

// personalNumbers are the kinds, of table 0203, that a patient has alone.
var personalNumbers = codes.Words("MR CMRN PI PT PE EPI")

// isPlaceholder reports whether s is "000000", "9999", "unknown" or the like.
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

type patient struct {
	identity
	source   string // of the first PID
	messages []int
	report   *clinical.Report
	set      *labs.Set

	birth, death string
	gender       string
	newest       string
	doubtful     bool // one of its messages may be about someone else

	isBirthMissing, isNameMissing bool // in one of its messages

	fillers map[uint64]uint64 // the filler's number of an order by the placer's; 0 for several
}

func (p *patient) join(who *identity) {
	p.isBirthMissing = p.isBirthMissing || who.born == ""
	// the shorter of two names is that of more people
	isLess := who.family+who.given == "" || p.given != "" && who.given != p.given
	p.isNameMissing = p.isNameMissing || isLess

	for _, id := range who.ids {
		if len(p.ids) < maxIDs && !slices.Contains(p.ids, id) {
			p.ids = append(p.ids, id)
		}
	}
	if len(who.given) > len(p.given) {
		p.given = who.given
	}
	p.family, p.born, p.sex = cmp.Or(p.family, who.family), cmp.Or(p.born, who.born), cmp.Or(p.sex, who.sex)
}

// contest notes that someone else has the identifier. Messages that are known
// to be the patient's stay so.
func (p *patient) contest(who *identity) {
	born, name := p.contradicts(who)
	isOurs := born && !p.isBirthMissing || name && !p.isNameMissing
	p.doubtful = p.doubtful || !isOurs
}

func (p *patient) describe(r *reader, fields [][]byte) {
	if birth, _ := r.time(fields, 7); len(labs.Day(birth)) > len(p.birth) {
		p.birth = labs.Day(birth)
	}
	if death, _ := r.time(fields, 29); death != "" {
		p.death = labs.Day(death)
	}

	switch gender := codes.Gender(r.code(at(fields, 8))); {
	case gender == "":
	case p.gender == "" || p.gender == "unknown":
		p.gender = gender
	case gender != p.gender && gender != "unknown":
		p.gender = "contradicted" // which is none
	}
}
