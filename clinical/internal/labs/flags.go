package labs

import (
	"strings"

	"github.com/heliosai/helios-go/clinical"
	"github.com/heliosai/helios-go/clinical/internal/codes"
)

// normality is a set of statements. Low, high and critical say abnormal too.
type normality int

const (
	normal normality = 1 << iota
	abnormal
	isLow
	isHigh
	isCritical
	isDirected = isLow | isHigh

	unknown      normality = 0
	low                    = abnormal | isLow
	high                   = abnormal | isHigh
	critical               = abnormal | isCritical
	criticalLow            = critical | isLow
	criticalHigh           = critical | isHigh
)

func (n normality) has(statement normality) bool { return n&statement != 0 }

// displays are what a patient's record says.
var displays = map[normality]string{low: "Low", high: "High", abnormal: "Abnormal", criticalLow: "Critical Low",
	criticalHigh: "Critical High", critical: "Critical"}

// See https://terminology.hl7.org/CodeSystem-v3-ObservationInterpretation.html
// and https://terminology.hl7.org/CodeSystem-v2-0078.html
var interpretations = map[string]normality{
	"N": normal,
	"L": low, "LU": low, "L<": low, "LX": low, "<": low,
	"H": high, "HU": high, "H>": high, "HX": high, ">": high,
	"A": abnormal, "EX": abnormal,
	"LL": criticalLow, "HH": criticalHigh, "AA": critical,
}

// Which of these is normal depends on the test.
var otherStatements = codes.Set(
	"POS", "NEG", "DET", "ND", "RR", "NR", "WR", "E", "IND", "S", "I", "R", "MS", "NS", "SDD", "VS", "NCL", "SYN-R",
	"SYN-S", "CAR", "CARRIER", "EXP", "UNE", "TOX", "AC", "IE",
)

// silent are codes that say how a result changed, or nothing at all.
var silent = codes.Set("", "B", "D", "U", "W", "OBX", "NULL", "UNKNOWN")

var otherWords = codes.Set(
	"positive", "negative", "detected", "not detected", "reactive", "non-reactive", "nonreactive", "weakly reactive",
	"equivocal", "indeterminate", "susceptible", "intermediate", "resistant", "non-susceptible", "better", "worse",
	"significant change up", "significant change down",
)

// unusable are results that failed their quality control or are in review.
var unusable = codes.Set("QCF", "HM")

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
}

// isInterpretation reports whether a system is one of the two, by any name.
func isInterpretation(system string) bool {
	name := strings.TrimSuffix(strings.ToLower(strings.ReplaceAll(system, "-", "")), "/")
	return name == "" || strings.HasSuffix(name, "observationinterpretation") || strings.HasSuffix(name, "0078") ||
		strings.HasSuffix(name, "2.16.840.1.113883.5.83") || strings.HasSuffix(name, "2.16.840.1.113883.12.78")
}

// asterisk marks a result in print. It says to look at it, and no more.
const asterisk = "*"

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
		if isOwn {
			code = ""
		}
		if unusable[code] || code == "" && unusable[strings.ToUpper(text)] {
			return judgement{isUnusable: true}
		}

		n, isKnown := interpretations[code]
		if !isKnown && !isOwn {
			n, isKnown = words[strings.ToLower(code)] // a word in place of the code
		}
		if said, ok := words[text]; ok && isKnown {
			var agree bool
			n, agree = n.and(said)
			isContradicted = isContradicted || !agree
		} else if ok {
			n, isKnown = said, true
		}
		if !isKnown && code == "" {
			code = strings.ToUpper(text) // a code in place of the text
			n, isKnown = interpretations[code]
		}

		switch {
		case isKnown:
			isUnderstood = true
			var agree bool
			j.is, agree = j.is.and(n)
			isContradicted = isContradicted || !agree
		case otherStatements[code], otherWords[text]:
			hasOther, isUnderstood = true, true
		case code == asterisk && !isOwn:
			isMarked = true
		case !silent[code], isOwn:
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
func (n normality) and(other normality) (both normality, agree bool) {
	switch both = n | other; {
	case n == unknown || n == other:
		return other, true
	case !n.has(abnormal) || !other.has(abnormal):
		return normal, false
	case both.has(isLow) && both.has(isHigh):
		return both &^ isDirected, false
	}
	return both, true
}
