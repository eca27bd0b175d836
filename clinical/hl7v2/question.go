package hl7v2

import (
	"slices"
	"strings"

	"github.com/heliosai/helios-go/clinical"
	"github.com/heliosai/helios-go/clinical/internal/codes"
)

// Messages hold answers, notifications, radiology and settings of devices too,
// which few senders mark. So something has to say that an observation is a
// result: see docs/hl7v2-mapping.md.

// evidence is what says whether an observation is a result.
type evidence struct {
	measured bool // it has a unit, range or flag
	asks     bool // its name or value is that of a question
	own      bool // its code or value is that of a result
}

// notifications are systems of forms in which nothing is a result.
var notifications = codes.Words("PHINQUESTION 2.16.840.1.114222.4.5.232 CDCPHINVS 2.16.840.1.114222.4.5.274")

var devices = codes.Words("MDC")

// Longer texts with a LOINC code can be a report of any kind.
const maxWords = 3

func (r *reader) weigh(p *pending, kind string, value []byte) evidence {
	isJudged := len(p.Ranges)+len(p.Flags) > 0
	e := evidence{measured: isJudged || p.Unit != ""}
	if isJudged || p.Value.String() == "" {
		return e
	}

	isNumber := p.Value.Number != ""
	isShort := !p.Value.Free || len(strings.Fields(p.Value.Text)) <= maxWords
	isWord := hasWord(p.Value.Text, resultWords) || p.System == codes.LOINC && isShort
	e.own = isNumber || isWord && !hasWord(p.Name, imaging)
	e.asks = asks(p.Name, isNumber, p.Unit != "")
	if !e.measured {
		answer := r.coded(value)
		isMoment := slices.Contains([]string{"DT", "TS", "DTM", "TM"}, kind)
		e.asks = e.asks || isMoment || answer.isYesOrNo()
	}
	return e
}

// isForeign reports why an observation is no result whatever it says.
func (r *reader) isForeign(kind string, test *coded) (reason clinical.Reason, detail string) {
	system, code := test.code()
	isLOINC := system == codes.LOINC
	switch {
	case kind == "QST":
		return clinical.OrderQuestion, kind
	case kind == "SCI":
		return clinical.TypeNotSent, kind
	case codes.OtherSections[r.order.section]:
		return clinical.CategoryNotSent, r.order.section
	case r.order.isForm:
		return clinical.OrderQuestion, ""
	case test.isOf(notifications):
		return clinical.OrderQuestion, "PHINQUESTION"
	case test.isOf(devices):
		return clinical.CategoryNotSent, "MDC"
	case isLOINC && codes.Questions[code]:
		return clinical.OrderQuestion, ""
	case isLOINC && codes.VitalSigns[code]:
		return clinical.TypeNotSent, "vital-signs"
	}
	return "", ""
}

func (c *coded) isOf(systems map[string]bool) bool {
	return systems[strings.ToUpper(c[3])] || systems[strings.ToUpper(c[6])]
}

// notResult decides when the order is complete: its specimen can be behind it.
func (p *pending) notResult() clinical.Reason {
	switch e := &p.evidence; {
	case e.asks:
		return clinical.OrderQuestion
	case !e.measured && !e.own && !p.order.isLab && p.Value.String() != "":
		return clinical.CategoryNotSent
	}
	return ""
}

func (c *coded) isYesOrNo() bool {
	text, _ := c.text()
	return strings.EqualFold(c[3], "HL70136") || c[1] == "373066001" || c[1] == "373067005" || // in SNOMED CT
		slices.Contains([]string{"Y", "N", "YES", "NO"}, strings.ToUpper(text))
}

// asks reports whether a name has a word of a question. Names such as "Glucose
// fasting" have them too, but are about numbers.
func asks(name string, isNumber, hasUnit bool) bool {
	for _, word := range wordsOf(name) {
		switch {
		case word == "age", word == "zip", word == "zipcode":
			return true
		case isNumber, hasUnit:
		case askingWords[word]:
			return true
		}
	}
	return false
}

var askingWords = codes.Words(`
	address admission age complaint complaints consent country county discharge employed employee employer
	employment ethnicity fasting gender hispanic history hospitalized hospitalised hospitalization insurance
	language lmp marital medications menses menstrual occupation onset pregnant race religion residence sex
	smoker smoking symptom symptomatic symptoms tobacco travel travelled traveled vaccinated vaccination zip
	zipcode`)

func hasWord(text string, of map[string]bool) bool {
	return slices.ContainsFunc(wordsOf(text), func(word string) bool { return of[word] })
}

// imaging are in names of images, which can be normal too.
var imaging = codes.Words(`
	ecg echocardiogram ekg mammogram mammography mri radiograph radiography ray sonography tomography
	ultrasound xr xray`)

var resultWords = codes.Words(`
	abnormal absent detected equivocal found growth immune inconclusive indeterminate invalid isolated
	negative nonreactive normal positive present reactive resistant seen susceptible trace undetected`)

// isLaboratory reports whether section, specimen or code are a laboratory's.
func (r *reader) isLaboratory(service *coded, fields [][]byte) bool {
	if codes.Sections[r.order.section] != "" || r.text(at(fields, 15), 1)+r.text(at(fields, 15), 2) != "" {
		return true
	}

	for _, n := range [2]int{1, 4} {
		switch strings.ToUpper(service[n+2]) {
		case "C4", "C5", "CPT", "CPT4":
			return len(service[n]) == 5 && service[n][0] == '8'
		}
	}
	return false
}

func (c *coded) isForm() bool {
	_, code := c.code()
	return c.isOf(notifications) || codes.QuestionPanels[code]
}
