// Package people finds in texts what their source says of people elsewhere:
// names, numbers and addresses; and ways to reach someone, whoever it is.
//
// It compares whole words without regard to case, accents and punctuation. A
// name that stands nowhere else is not found.
package people

import (
	"strings"

	"github.com/heliosai/helios-go/clinical/internal/codes"
)

// Text is a kind of text, which decides what is looked for in it.
type Text uint8

// The kinds of text. What is looked for in one is looked for in those before
// it.
const (
	// Typed is a text that anyone may have written of anything: all is looked
	// for.
	Typed Text = iota
	// Title is the name of a test or a drug that someone typed, or that a local
	// system gives. Single names of others than the patient are not looked for:
	// a physician can be called White, and so can blood cells.
	Title
	// Unit is like Title, without the words of units.
	Unit
	// Coded is a text of a terminology. Only whole names and numbers are looked
	// for: the patient can be called White too.
	Coded
)

// Fact is what is known of someone.
type Fact uint8

// The facts.
const (
	Name      Fact = iota // a single one, such as the family's
	WholeName             // a given and the family's name, or more of it
	Number                // an identifier or a telephone number
	Address               // a part of one, such as a street
)

// How much of something there must be to look for it, in letters and digits.
// Shorter ones are in too many texts.
const (
	minName    = 3
	minOther   = 4
	minInCoded = 6 // and so much of a number in a text of a terminology
	// minSyllables is for a name in a script such as Chinese.
	minSyllables = 2
	// From how many on names, and numbers, are looked for without spaces.
	minJoined = 5
	minDigits = 9
)

// maxWords is how many words of something are compared, the first.
const maxWords = 8

// Set is what a source says of people, kept as hashes. Its zero value takes
// nothing: see Max.
type Set struct {
	// Max is how many hashes are kept; of the patient twice as many.
	Max int
	// Texts is how many texts that were looked through are kept, but for typed
	// ones: names and units may come again and again.
	Texts int

	incomplete bool
	until      map[uint64]Text // the last kind of text in which it is looked for
	first      [256]Text       // by the first byte, one more than the last kind in which anything is looked for
	found      map[lookup]bool // what came of the texts that are kept
	text       words
	added      words
}

type lookup struct {
	text string
	is   Text
}

// Reset empties the set.
func (s *Set) Reset() {
	clear(s.until)
	clear(s.found)
	s.first, s.incomplete = [256]Text{}, false
}

// Miss records that the source names people who are not in the set. From then
// on every word that could be a name counts as one, except in a terminology's
// text.
func (s *Set) Miss() {
	s.incomplete = true
	clear(s.found)
}

// Add remembers something of the patient, or of someone else.
func (s *Set) Add(text string, what Fact, patient bool) {
	s.added.split(text, false)
	w := s.added.all[:min(len(s.added.all), maxWords)]
	k := key{hash: offset, joined: offset}
	for i := range w {
		k.append(&w[i])
	}
	least := minOther
	if what <= WholeName {
		least = minName
	}
	if k.syllabic {
		least = minSyllables
	}
	if k.size < least || len(w) == 1 && ordinary[string(w[0].folded)] {
		return
	}
	until := Typed
	switch {
	case what == WholeName && len(w) > 1, what == Number && k.hasDigit && k.size >= minInCoded:
		until = Coded
	case patient, len(w) > 1, k.hasDigit:
		until = Unit
	}

	first := &s.first[w[0].folded[0]]
	*first = max(*first, until+1)
	s.put(k.hash, until, patient)
	if len(w) > 1 && (k.hasLetter && k.size >= minJoined || k.size >= minReach) {
		s.put(k.joined, until, patient)
	}
}

// AddName remembers a given and a family's name, each by itself and both
// together.
func (s *Set) AddName(given, family string, patient bool) {
	for _, name := range [2]string{given, family} {
		s.Add(name, Name, patient)
		s.addWords(name, patient)
	}
	if given != "" && family != "" {
		s.Add(given+" "+family, WholeName, patient)
		s.Add(family+" "+given, WholeName, patient)
	}
}

// AddShown remembers what is shown for a person, such as "Dr. Ada Lovelace":
// all of it and each of its longer words.
func (s *Set) AddShown(text string, patient bool) {
	s.Add(text, WholeName, patient)
	s.addWords(text, patient)
}

// AddDate remembers a day, such as that of a birth, in the forms in which it is
// written. The parts are digits; a year alone is in many texts.
func (s *Set) AddDate(year, month, day string, patient bool) {
	if year == "" || month == "" || day == "" {
		return
	}
	for _, form := range [...][3]string{{year, month, day}, {month, day, year}, {day, month, year}} {
		s.Add(strings.Join(form[:], "-"), Number, patient)
		for i := range form {
			form[i] = strings.TrimPrefix(form[i], "0")
		}
		s.Add(strings.Join(form[:], "-"), Number, patient)
	}
}

func (s *Set) addWords(text string, patient bool) {
	s.text.split(text, false)
	if len(s.text.all) < 2 {
		return
	}
	for i := range s.text.all {
		if w := &s.text.all[i]; w.size > minName && w.hasLetter {
			s.Add(string(w.folded), Name, patient)
		}
	}
}

func (s *Set) put(hash uint64, until Text, patient bool) {
	known, ok := s.until[hash]
	switch {
	case ok && known >= until:
		return
	case !ok && (len(s.until) >= 2*s.Max || !patient && len(s.until) >= s.Max):
		s.Miss()
		return
	case s.until == nil:
		s.until = map[uint64]Text{}
	}

	s.until[hash] = until
	clear(s.found)
}

// Identifies reports whether a text says who someone is, or how to reach
// someone.
func (s *Set) Identifies(text string, is Text) bool {
	if found, ok := s.found[lookup{text, is}]; ok {
		return found
	}

	found := s.Names(text, is) || is != Coded && Reaches(text)
	if is != Typed && len(s.found) < s.Texts {
		if s.found == nil {
			s.found = map[lookup]bool{}
		}
		s.found[lookup{text, is}] = found
	}
	return found
}

// Names reports whether a text has something of the set in it.
func (s *Set) Names(text string, is Text) bool {
	if len(s.until) == 0 && !s.incomplete {
		return false
	}
	s.text.split(text, false)
	if s.incomplete && is != Coded {
		return s.text.hasUnknown(is)
	}
	return !s.text.isShort() && s.find(is)
}

// HasNumber reports whether a value that is a whole number with many digits is
// as likely to be someone's as a result.
func (s *Set) HasNumber(number, unit string) bool {
	if len(number) < minInCoded || strings.Trim(number, "0123456789") != "" {
		return false
	}
	s.text.split(number, false)
	return s.find(Typed) || unit == "" && (s.incomplete || Reaches(number))
}

// InID reports whether a resource's id, such as "JohnDoe-2024-1", has something
// of the set in it.
func (s *Set) InID(id string) bool {
	s.text.split(id, true)
	return s.incomplete && s.text.hasUnknown(Typed) || s.find(Typed)
}

func (s *Set) find(is Text) bool {
	for i := range s.text.all {
		if s.first[s.text.all[i].folded[0]] <= is {
			continue
		}
		k := key{hash: offset, joined: offset}
		rest := s.text.all[i:]
		for j := range rest[:min(len(rest), maxWords)] {
			w := &rest[j]
			if is == Unit && units[string(w.folded)] {
				break
			}
			k.append(w)
			if until, ok := s.until[k.hash]; ok && until >= is {
				return true
			}
			if j > 0 && (k.hasLetter && k.size >= minJoined || k.size >= minDigits) {
				if until, ok := s.until[k.joined]; ok && until >= is {
					return true
				}
			}
		}
	}

	return false
}

// key is by what words are compared, with spaces and without: O'Neil, ONeil.
type key struct {
	content
	hash, joined uint64
	last         byte // of joined
}

// The constants of the hash FNV-1a, which can go on with a further word.
const (
	offset = 14695981039346656037
	prime  = 1099511628211
)

func (k *key) append(w *word) {
	if k.size > 0 {
		k.hash = (k.hash ^ ' ') * prime
	}
	for _, c := range w.folded {
		k.hash = (k.hash ^ uint64(c)) * prime
		if !isUmlaut(k.last, c) {
			k.joined = (k.joined ^ uint64(c)) * prime
			k.last = c
		}
	}

	k.size += w.size
	k.hasLetter, k.hasDigit, k.syllabic = k.hasLetter || w.hasLetter, k.hasDigit || w.hasDigit, k.syllabic || w.syllabic
}

// ordinary are words in place of a name, or of any result.
var ordinary = codes.Words(`
	none not unknown unk yes null negative positive normal abnormal detected present absent trace high low see test
	patient example doctor physician nurse practitioner professor prof mister miss misses madame herr frau hospital
	clinic laboratory center centre medical medicine general health department`)
