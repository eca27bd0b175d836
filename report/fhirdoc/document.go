package fhirdoc

import (
	"bytes"
	"crypto/sha1" //nolint:gosec // FHIR defines Attachment.hash as SHA-1
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"time"

	"github.com/heliosai/helios-go/report"
)

// System is the system of the identifiers and tags that this package makes.
const System = "https://github.com/heliosai/helios-go/run"

// The Device of all runs.
const (
	agentSystem = "https://github.com/heliosai/helios-go/device"
	agentValue  = "helios-agent"
)

// The codes of HL7 that say how a document came to be.
var (
	aiAsserted = Coding{
		System:  "http://terminology.hl7.org/CodeSystem/v3-ObservationValue",
		Code:    "AIAST",
		Display: "Artificial Intelligence asserted",
	}
	created = Coding{
		System:  "http://terminology.hl7.org/CodeSystem/v3-DataOperation",
		Code:    "CREATE",
		Display: "create",
	}
	author = Coding{
		System:  "http://terminology.hl7.org/CodeSystem/provenance-participant-type",
		Code:    "author",
		Display: "Author",
	}
	artificialIntelligence = Coding{
		System:  "http://hl7.org/fhir/uv/aitransparency/CodeSystem/AIdeviceTypeCS",
		Code:    "Artificial-Intelligence",
		Display: "All kinds of Artificial Intelligence",
	}
)

// textWidth is that of the plain text, in columns.
const textWidth = 80

// DocumentReference returns a Bundle of type transaction that files r as a
// DocumentReference. For the errors, see [Options].
func DocumentReference(r *report.Report, opts Options) ([]byte, error) {
	d, err := newDocument(r, opts)
	if err != nil {
		return nil, err
	}

	resource := &documentReference{
		ResourceType: "DocumentReference",
		Meta:         meta{Security: []Coding{aiAsserted}},
		Language:     r.Language(),
		Identifier:   []identifier{{System, d.id}},
		Status:       "current",
		DocStatus:    "preliminary",
		Type:         d.kind(),
		Category:     concepts(opts.Category),
		Subject:      reference{opts.Subject},
		Date:         d.time,
		Author:       []reference{{urn(agentSystem, agentValue)}},
		Description:  r.Title(),
	}
	for _, a := range d.attachments {
		resource.Content = append(resource.Content, content{a})
	}
	if opts.Encounter != "" {
		resource.Context = &documentContext{Encounter: []reference{{opts.Encounter}}}
	}
	return d.bundle(resource.ResourceType, resource)
}

// DiagnosticReport returns a Bundle of type transaction that files r as a
// DiagnosticReport, with the page as its presented form. For the errors, see
// [Options].
func DiagnosticReport(r *report.Report, opts Options) ([]byte, error) {
	d, err := newDocument(r, opts)
	if err != nil {
		return nil, err
	}

	resource := &diagnosticReport{
		ResourceType:      "DiagnosticReport",
		Meta:              meta{Security: []Coding{aiAsserted}},
		Language:          r.Language(),
		Identifier:        []identifier{{System, d.id}},
		Status:            "preliminary",
		Category:          concepts(opts.Category),
		Code:              d.kind(),
		Subject:           reference{opts.Subject},
		EffectiveDateTime: d.time,
		Issued:            d.time,
		PresentedForm:     d.attachments,
	}
	if opts.Encounter != "" {
		resource.Encounter = &reference{opts.Encounter}
	}
	return d.bundle(resource.ResourceType, resource)
}

// document is what both resources are made of.
type document struct {
	opts        Options
	title       string
	id          string
	time        string // a FHIR instant
	attachments []attachment
}

func newDocument(r *report.Report, opts Options) (*document, error) {
	if r == nil {
		return nil, errors.New("helios: report: there is no report to file: it is nil")
	}
	if err := opts.validate(); err != nil {
		return nil, err
	}
	var page, text bytes.Buffer
	if err := r.WriteHTML(&page); err != nil {
		return nil, err
	}
	if err := r.WriteText(&text, textWidth); err != nil {
		return nil, err
	}

	when := opts.Time
	if when.IsZero() {
		when = time.Now()
	}
	id := opts.RunID
	if id == "" {
		sum := sha256.Sum256([]byte(opts.Subject + "\x00" + page.String()))
		id = "sha256-" + hex.EncodeToString(sum[:])
	}
	d := &document{
		opts:  opts,
		title: r.Title(),
		id:    id + "." + r.Audience().String(),
		time:  when.Format("2006-01-02T15:04:05.000Z07:00"),
	}
	for _, form := range []struct {
		contentType string
		data        []byte
	}{{"text/html; charset=utf-8", page.Bytes()}, {"text/plain; charset=utf-8", text.Bytes()}} {
		hash := sha1.Sum(form.data) //nolint:gosec // FHIR defines Attachment.hash as SHA-1
		d.attachments = append(d.attachments, attachment{
			ContentType: form.contentType, Language: r.Language(), Data: form.data,
			Size: len(form.data), Hash: hash[:], Title: d.title, Creation: d.time,
		})
	}
	return d, nil
}

// kind is the type of the document.
func (d *document) kind() codeableConcept {
	if d.opts.Type == (Coding{}) {
		return codeableConcept{Text: d.title}
	}
	return codeableConcept{Coding: []Coding{d.opts.Type}, Text: d.title}
}

func concepts(c Coding) []codeableConcept {
	if c == (Coding{}) {
		return nil
	}
	return []codeableConcept{{Coding: []Coding{c}}}
}
