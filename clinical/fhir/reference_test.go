package fhir

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestParseReference(t *testing.T) {
	t.Parallel()
	for s, want := range map[string]reference{
		"":                                  {},
		"Patient/1":                         {kind: relative, tail: "Patient/1"},
		"Patient/1/_history/3":              {kind: relative, tail: "Patient/1"},
		"Patient/1|2":                       {kind: relative, tail: "Patient/1"},
		"http://x.org/fhir/Patient/1":       {kind: absolute, base: "http://x.org/fhir/", tail: "Patient/1"},
		"https://x.org/Patient/1/_history/": {kind: absolute, base: "https://x.org/", tail: "Patient/1"},
		"urn:uuid:5":                        {kind: opaque, text: "urn:uuid:5"},
		"#p":                                {kind: contained, text: "p"},
		"Practitioner?identifier=x|1":       {kind: opaque, text: "Practitioner?identifier=x"},
		"a/Patient/1":                       {kind: opaque, text: "a/Patient/1"},
		"Person/a b":                        {kind: opaque, text: "Person/a b"},
		"/Patient/1":                        {kind: opaque, text: "/Patient/1"},
	} {
		assert.Equal(t, want, parseReference(s), s)
	}
}
