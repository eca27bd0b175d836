package fhir

import (
	"hash/maphash"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/heliosai/helios-go/clinical"
	"github.com/heliosai/helios-go/internal/labs"
)

// What is sent comes from few fields, none of which is for a name or an address. Texts that someone typed can hold them nevertheless, so they are looked through:
// what the input says of people in other fields does not leave, nor what looks like a way to reach someone, nor a text so long that it is a narrative.

const (
	maxPhrase = 200  // characters that a name, or a value in words, can have
	maxDosage = 1000 // and an instruction how to take a drug
	// maxPeople is how many names, numbers and addresses are kept, and the patient's after that up to twice as many.
	maxPeople = 1 << 14
	// maxWords is how many words of them are compared.
	maxWords = 8
)

// How long something must be at least to be looked for. Shorter ones are in too many words.
const (
	minName   = 3
	minNumber = 4
)

// whom says whose names are looked for.
type whom int

const (
	anyone whom = iota
	// patientOnly looks for single names of the patient, but not of others: a physician can be called White, and so can blood cells.
	patientOnly
)

// people are the names, numbers and addresses of the input, as words in lower case. They are compared and never sent.
type people struct {
	texts map[string]whom // patientOnly for those of the patient, and for those that are no single name
}

func (p *people) add(s string, least int, of whom) {
	if p.isFull(of) {
		return
	}
	words := strings.Fields(inWords(s))
	words = words[:min(len(words), maxWords)]
	s = strings.Join(words, " ")
	if utf8.RuneCountInString(s)-len(words)+1 < least || len(s) > maxShared || ordinary[s] != "" {
		return
	}
	if p.texts == nil {
		p.texts = map[string]whom{}
	}
	if len(words) > 1 || strings.ContainsFunc(s, unicode.IsDigit) {
		of = patientOnly
	}
	if of > p.texts[s] || p.texts[s] == 0 {
		p.texts[strings.Clone(s)] = of
	}
}

func (p *people) isFull(of whom) bool {
	return len(p.texts) >= 2*maxPeople || of == anyone && len(p.texts) >= maxPeople
}

// ordinary are words that stand in place of a name where there is none, or are what anyone may write of any result.
var ordinary = words("none not unknown unk yes null negative positive normal abnormal detected present absent trace high low see test patient example")

// inWords returns the words of s in lower case, with one space between them.
func inWords(s string) string {
	return strings.Join(strings.FieldsFunc(strings.ToLower(s), func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) }), " ")
}

// in tells whether a text has what is known of people.
func (p *people) in(s string, of whom) bool {
	if len(p.texts) == 0 {
		return false
	}
	s = inWords(s)
	for from := 0; from < len(s); {
		to := from
		for range maxWords {
			if i := strings.IndexByte(s[to:], ' '); i >= 0 {
				to += i
			} else {
				to = len(s)
			}
			if whose, ok := p.texts[s[from:to]]; ok && whose >= of {
				return true
			}
			if to == len(s) {
				break
			}
			to++
		}
		i := strings.IndexByte(s[from:], ' ')
		if i < 0 {
			return false
		}
		from += i + 1
	}
	return false
}

// contact is an e-mail or web address, a telephone number, or a number of the US social security.
var contact = regexp.MustCompile(`(?i)[a-z0-9]@[a-z0-9]|https?://|\bwww\.|(?:^|[^\d.])\(?\d{3}\)?[-. /]{1,2}\d{3}[-. ]\d{4}(?:$|[^\d.])|` +
	`\+\d{1,3}[ (-]\d[\d ()/-]{5,}\d|\b\d{3}-\d{2}-\d{4}\b`)

// clear looks through a text that someone typed, and lets the caller change it. It returns why the text is not sent.
func (c *converter) clear(text *string, typed bool, longest int, of whom) clinical.Reason {
	if !typed || *text == "" {
		return ""
	}
	if c.opts.Redact != nil {
		*text = strings.TrimSpace(c.opts.Redact(*text))
		if *text == "" {
			return clinical.Withheld
		}
	}
	*text = strings.ToValidUTF8(*text, "\ufffd")
	switch {
	case len(*text) > longest && utf8.RuneCountInString(*text) > longest, longest == maxPhrase && strings.ContainsAny(*text, "\n\r"):
		return clinical.Narrative
	case c.d.people.in(*text, of), contact.MatchString(*text):
		return clinical.Identifying
	}
	return ""
}

// clearLabel is clear for a name. In place of one that cannot be sent stands that of the terminology, if there is one.
func (c *converter) clearLabel(l *label) clinical.Reason {
	reason := c.clear(&l.name, l.typed, maxPhrase, patientOnly)
	if reason != "" && reason != clinical.Withheld && l.coded != "" {
		l.name, reason = l.coded, ""
	}
	return reason
}

// clearResult is clear for the texts of a result.
func (c *converter) clearResult(r *labs.Result) clinical.Reason {
	name := label{r.Name, r.FreeName, r.CodedName}
	if reason := c.clearLabel(&name); reason != "" {
		return reason
	}
	r.Name = name.name
	if r.Value.Number == "" {
		if reason := c.clear(&r.Value.Text, r.Value.Free, maxPhrase, anyone); reason != "" {
			return reason
		}
	}
	kept := r.Ranges[:0]
	for i := range r.Ranges {
		text := &r.Ranges[i].Text
		if reason := c.clear(text, strings.ContainsFunc(*text, unicode.IsLetter), maxPhrase, anyone); reason != "" {
			r.Notes = append(slices.Clip(r.Notes), reason)
			continue
		}
		kept = append(kept, r.Ranges[i])
	}
	r.Ranges = kept
	return ""
}

// learn remembers what a resource says of people: their names, numbers and addresses, and those of their contacts.
func (c *converter) learn(r *resource, of whom) {
	if !c.d.people.isFull(of) {
		c.d.start(r.data)
		c.d.person(of)
	}
}

func (d *decoder) person(of whom) {
	d.object(func(key []byte) {
		switch string(key) {
		case "contact":
			d.list(func() { d.person(of) })
		case "name":
			if d.next() == '[' {
				d.list(func() { d.humanName(of) })
			} else {
				d.humanName(of) // a contact has one
			}
		case "identifier", "telecom":
			d.list(func() { d.strings(of, minNumber, "value") })
		case "address":
			if d.next() == '[' {
				d.list(func() { d.strings(of, minNumber, "text", "line", "city", "district", "postalCode") })
			} else {
				d.strings(of, minNumber, "text", "line", "city", "district", "postalCode")
			}
		default:
			d.skip()
		}
	})
}

// humanName remembers a name: its parts and, as one, the first given name with the family's. See https://hl7.org/fhir/R4/datatypes.html#HumanName
func (d *decoder) humanName(of whom) {
	start := d.pos
	d.strings(of, minName, "text", "family", "given")
	end := d.pos
	d.pos = start
	var family, given string
	d.object(func(key []byte) {
		switch string(key) {
		case "family":
			family = d.short()
		case "given":
			d.list(func() {
				if s := d.short(); given == "" {
					given = s
				}
			})
		default:
			d.skip()
		}
	})
	d.pos = end
	if family != "" && given != "" {
		d.people.add(given+" "+family, minName, of)
		d.people.add(family+" "+given, minName, of)
	}
}

// strings remembers the strings of an object's fields.
func (d *decoder) strings(of whom, least int, fields ...string) {
	d.object(func(key []byte) {
		for _, field := range fields {
			if string(key) != field {
				continue
			}
			if d.next() == '[' {
				d.list(func() { d.people.add(d.short(), least, of) })
			} else {
				d.people.add(d.short(), least, of)
			}
			return
		}
		d.skip()
	})
}

// short returns a string, or "" for one that is longer than any name.
func (d *decoder) short() string {
	if d.next() != '"' {
		d.skip()
		return ""
	}
	raw := d.raw()
	if len(raw) > maxName {
		return ""
	}
	return d.copy(raw, maxName)
}

// subject reads the Reference to a subject. The name that is shown for it is the patient's.
func (d *decoder) subject(seed maphash.Seed) reference {
	garbled := d.garbled
	r, shown := d.reference(seed)
	d.garbled = garbled // a name is not needed
	if shown == "" || shown == d.shown || len(shown) > maxName {
		return r
	}
	d.shown = shown
	d.people.add(shown, minName, patientOnly)
	for word := range strings.FieldsSeq(inWords(shown)) {
		d.people.add(word, minName+1, patientOnly)
	}
	return r
}
