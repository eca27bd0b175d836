package hl7v2

import (
	"bytes"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/heliosai/helios-go/internal/labs"
)

// What is sent comes from few fields, none of which is for a name or an address. Free text can hold them nevertheless, so it is looked through: what the same
// message says of people in other fields does not leave, nor what looks like a way to reach someone, nor a text so long that it is a report.

const (
	// maxText is how long free text can be, in characters, that is a result and not a narrative.
	maxText = 200
	// maxKnown is how many names, numbers and addresses of a message are looked for. Free text of one with more is not sent.
	maxKnown = 2048
)

// known is what a message says of people: names, numbers and addresses, as words between spaces. It is compared and never sent.
type known struct {
	// texts tells of each whether it is looked for in the name of a test too. Single names of others than the patient are not: a physician can be called White, and so
	// can blood cells.
	texts map[string]bool
	full  bool
}

func (k *known) reset() {
	clear(k.texts)
	k.full = false
}

// add remembers a text of at least n letters and digits.
func (k *known) add(s string, n int, ofPatient bool) {
	s = plain(s)
	if utf8.RuneCountInString(strings.ReplaceAll(s, " ", "")) < n || ordinary[s] {
		return
	}
	if len(k.texts) >= maxKnown {
		k.full = true
		return
	}
	if k.texts == nil {
		k.texts = map[string]bool{}
	}
	k.texts[s] = k.texts[s] || ofPatient || strings.ContainsFunc(s, func(c rune) bool { return c == ' ' || unicode.IsDigit(c) })
}

// ordinary are words that stand in place of a name where there is none, and are results too.
var ordinary = words("none", "not", "unknown", "unk", "yes", "null", "negative", "positive", "normal", "abnormal", "detected", "present", "absent", "trace",
	"high", "low", "see", "test")

// in tells whether s, which may be the name of a test, holds what is known of people.
func (k *known) in(s string, isName bool) bool {
	if k.full {
		return true
	}
	s = " " + plain(s) + " "
	for text, inNames := range k.texts {
		if (inNames || !isName) && strings.Contains(s, " "+text+" ") {
			return true
		}
	}
	return false
}

// plain returns the words of s in lower case with one space between them.
func plain(s string) string {
	return strings.Join(strings.FieldsFunc(strings.ToLower(s), func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) }), " ")
}

// contact is an e-mail or web address, a telephone number or a number of the US social security.
var contact = regexp.MustCompile(`(?i)[a-z0-9]@[a-z0-9]|https?://|\bwww\.|(?:^|[^\d.])\(?\d{3}\)?[-. /]{1,2}\d{3}[-. ]\d{4}(?:$|[^\d.])|\+\d{1,3}[ (-]\d[\d ()/-]{5,}\d|\b\d{3}-\d{2}-\d{4}\b`)

// identifies tells whether a text tells who someone is, or how to reach someone.
func (k *known) identifies(s string, isName bool) bool {
	return k.in(s, isName) || contact.MatchString(s)
}

// isLikeNumber tells that a value looks as much like someone's number as like a result: it is whole and has many digits.
func isLikeNumber(v labs.Value) bool {
	return len(v.Number) >= 6 && v.Comparator == "" && digits([]byte(v.Number))
}

// isNarrative tells that a text is too long, or has too many lines, to be one result.
func isNarrative(s string) bool {
	return strings.IndexByte(s, '\n') >= 0 || len(s) > maxText && utf8.RuneCountInString(s) > maxText
}

// How long something must be at least to be looked for. Shorter ones are in too many words.
const (
	minName    = 3
	minNumber  = 4
	minAddress = 4
)

// place is a field of people, and how it is read.
type place struct {
	field int
	read  func(*reader, []byte)
}

// people are the fields of people by segment.
var people = map[kind][]place{
	pid: {{2, id}, {3, id}, {4, id}, {5, name}, {6, name}, {7, number}, {9, name}, {11, address}, {12, whole}, {13, phone}, {14, phone}, {18, id}, {19, whole},
		{20, id}, {21, id}, {23, whole}},
	nk1: {{2, name}, {4, address}, {5, phone}, {6, phone}, {12, id}, {13, whole}, {26, name}, {30, name}, {31, phone}, {32, address}, {33, id}, {37, whole}},
	pv1: {{3, whole}, {5, id}, {7, person}, {8, person}, {9, person}, {17, person}, {19, id}, {50, id}, {52, person}},
	orc: {{2, id}, {3, id}, {4, id}, {8, pair}, {10, person}, {11, person}, {12, person}, {14, phone}, {19, person}, {21, whole}, {22, address}, {23, phone},
		{24, address}},
	obr: {{2, id}, {3, id}, {10, person}, {16, person}, {17, phone}, {18, whole}, {19, whole}, {20, whole}, {21, whole}, {28, person}, {29, pair}, {32, operator},
		{33, operator}, {34, operator}, {35, operator}},
	obx: {{16, person}, {18, id}, {23, whole}, {24, address}, {25, person}},
	spm: {{2, pair}, {3, id}, {30, id}, {31, id}},
}

// mention is a field of people in a message. It is read only if free text is met.
type mention struct {
	*place
	from, to  int // in reader.mentioned
	ofPatient bool
}

// maxMentioned is how many bytes of such fields are kept. Free text of a message with more is not sent.
const maxMentioned = 256 << 10

// learn remembers what a segment says of people.
func (r *reader) learn(k kind, fields [][]byte) {
	for i := range people[k] {
		p := &people[k][i]
		field := at(fields, p.field)
		if len(field) == 0 || r.repeats(p, field) {
			continue
		}
		if len(r.mentioned)+len(field) > maxMentioned {
			r.known.full = true
			return
		}
		from := len(r.mentioned)
		r.mentioned = append(r.mentioned, field...)
		r.mentions = append(r.mentions, mention{p, from, len(r.mentioned), k == pid || k == nk1})
	}
}

// repeats tells whether one of the last mentions says the same: results name their laboratory and its director again and again.
func (r *reader) repeats(p *place, field []byte) bool {
	for _, m := range r.mentions[max(0, len(r.mentions)-16):] {
		if m.place == p && bytes.Equal(r.mentioned[m.from:m.to], field) {
			return true
		}
	}
	return false
}

// readMentions makes known what was learned since the last call.
func (r *reader) readMentions() {
	for _, m := range r.mentions[r.read:] {
		r.ofPatient = m.ofPatient
		r.repetitions(r.mentioned[m.from:m.to], func(b []byte) { m.read(r, b) })
	}
	r.read = len(r.mentions)
}

// forget ends a message.
func (r *reader) forget() {
	r.known.reset()
	r.mentions, r.mentioned, r.read = r.mentions[:0], r.mentioned[:0], 0
}

// maxSubcomponents is how many the fields of people have at most.
const maxSubcomponents = 6

func (r *reader) parts(b []byte, n, least int) {
	part := nth(b, r.component, n)
	for i := 1; i <= maxSubcomponents; i++ {
		if sub := nth(part, r.sub, i); len(sub) > 0 {
			r.known.add(r.text(sub), least, r.ofPatient)
		}
	}
}

func id(r *reader, b []byte) { r.parts(b, 1, minNumber) }

// pair is the number of who ordered and that of who fills the order.
func pair(r *reader, b []byte) {
	r.parts(b, 1, minNumber)
	r.parts(b, 2, minNumber)
}

func whole(r *reader, b []byte)  { r.parts(b, 1, minAddress) }
func number(r *reader, b []byte) { r.known.add(r.componentText(b, 1), minNumber, r.ofPatient) }

func name(r *reader, b []byte) {
	for n := 1; n <= 3; n++ {
		r.parts(b, n, minName)
	}
}

// person is a number and a name.
func person(r *reader, b []byte) {
	id(r, b)
	for n := 2; n <= 4; n++ {
		r.parts(b, n, minName)
	}
}

// operator is a number and a name in one component.
func operator(r *reader, b []byte) { r.parts(b, 1, minNumber) }

func address(r *reader, b []byte) {
	for _, n := range [4]int{1, 2, 3, 5} {
		r.parts(b, n, minAddress)
	}
}

func phone(r *reader, b []byte) {
	for _, n := range [4]int{1, 4, 7, 12} {
		r.parts(b, n, 5)
	}
}
