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
	judged   bool // it has a range or flag
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
	e := evidence{judged: len(p.Ranges)+len(p.Flags) > 0}
	e.measured = e.judged || p.Unit != ""
	if e.judged || p.Value.String() == "" {
		return e
	}

	isNumber := p.Value.Number != ""
	isShort := !p.Value.Free || len(strings.Fields(p.Value.Text)) <= maxWords
	isWord := hasWord(p.Value.Text, resultWords) || p.System == loinc && isShort
	e.own = isNumber || isWord && !hasWord(p.Name, imaging)
	e.asks = asks(p.Name, isNumber, p.Unit != "")
	isMoment := slices.Contains([]string{"DT", "TS", "DTM", "TM"}, kind)
	e.asks = e.asks || !e.measured && (isMoment || r.isYesOrNo(value))
	return e
}

// isForeign reports why an observation is no result whatever it says.
func (r *reader) isForeign(test []byte) (clinical.Reason, string) {
	switch {
	case r.order.isForm:
		return clinical.OrderQuestion, ""
	case r.isOf(test, notifications):
		return clinical.OrderQuestion, "PHINQUESTION"
	case r.isOf(test, devices):
		return clinical.CategoryNotSent, "MDC"
	}
	return "", ""
}

func (e *syntax) isOf(field []byte, systems map[string]bool) bool {
	field = e.first(field)
	return systems[strings.ToUpper(e.componentText(field, 3))] || systems[strings.ToUpper(e.componentText(field, 6))]
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

func (e *syntax) isYesOrNo(field []byte) bool {
	field = e.first(field)
	code, system := e.code(field), strings.ToUpper(e.compared(field, 3))
	text, _ := e.codedText(field)
	return system == "HL70136" || code == "373066001" || code == "373067005" || // yes and no in SNOMED CT
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
func (r *reader) isLaboratory(o *order, fields [][]byte) bool {
	if codes.Sections[o.section] != "" || r.componentText(at(fields, 15), 1)+r.componentText(at(fields, 15), 2) != "" {
		return true
	}

	service := r.first(at(fields, 4))
	for _, n := range [2]int{1, 4} {
		switch strings.ToUpper(r.compared(service, n+2)) {
		case "C4", "C5", "CPT", "CPT4":
			code := r.compared(service, n)
			return len(code) == 5 && code[0] == '8'
		}
	}
	return false
}

func (r *reader) isForm(service []byte) bool {
	_, code := r.test(service)
	return r.isOf(service, notifications) || codes.QuestionPanels[code]
}
