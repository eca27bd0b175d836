package fhirdoc

import (
	"errors"
	"fmt"
	"net/url"
	"path"
	"regexp"
	"strings"
	"time"
)

// Options say where a report is filed. Only Subject is required.
type Options struct {
	// Subject is the patient, as a reference on the server that the Bundle is
	// sent to: "Patient/1", "https://ehr.example/fhir/Patient/1".
	Subject string
	// Encounter is the encounter that the report is part of, such as
	// "Encounter/7". Empty means none.
	Encounter string
	// RunID is the run that the report comes from, [helios.Event.RunID]. The
	// identifier is made from it or, if it is empty, from a digest of the page
	// and the subject.
	RunID string
	// Time is when the result was made, such as [helios.Event.Timestamp]. Zero
	// means now.
	Time time.Time
	// Category and Type say what kind of document it is, in the terms of the
	// record that it goes into. Without a Type, the report's title is used, as
	// text.
	Category, Type Coding
}

// Coding is a code of a code system, as FHIR has it:
// {"http://loinc.org", "11502-2", "Laboratory report"}.
type Coding struct {
	System  string `json:"system,omitempty"`
	Code    string `json:"code,omitempty"`
	Display string `json:"display,omitempty"`
}

// The forms of a reference, as in https://hl7.org/fhir/R4/references.html.
var (
	relative = regexp.MustCompile(`\A([A-Z][A-Za-z]{1,63})/[A-Za-z0-9.-]{1,64}\z`)
	uuid     = regexp.MustCompile(`\Aurn:uuid:[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\z`)
)

const maxReference = 2048

// pathCharacters are those of a path that needs no escapes.
const pathCharacters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/-._~!$&'()*+,;=:@"

func (o *Options) validate() error {
	if o.Subject == "" {
		return errors.New(`helios: report: Options.Subject is missing: a reference such as "Patient/1"`)
	}
	if err := checkReference("Options.Subject", o.Subject, "Patient"); err != nil {
		return err
	}
	if o.Encounter != "" {
		if err := checkReference("Options.Encounter", o.Encounter, "Encounter"); err != nil {
			return err
		}
	}

	if len(o.RunID) > 200 || strings.ContainsFunc(o.RunID, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return errors.New("helios: report: Options.RunID is longer than 200 bytes or not visible ASCII")
	}
	for _, coding := range []struct {
		name string
		Coding
	}{{"Category", o.Category}, {"Type", o.Type}} {
		if coding.Coding != (Coding{}) && (coding.Code == "" || coding.System == "") {
			return fmt.Errorf("helios: report: Options.%s needs a System and a Code", coding.name)
		}
	}
	return nil
}

// checkReference does not repeat the reference, which names a patient.
func checkReference(field, reference, resourceType string) error {
	rest := reference
	if strings.HasPrefix(reference, "https:") {
		u, err := url.Parse(reference)
		if err != nil || u.Host == "" || u.User != nil || len(reference) > maxReference ||
			strings.Trim(u.Path, pathCharacters) != "" || u.Scheme+"://"+u.Host+path.Clean(u.Path) != reference {
			return fmt.Errorf("helios: report: %s is no reference to a resource at https", field)
		}
		dir, id := path.Split(u.Path)
		rest = path.Base(dir) + "/" + id
	}

	match := relative.FindStringSubmatch(rest)
	isRelative := match != nil && match[1] == resourceType && path.Clean(rest) == rest
	if isRelative || uuid.MatchString(rest) {
		return nil
	}
	return fmt.Errorf("helios: report: %s is no reference such as \"%s/1\"", field, resourceType)
}
