package people

import (
	"slices"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"github.com/heliosai/helios-go/clinical/internal/codes"
)

type word struct {
	content
	folded []byte
}

type content struct {
	size                          int // letters and digits that were written
	hasLetter, hasDigit, syllabic bool
}

// words are those of a text. Their memory is used again.
type words struct {
	all []word
	buf []byte
}

// split finds words. Those of an id also end at digits and capital letters.
func (w *words) split(text string, isID bool) {
	w.all, w.buf = w.all[:0], w.buf[:0]
	before := rune(0)
	var now word
	start := 0
	end := func() {
		if now.size > 0 {
			now.folded = umlauts(w.buf[start:len(w.buf):len(w.buf)], now.size)
			w.all = append(w.all, now)
			now, start = word{}, len(w.buf)
		}
	}

	for _, r := range text {
		letter := r < utf8.RuneSelf && (r|0x20 >= 'a' && r|0x20 <= 'z') || r >= utf8.RuneSelf && unicode.IsLetter(r)
		digit := !letter && (r >= '0' && r <= '9' || r >= utf8.RuneSelf && unicode.IsDigit(r))
		switch {
		case letter || digit:
		case r >= utf8.RuneSelf && (unicode.IsMark(r) || r == '\u00ad'): // an accent of its own, or a soft hyphen
			continue
		default:
			end()
			continue
		}
		syllabic := r >= 0x0e00 && isSyllabic(r)
		if syllabic || now.syllabic || isID && now.size > 0 &&
			(digit != now.hasDigit || unicode.IsLower(before) && unicode.IsUpper(r)) {
			end()
		}
		before = r
		now.size++
		now.hasLetter, now.hasDigit, now.syllabic = now.hasLetter || letter, now.hasDigit || digit, syllabic
		if r < utf8.RuneSelf {
			w.buf = utf8.AppendRune(w.buf, unicode.ToLower(r))
		} else {
			w.buf = fold(w.buf, r)
		}
	}

	end()
}

func (w *words) isShort() bool {
	digits := 0
	for i := range w.all {
		word := &w.all[i]
		if digits += word.size; word.hasLetter || word.size >= minOther || digits >= minReach {
			return false
		}
	}
	return true
}

// hasUnknown reports whether something may be a name that is not known.
func (w *words) hasUnknown(is Text) bool {
	return slices.ContainsFunc(w.all, func(word word) bool {
		isLong := word.syllabic || word.size >= minOther || word.hasLetter && word.size >= minName
		return isLong && !ordinary[string(word.folded)] && (is != Unit || !units[string(word.folded)])
	})
}

// isSyllabic reports whether a script has no spaces. Each letter is a word.
func isSyllabic(r rune) bool {
	return unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Hangul, unicode.Thai, unicode.Lao,
		unicode.Khmer, unicode.Myanmar)
}

func fold(to []byte, r rune) []byte {
	if unicode.IsDigit(r) {
		r = digit(r)
	}
	r = unicode.ToLower(r)
	if plain, ok := letters[r]; ok {
		return append(to, plain...)
	}
	for i, c := range norm.NFKD.String(string(r)) {
		if i == 0 || !unicode.IsMark(c) {
			to = utf8.AppendRune(to, c)
		}
	}
	return to
}

// digit returns the ASCII digit. Unicode has rows from zero to nine.
func digit(r rune) rune {
	for c := '0'; c <= '9'; c++ {
		if !unicode.IsDigit(r - (c - '0') - 1) {
			return c
		}
	}
	return r
}

// letters are those that Unicode does not take apart into a plain one and more.
var letters = map[rune]string{'ß': "ss", 'æ': "ae", 'œ': "oe", 'þ': "th", 'đ': "d", 'ð': "d", 'ħ': "h", 'ı': "i",
	'ĸ': "k", 'ŀ': "l", 'ł': "l", 'ŉ': "n", 'ŋ': "n", 'ø': "o", 'ŧ': "t", 'ς': "σ"}

// umlauts takes out the e of ae, oe and ue: Mueller is Müller.
func umlauts(folded []byte, size int) []byte {
	if size < minJoined {
		return folded
	}
	kept := folded[:1]
	for _, c := range folded[1:] {
		if !isUmlaut(kept[len(kept)-1], c) {
			kept = append(kept, c)
		}
	}
	return kept
}

func isUmlaut(before, c byte) bool {
	return c == 'e' && (before == 'a' || before == 'o' || before == 'u')
}

// See https://ucum.org
var units = codes.Words(`
	mol mmol umol μmol μeq μiu μkat μgm nmol pmol fmol mole moles eqv meq ueq neq osm mosm mosmol osmol gram grams
	gms mcg mcl kgs lbs liter litre liters litres dag milligram milligrams microgram micrograms nanogram nanograms
	picogram picograms deciliter deciliters milliliter milliliters microliter microliters millimole millimoles
	micromole micromoles millimeter millimeters centimeter meter meters square cel deg degc degf degree degrees
	celsius fahrenheit kelvin kat ukat nkat mkat katal miu uiu kiu unit units arb arbitrary international bau gpl
	mpl apl feu ddu etu rlu elu sec secs second seconds msec min mins minute minutes hour hours hrs day days week
	weeks month months year years mmhg kpa pascal torr pct percent percentage ratio index score number count log ppm
	ppb titer titre dil dilution copies copy cfu pfu geq particles colonies colony organisms cell cells rbc wbc nrbc
	leukocytes erythrocytes lymphocytes neutrophils platelets crea creat creatinine hemoglobin hgb hct hpf lpf field
	fields per area beats beat breaths bpm sqm inr kcal cal kilopascal thou thousand thousands mill million millions
	billion billions nominal od sco tot total random spec specimen sample mass vol volume dose tablet tablets tab
	tabs capsule capsules cap caps drop drops puff puffs spray sprays patch patches injection application
	applications each mcn millequivalent milliequivalents`)
