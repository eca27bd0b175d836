package fhir_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/heliosai/helios-go/clinical"
	"github.com/heliosai/helios-go/clinical/fhir"
)

// shortest is how long a string must be to be looked for anywhere. A shorter
// one, such as the name of a state, is in many words; it must not be a whole
// value.
const shortest = 4

// personalStrings collects, with a reader of its own, every name, identifier,
// address, telephone number, contact, note, narrative and attachment of a
// resource and of all that is in it, and what is shown for references to
// others.
func personalStrings(found map[string]bool, value any, personal bool) {
	switch value := value.(type) {
	case string:
		if s := strings.TrimSpace(value); personal && s != "" {
			found[s] = true
		}
	case []any:
		for _, item := range value {
			personalStrings(found, item, personal)
		}
	case object:
		ref, _ := value["reference"].(string)
		toPeople := slices.ContainsFunc([]string{"Patient", "Practitioner", "RelatedPerson", "Person",
			"Organization"}, func(kind string) bool { return strings.Contains(ref, kind) })
		_, isAttachment := value["contentType"]
		for key, field := range value {
			switch key {
			case "name", "address", "telecom", "contact", "div", "note", "photo", "presentedForm", "signature",
				"alias", "conclusion":
				personalStrings(found, field, true)
			case "identifier", "accessionIdentifier", "groupIdentifier", "requisition", "placerOrder":
				identifiers(found, field)
			case "subject", "patient", "performer", "requester", "recorder", "asserter", "author",
				"informationSource", "who", "individual", "resultsInterpreter", "assigner":
				people, _ := field.(object)
				personalStrings(found, people["display"], true)
				personalStrings(found, field, personal)
			case "display":
				personalStrings(found, field, personal || toPeople)
			case "data", "url", "title", "hash":
				personalStrings(found, field, personal || isAttachment)
			case "system", "use", "code", "contentType", "resourceType", "status", "reference":
				// of the standard's vocabularies, or the type and id of a
				// resource
			default:
				personalStrings(found, field, personal)
			}
		}
	}
}

func identifiers(found map[string]bool, value any) {
	switch value := value.(type) {
	case []any:
		for _, item := range value {
			identifiers(found, item)
		}
	case object:
		if s, ok := value["value"].(string); ok && s != "" {
			found[s] = true
		}
	}
}

// leaves collects the strings of JSON.
func leaves(value any, add func(string)) {
	switch value := value.(type) {
	case string:
		add(value)
	case []any:
		for _, item := range value {
			leaves(item, add)
		}
	case object:
		for _, item := range value {
			leaves(item, add)
		}
	}
}

// allowed are personal strings that an output may hold, each for its reason.
var allowed = map[string]string{
	"02601": "a postal code of a synthetic patient, and digits of a number with many",
	"1":     "the number of a contact, and a count of a report",
}

func TestSamplesTellNothingOfPeople(t *testing.T) {
	t.Parallel()
	looked := 0
	for _, s := range samples(t) {
		personal, patients := map[string]bool{}, map[string]bool{}
		for _, r := range s.resources(t) {
			personalStrings(personal, r, false)
			if r["resourceType"] == "Patient" {
				personalStrings(patients, r, false)
			}
		}
		var outputs []string
		for _, opts := range []fhir.Options{{}, {Unclassified: "recentLabs", IncludeStopped: true}} {
			c := s.convert(opts)
			for _, value := range []any{c.labs, c.agent, c.labsReport, c.agentReport} {
				data, err := json.Marshal(value)
				require.NoError(t, err)
				var decoded any
				require.NoError(t, json.Unmarshal(data, &decoded))
				leaves(decoded, func(leaf string) { outputs = append(outputs, leaf) })
			}
			for _, r := range []*clinical.Report{c.labsReport, c.agentReport} {
				outputs = append(outputs, strings.Fields(r.String())...)
			}
			for _, err := range []error{c.labsFailure, c.agentFailure} {
				if err != nil {
					outputs = append(outputs, err.Error())
				}
			}
		}
		slices.Sort(outputs)
		outputs = slices.Compact(outputs)
		for text := range personal {
			looked++
			for _, output := range outputs {
				leaks := output == text
				if utf8.RuneCountInString(text) >= shortest {
					leaks = strings.Contains(output, text)
				}
				if _, id, isSource := strings.Cut(output, "/"); isSource && id == text && !patients[text] {
					continue // a resource's business identifier that is its id too, by which a report names it
				}
				if leaks && allowed[text] == "" {
					t.Errorf("%s: %q is in %q", s.name, text, output)
				}
			}
		}
	}
	assert.Greater(t, looked, 1000)
}
