package helios_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/heliosai/helios-go"
)

// textID is sent as its own text, whatever its fields hold.
type textID struct{ Name string }

func (textID) MarshalText() ([]byte, error) { return []byte("id"), nil }

// TestValidate_NotUTF8: strings that are not UTF-8 would be sent as another
// text. Their places are named, without a key of the caller's data below the
// first level.
func TestValidate_NotUTF8(t *testing.T) {
	t.Parallel()
	type inner struct {
		Tagged   string `json:"tagged,omitempty"`
		Plain    string
		Left     string `json:"-"`
		unsent   string
		Pointer  *string
		Anything any
	}
	bad := "a\xff"
	for name, tt := range map[string]struct {
		value any
		want  []string
	}{
		"a string":            {bad, []string{"data.genetics"}},
		"a value below a key": {map[string]any{"HEALTHDATA BRCA1": bad}, []string{"data.genetics.<key 1>"}},
		"a key":               {map[string]any{"HEALTHDATA" + bad: 1}, []string{"data.genetics.<key 1>"}},
		"a key and its value": {map[string]any{bad: bad}, []string{"data.genetics.<key 1>", "data.genetics.<key 1>"}},
		"the second of two": {
			map[string]any{"HEALTHDATA b": bad, "HEALTHDATA a": 1}, []string{"data.genetics.<key 2>"},
		},
		"a map of numbers": {map[int]string{7: bad}, []string{"data.genetics.<key 1>"}},
		"a map of strings": {map[string]string{"HEALTHDATA": bad}, []string{"data.genetics.<key 1>"}},
		"deep": {
			[]any{0, map[string]any{"HEALTHDATA": []any{[]string{"", bad}}}},
			[]string{"data.genetics[1].<key 1>[0][1]"},
		},
		"an array": {[2]string{"", bad}, []string{"data.genetics[1]"}},
		"a struct": {
			inner{Tagged: bad, Plain: bad, Left: bad, unsent: bad},
			[]string{"data.genetics.tagged", "data.genetics.Plain"},
		},
		"pointers": {
			&inner{Pointer: &bad, Anything: &bad},
			[]string{"data.genetics.Pointer", "data.genetics.Anything"},
		},
		"JSON of its own":       {json.RawMessage("{\"HEALTHDATA\":\"\xff\"}"), []string{"data.genetics"}},
		"JSON in a list":        {[]any{json.RawMessage("\"\xff\"")}, []string{"data.genetics[0]"}},
		"bytes are base64":      {[]byte(bad), nil},
		"a marshaler's fields":  {textID{bad}, nil},
		"a time":                {time.Date(2025, 1, 15, 0, 0, 0, 0, time.UTC), nil},
		"a replacement as data": {map[string]any{"\ufffd": "\ufffd"}, nil},
		"nil":                   {(*inner)(nil), nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			err := newClient(t, "https://api.example").Agent.Validate(&helios.AgentRequest{
				AgentType: helios.AgentLight,
				Data:      helios.HealthData{Extra: map[string]any{"genetics": tt.value, "imaging": "CT"}},
			})
			if tt.want == nil {
				require.NoError(t, err)
				return
			}
			var invalid *helios.ValidationError
			require.ErrorAs(t, err, &invalid)
			var got []string
			for _, f := range invalid.Fields {
				got = append(got, f.Field)
				assert.Equal(t, "is not UTF-8", f.Message)
			}
			assert.ElementsMatch(t, tt.want, got)
			assertErrorHides(t, err, "HEALTHDATA")
		})
	}
}

func TestValidate_NotUTF8_IsNotListedForEver(t *testing.T) {
	t.Parallel()
	results := make([]helios.LabResult, 200)
	for i := range results {
		results[i] = helios.LabResult{Name: "n\xff", Value: "v\xff"}
	}
	err := newClient(t, "https://api.example").LabResults.Validate(&helios.LabResultsRequest{LabResults: results})
	var invalid *helios.ValidationError
	require.ErrorAs(t, err, &invalid)
	assert.Len(t, invalid.Fields, 100)
	assert.True(t, strings.HasSuffix(err.Error(), "; and 90 more"), "%v", err)
}

// TestValidate_KeyThatIsNotUTF8: of Extra itself.
func TestValidate_KeyThatIsNotUTF8(t *testing.T) {
	t.Parallel()
	for i, extra := range []map[string]any{{"\xff": 1}, {"a": 1, "\xff": 1}} {
		_, err := json.Marshal(helios.HealthData{Extra: extra})
		var invalid *helios.ValidationError
		require.ErrorAs(t, err, &invalid)
		want := []helios.FieldError{{Field: fmt.Sprintf("<key %d>", i+1), Message: "is not a UTF-8 name"}}
		assert.Equal(t, want, invalid.Fields)
	}
}
