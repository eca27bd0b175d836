package labs

import (
	"strings"

	"github.com/heliosai/helios-go/clinical"
)

// normality is a set of statements. Low, high and critical say abnormal too.
type normality int

const (
	normal normality = 1 << iota
	abnormal
	isLow
	isHigh
	isCritical
	// What else a flag can say: something of which the test decides how normal
	// it is; how the result changed, or nothing at all; that it failed its
	// quality control or is in review.
	other
	silent
	unusable

	isDirected             = isLow | isHigh
	known                  = normal | abnormal | isDirected | isCritical
	unknown      normality = 0
	low                    = abnormal | isLow
	high                   = abnormal | isHigh
	critical               = abnormal | isCritical
	criticalLow            = critical | isLow
	criticalHigh           = critical | isHigh
)

func (n normality) has(statement normality) bool { return n&statement != 0 }

// See https://terminology.hl7.org/CodeSystem-v3-ObservationInterpretation.html
// and https://terminology.hl7.org/CodeSystem-v2-0078.html
var interpretations = map[string]normality{
	"N": normal,
	"L": low, "LU": low, "L<": low, "LX": low, "<": low,
	"H": high, "HU": high, "H>": high, "HX": high, ">": high,
	"A": abnormal, "EX": abnormal,
	"LL": criticalLow, "HH": criticalHigh, "AA": critical,
	"POS": other, "NEG": other, "DET": other, "ND": other, "RR": other, "NR": other, "WR": other, "E": other,
	"IND": other, "S": other, "I": other, "R": other, "MS": other, "NS": other, "SDD": other, "VS": other,
	"NCL": other, "SYN-R": other, "SYN-S": other, "CAR": other, "CARRIER": other, "EXP": other, "UNE": other,
	"TOX": other, "AC": other, "IE": other,
	"": silent, "B": silent, "D": silent, "U": silent, "W": silent, "OBX": silent, "NULL": silent, "UNKNOWN": silent,
	"QCF": unusable, "HM": unusable,
}

var words = map[string]normality{
	"normal": normal, "within normal limits": normal, "within normal range": normal,
	"lo": low, "low": low, "below low normal": low, "below normal": low, "below reference range": low,
	"significantly low": low, "very low": low,
	"hi": high, "high": high, "above high normal": high, "above normal": high, "above reference range": high,
	"significantly high": high, "very high": high,
	"abn": abnormal, "abnormal": abnormal,
	"crit": critical, "critical": critical, "critical abnormal": critical, "critically abnormal": critical,
	"panic": critical,
	"pl":    criticalLow, "panic low": criticalLow, "low panic": criticalLow, "critical low": criticalLow,
	"low critical": criticalLow, "critically low": criticalLow, "below lower panic limits": criticalLow,
	"ph": criticalHigh, "panic high": criticalHigh, "high panic": criticalHigh, "critical high": criticalHigh,
	"high critical": criticalHigh, "critically high": criticalHigh, "above upper panic limits": criticalHigh,
	"positive": other, "negative": other, "detected": other, "not detected": other, "reactive": other,
	"non-reactive": other, "nonreactive": other, "weakly reactive": other, "equivocal": other,
	"indeterminate": other, "susceptible": other, "intermediate": other, "resistant": other,
	"non-susceptible": other, "better": other, "worse": other, "significant change up": other,
	"significant change down": other,
}

// isInterpretation reports whether a system is one of the two, by any name.
func isInterpretation(system string) bool {
	if system == "http://terminology.hl7.org/CodeSystem/v3-ObservationInterpretation" { // as most are
		return true
	}
	name := strings.TrimSuffix(strings.ToLower(strings.ReplaceAll(system, "-", "")), "/")
	return name == "" || strings.HasSuffix(name, "observationinterpretation") || strings.HasSuffix(name, "0078") ||
		strings.HasSuffix(name, "2.16.840.1.113883.5.83") || strings.HasSuffix(name, "2.16.840.1.113883.12.78")
}

// bare returns a flag without what is printed around it: "(H)", "H*".
func bare(s string) string {
	s = strings.TrimSpace(s)
	if strings.Trim(s, "*") == "" {
		return s
	}
	return strings.Trim(s, "()[]* ")
}

type judgement struct {
	is    normality
	notes []clinical.Reason
	// isDoubtful is set if they may say that it is not normal.
	isDoubtful bool
	// isUnusable is set if the laboratory does not stand for it.
	isUnusable bool
}

func judge(flags []Flag) (j judgement) {
	var hasOther, isContradicted, isUnderstood, isForeign, isMarked bool
	for _, f := range flags {
		code, text := strings.ToUpper(bare(f.Code)), strings.ToLower(bare(f.Text))
		isOwn := code != "" && !isInterpretation(f.System)
		byCode, byText := unknown, words[text]
		if !isOwn && code != "" {
			if byCode = interpretations[code]; byCode == unknown {
				byCode = words[strings.ToLower(code)] &^ other // a word in place of the code
			}
		} else if byText == unknown {
			code = strings.ToUpper(text) // a code in place of the text
			byText = interpretations[code]
		}
		said, agree := (byCode & known).and(byText & known)

		switch is := byCode | byText; {
		case is.has(unusable):
			return judgement{isUnusable: true}
		case said != unknown:
			isUnderstood = true
			both, agrees := j.is.and(said)
			j.is, isContradicted = both, isContradicted || !agree || !agrees
		case is.has(other):
			hasOther, isUnderstood = true, true
		case isOwn:
			isForeign = true
		case code == "*": // as in print, where it says to look at it, and no more
			isMarked = true
		case !is.has(silent):
			isForeign = true
		}
	}

	switch {
	case isContradicted:
		j.notes, j.isDoubtful = append(j.notes, clinical.SeveralFlags), true
		if !j.is.has(abnormal) {
			j.is = unknown
		}
	case hasOther && j.is == unknown:
		j.notes = append(j.notes, clinical.NotANormality)
	case (isForeign || isMarked) && !isUnderstood:
		j.notes, j.isDoubtful = append(j.notes, clinical.FlagUnknown), isForeign
	}
	return j
}

// and combines two statements. Normal and high, or low and high, disagree.
func (n normality) and(more normality) (both normality, agree bool) {
	switch both = n | more; {
	case n == unknown || more == unknown || n == more:
		return both, true
	case !n.has(abnormal) || !more.has(abnormal):
		return normal, false
	case both.has(isLow) && both.has(isHigh):
		return both &^ isDirected, false
	}
	return both, true
}
