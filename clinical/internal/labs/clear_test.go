package labs

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/heliosai/helios-go/clinical"
	"github.com/heliosai/helios-go/clinical/internal/people"
)

// TestResult_Clear: what identifies the patient Rose Iron gives way to a code,
// or the result is not sent.
func TestResult_Clear(t *testing.T) {
	t.Parallel()
	const rose = "Rose Iron"
	narrative := strings.Repeat("x", people.MaxPhrase+1)
	for name, tt := range map[string]struct {
		change func(*Result)
		reason clinical.Reason
		want   func(*Result)
		notes  []clinical.Reason
	}{
		"nothing":           {},
		"a name":            {func(r *Result) { r.Name = rose }, clinical.Identifying, nil, nil},
		"a value":           {func(r *Result) { r.Value = Value{Text: rose} }, clinical.Identifying, nil, nil},
		"a number":          {func(r *Result) { r.Value = Value{Number: "4711815"} }, clinical.Identifying, nil, nil},
		"a compared number": {func(r *Result) { r.Value = Value{Number: "4711815", Comparator: "<"} }, "", nil, nil},
		"a unit":            {func(r *Result) { r.Unit = rose }, clinical.Identifying, nil, nil},
		"a long unit":       {func(r *Result) { r.Unit = narrative }, clinical.Narrative, nil, nil},
		"a name with a code": {
			func(r *Result) { r.Name, r.FreeName, r.CodedName = rose, true, "Iron" }, "",
			func(r *Result) { r.Name = "Iron" },
			[]clinical.Reason{clinical.Identifying},
		},
		"a unit with a code": {
			func(r *Result) { r.Unit, r.UnitCode = rose, "mg" }, "",
			func(r *Result) { r.Unit = "mg" },
			[]clinical.Reason{clinical.Identifying},
		},
		"a range": {
			func(r *Result) { r.Ranges[0].Text = rose }, "",
			func(r *Result) { r.Ranges = nil },
			[]clinical.Reason{clinical.Identifying},
		},
		"a range's unit": {
			func(r *Result) { r.Ranges[0].Unit = rose }, "",
			func(r *Result) { r.Ranges = nil },
			[]clinical.Reason{clinical.Identifying},
		},
		"a range that Redact changes": {
			func(r *Result) { r.Ranges[0].Text = "up to 5 (secret)" }, "",
			func(r *Result) { r.Ranges[0].Text = "up to 5 ()" }, nil,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			screen := people.Screen{
				Set:    people.Set{Max: 100, Texts: 100},
				Redact: func(text string) string { return strings.ReplaceAll(text, "secret", "") },
			}
			screen.AddName("Rose", "Iron", true)
			screen.Add("4711815", people.Number, true)
			got, want := hba1c(tt.change), hba1c(tt.change)
			assert.Equal(t, tt.reason, got.Clear(&screen, people.Title, people.Coded, people.Typed))
			if tt.reason != "" {
				return
			}

			if tt.want != nil {
				tt.want(&want)
			}
			want.Notes = tt.notes
			assert.Equal(t, want, got)
		})
	}
}
