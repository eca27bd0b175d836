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
	dependsOnTest // which of two findings is normal
	saysNothing   // or how a result changed
	unusable      // failed its quality control, or is in review
	isDirected    = isLow | isHigh
	isKnown       = normal | abnormal

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

// meanings are of codes and words, in lower case. See
// https://terminology.hl7.org/CodeSystem-v3-ObservationInterpretation.html and
// https://terminology.hl7.org/CodeSystem-v2-0078.html
var meanings = func() map[string]normality {
	all := map[string]normality{}
	for is, list := range map[normality]string{
		normal: "n, normal, within normal limits, within normal range",
		low: "l, lu, l<, lx, <, lo, low, below low normal, below normal, below reference range, significantly low, " +
			"very low",
		high: "h, hu, h>, hx, >, hi, high, above high normal, above normal, above reference range, " +
			"significantly high, very high",
		abnormal: "a, ex, abn, abnormal",
		critical: "aa, crit, critical, critical abnormal, critically abnormal, panic",
		criticalLow: "ll, pl, panic low, low panic, critical low, low critical, critically low, " +
			"below lower panic limits",
		criticalHigh: "hh, ph, panic high, high panic, critical high, high critical, critically high, " +
			"above upper panic limits",
		dependsOnTest: "pos, neg, det, nd, rr, nr, wr, e, ind, s, i, r, ms, ns, sdd, vs, ncl, syn-r, syn-s, car, " +
			"carrier, exp, une, tox, ac, ie, positive, negative, detected, not detected, reactive, non-reactive, " +
			"nonreactive, weakly reactive, equivocal, indeterminate, susceptible, intermediate, resistant, " +
			"non-susceptible, better, worse, significant change up, significant change down",
		saysNothing: ", b, d, u, w, obx, null, unknown",
		unusable:    "qcf, hm",
	} {
		for word := range strings.SplitSeq(list, ", ") {
			all[word] = is
		}
	}
	return all
}()

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
		code, text := strings.ToLower(bare(f.Code)), strings.ToLower(bare(f.Text))
		isOwn := code != "" && !isInterpretation(f.System)
		if isOwn || code == "" {
			code, text = text, ""
		}

		said := [2]normality{meanings[code], meanings[text]}
		switch both := said[0] | said[1]; {
		case both.has(unusable):
			return judgement{isUnusable: true}
		case both.has(isKnown):
			isUnderstood = true
			for _, n := range said {
				if n.has(isKnown) {
					var agree bool
					j.is, agree = j.is.and(n)
					isContradicted = isContradicted || !agree
				}
			}
		case both.has(dependsOnTest):
			hasOther, isUnderstood = true, true
		case code == asterisk && !isOwn:
			isMarked = true
		case said[0] != saysNothing || isOwn:
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
