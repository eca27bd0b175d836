package main

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

func TestSniff(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		`{"labResults": []}`:                                        formatLabs,
		"\xef\xbb\xbf [{\"name\": \"Sodium\"}]":                     formatLabs,
		`{"patientContext": {"resourceType": 1}, "labResults": []}`: formatLabs,
		`{"agentType": "light"}`:                                    formatAgent,
		`{"webhookUrl": "x", "data": {}}`:                           formatAgent,
		`{"resourceType": "Patient"}`:                               formatFHIR,
		`{"id": "1", "resourceType": "Patient"}` + "\n{}":           formatFHIR,
		`[{"resourceType": "Patient"}]`:                             formatFHIR,
		`{"type": "collection", "entry": [`:                         formatFHIR,
		"MSH|^~\\&|":                                                formatHL7,
		"\x0bMSH|^~\\&|":                                            formatHL7,
		"\r\nFHS|^~\\&|":                                            formatHL7,
		"BHS|^~\\&|":                                                formatHL7,
		"":                                                          "",
		"prose":                                                     "",
		"[]":                                                        "",
		"[[{}]]":                                                    "",
		`{"a": 1}`:                                                  "",
		`{"a": {"b`:                                                 "",
		"null":                                                      "",
	} {
		assert.Equal(t, want, sniff([]byte(text)), "%q", text)
	}
}

func FuzzInput(f *testing.F) {
	f.Add(`{"labResults": [{"name": "Sodium", "value": 140}]}`)
	f.Add(`{"agentType": "light", "data": {"patientInfo": {"age": "x"}}}`)
	f.Add(`[{"name": {}}]`)
	f.Fuzz(func(t *testing.T, text string) {
		format := sniff([]byte(text))
		if format != formatLabs && format != formatAgent {
			t.Skip() // their packages have targets of their own
		}
		conv := &conversion{}
		in, err := conv.convert(strings.NewReader(text), format, time.Time{})
		summary := in.summary(err)
		if err == nil && in.request() == nil {
			t.Error("neither a request nor an error")
		}
		if strings.Contains(summary, "\x1b") {
			t.Error("it repeats the input")
		}
	})
}
