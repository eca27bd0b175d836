package helios_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/heliosai/helios-go"
)

func TestLabResultsService_Submit_SendsWhatTheContractSays(t *testing.T) {
	t.Parallel()
	server := newRecorder(t, 200, acceptedBody)
	run, err := newClient(t, server.URL).LabResults.Submit(t.Context(), &helios.LabResultsRequest{
		LabResults: []helios.LabResult{{
			Name: "Creatinine", Value: "1.8 mg/dL", Flag: helios.FlagHigh, ReferenceRange: "0.7-1.3 mg/dL",
			Date: "2025-01-15", Category: "Renal",
		}},
		PatientContext: &helios.PatientContext{Age: "58", Gender: "male"},
	})
	require.NoError(t, err)
	run.Header = nil // see TestRun_Header
	assert.Equal(t, &helios.Run{
		ID:          acceptedRun,
		Status:      "accepted",
		Message:     "Request accepted. Results will be delivered to your webhook.",
		Concurrency: helios.Concurrency{Limit: 7, Active: 3, Remaining: 4},
	}, run)

	assert.Equal(t, "POST", server.method)
	assert.Equal(t, "/api/v1/lab-results", server.uri)
	assert.Equal(t, []string{testKey}, server.header.Values("x-api-key"))
	assert.Equal(t, "application/json", server.header.Get("Content-Type"))
	assert.Equal(t, "application/json", server.header.Get("Accept"))
	assert.Equal(t, "helios-go/"+helios.Version, server.header.Get("User-Agent"))
	assert.NotContains(t, server.header, "Idempotency-Key")
	assert.NotContains(t, server.header, "X-Idempotency-Key")
	assert.JSONEq(t, `{"webhookUrl":"`+testHook+`","labResults":[{"name":"Creatinine","value":"1.8 mg/dL",
		"flag":"High","referenceRange":"0.7-1.3 mg/dL","date":"2025-01-15","category":"Renal"}],
		"patientContext":{"age":"58","gender":"male"}}`, string(server.body))
}

func TestLabResultsService_Submit_Invalid(t *testing.T) {
	t.Parallel()
	lab := helios.LabResult{Name: "n", Value: "v"}
	one := []helios.LabResult{lab}
	for name, tt := range map[string]struct {
		req    *helios.LabResultsRequest
		fields []string
	}{
		"nil request":   {nil, []string{"request"}},
		"no labs":       {&helios.LabResultsRequest{}, []string{"labResults"}},
		"too many labs": {&helios.LabResultsRequest{LabResults: slices.Repeat(one, 201)}, []string{"labResults"}},
		"labs without name or value": {
			&helios.LabResultsRequest{LabResults: []helios.LabResult{
				lab, {Value: "v"}, {Name: "n"}, {Name: " ", Value: "\t"},
			}},
			[]string{"labResults[1].name", "labResults[2].value", "labResults[3].name", "labResults[3].value"},
		},
		"webhook not https": {
			&helios.LabResultsRequest{WebhookURL: "http://example.com/h", LabResults: one}, []string{"webhookUrl"},
		},
		"not UTF-8": {
			&helios.LabResultsRequest{
				LabResults: []helios.LabResult{lab, {Name: "a\xff", Value: "v"}},
				PatientContext: &helios.PatientContext{
					Conditions: []helios.ContextCondition{{Name: "n", Status: "\xfe"}},
					Extra:      map[string]any{"x": []any{map[string]string{"y": "\xff"}}},
				},
			},
			[]string{"labResults[1].name", "patientContext.conditions[0].status", "patientContext.x[0].<key 1>"},
		},
		"a field of the context twice": {
			&helios.LabResultsRequest{LabResults: one, PatientContext: &helios.PatientContext{
				Age: "1", Extra: map[string]any{"age": 1},
			}},
			[]string{"patientContext.age"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			assertInvalid(t, labResults(tt.req), tt.fields...)
		})
	}
}

func TestLabResultsService_Submit_Valid(t *testing.T) {
	t.Parallel()
	for name, results := range map[string][]helios.LabResult{
		"exactly 200 labs": slices.Repeat([]helios.LabResult{{Name: "n", Value: "v"}}, 200),
		"a replacement character of the caller's own":  {{Name: "\ufffd", Value: `a\ufffd`}},
		"a flag that the documentation does not have":  {{Name: "n", Value: "v", Flag: "Borderline"}},
		"a date that nobody can read, and other units": {{Name: "n", Value: "v", Date: "last week", Unit: "1/µL"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := newRecorder(t, 200, acceptedBody)
			client := newClient(t, server.URL)
			_, err := client.LabResults.Submit(t.Context(), &helios.LabResultsRequest{LabResults: results})
			require.NoError(t, err)
			assert.Contains(t, string(server.body), results[0].Name)
		})
	}
}

func TestLabResultsService_Validate(t *testing.T) {
	t.Parallel()
	attempts := 0
	client := newClient(t, "https://api.example",
		withTransport(answering(&attempts, answer(200, acceptedBody))))
	for name, req := range map[string]*helios.LabResultsRequest{
		"labs without a value": {LabResults: []helios.LabResult{{Name: "Sodium"}}},
		"no labs":              nil,
	} {
		var invalid *helios.ValidationError
		require.ErrorAs(t, client.LabResults.Validate(req), &invalid, name)
		_, err := client.LabResults.Submit(t.Context(), req)
		require.EqualError(t, err, invalid.Error(), "%s: what Submit says", name)
	}

	require.NoError(t, client.LabResults.Validate(labs()))
	require.Zero(t, attempts, "nothing was sent")
	require.NoError(t, submitLabs(t, client))
	require.Equal(t, 1, attempts)
}

// datedLabs makes results named a, b, c... of these dates.
func datedLabs(dates ...string) []helios.LabResult {
	labs := make([]helios.LabResult, len(dates))
	for i, date := range dates {
		labs[i] = helios.LabResult{Name: string(rune('a' + i)), Value: "1", Date: date}
	}
	return labs
}

func labNames(labs []helios.LabResult) string {
	var names []string
	for _, lab := range labs {
		names = append(names, lab.Name)
	}
	return strings.Join(names, "")
}

func TestNewestLabResults_Order(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		dates []string
		want  string
	}{
		"none":                           {nil, ""},
		"one":                            {[]string{"2025-01-15"}, "a"},
		"newest first":                   {[]string{"2025-01-13", "2025-01-15", "2025-01-14"}, "bca"},
		"already in order":               {[]string{"2025-01-15", "2025-01-14", "2025-01-13"}, "abc"},
		"undated last, in their order":   {[]string{"", "2025-01-13", "", "2025-01-14"}, "dbac"},
		"all undated keep their order":   {[]string{"", "?", "", "-"}, "abcd"},
		"the same day keeps its order":   {[]string{"2025-01-15", "2025-01-15", "2025-01-15"}, "abc"},
		"space around":                   {[]string{" 2025-01-14 ", "\t2025-01-15\n"}, "ba"},
		"far past and future":            {[]string{"1900-01-01", "9999-12-31", "", "1969-12-31"}, "bdac"},
		"no zone is UTC":                 {[]string{"2025-01-15T10:00:00+01:00", "2025-01-15T09:30:00"}, "ba"},
		"a zone that changes the day":    {[]string{"2025-01-15T00:30:00+14:00", "2025-01-14T12:00:00Z"}, "ba"},
		"month and year only":            {[]string{"2025", "2025-02", "2025-01-31", "2024-12-31", "2026"}, "ebcad"},
		"a space in the middle, an hour": {[]string{"2025-01-15 10:00:00", "2025-01-15T11"}, "ba"},
		"without seconds": {
			[]string{"2025-01-15T10:00", "2025-01-15T10:01Z", "2025-01-15T12:30+02:00"}, "cba",
		},
		"as in HL7 v2": {
			[]string{"20250114", "20250115T101500", "20250115101600", "20250115T1015-0100"}, "cbad",
		},
		"unreadable is undated": {
			[]string{"yesterday", "2025-13-45", "1999-12-31", "2025-02-30", "15.01.2025"}, "cabde",
		},
		"a day is its first moment": {
			[]string{"2025-01-15", "2025-01-15T00:00:00Z", "2025-01-15T00:00:01Z", "2025-01-14T23:59:59Z"}, "cabd",
		},
		"zones are compared as moments": {
			[]string{"2025-01-15T10:00:00+02:00", "2025-01-15T09:00:00Z", "2025-01-15T03:30:00-05:00"}, "bca",
		},
		"the same moment in two zones keeps its order": {
			[]string{"2025-01-15T12:00:00+02:00", "2025-01-15T10:00:00Z", "2025-01-15T05:00:00-05:00"}, "abc",
		},
		"fractions of a second": {
			[]string{
				"2025-01-15T10:00:00.100Z", "2025-01-15T10:00:00.2Z", "2025-01-15T10:00:00.15", "2025-01-15T10:00:00Z",
			},
			"bcad",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			labs := datedLabs(tt.dates...)
			newest, dropped := helios.NewestLabResults(labs)
			assert.Equal(t, tt.want, labNames(newest))
			assert.Empty(t, dropped)
			assert.Equal(t, datedLabs(tt.dates...), labs, "the input is not changed")
		})
	}
}

func TestNewestLabResults_Counts(t *testing.T) {
	t.Parallel()
	assert.Equal(t, 200, helios.MaxLabResults)
	for _, tt := range []struct{ labs, newest, dropped int }{
		{0, 0, 0}, {1, 1, 0}, {199, 199, 0}, {200, 200, 0}, {201, 200, 1}, {400, 200, 200}, {1000, 200, 800},
	} {
		t.Run(fmt.Sprint(tt.labs), func(t *testing.T) {
			t.Parallel()
			day := time.Date(2025, 1, 15, 0, 0, 0, 0, time.UTC)
			want := make([]helios.LabResult, tt.labs) // newest first, the last fifth undated
			for i := range want {
				want[i] = helios.LabResult{Name: fmt.Sprint("lab ", i), Value: "1"}
				if i < tt.labs*4/5 {
					want[i].Date = day.AddDate(0, 0, -i).Format([]string{time.DateOnly, time.RFC3339}[i%2])
				}
			}
			labs := slices.Clone(want)
			random := rand.New(rand.NewPCG(7, uint64(tt.labs)))
			random.Shuffle(tt.labs*4/5, func(i, j int) { labs[i], labs[j] = labs[j], labs[i] })
			before := slices.Clone(labs)

			newest, dropped := helios.NewestLabResults(labs)
			require.Len(t, newest, tt.newest)
			require.Len(t, dropped, tt.dropped)
			all := append(append([]helios.LabResult{}, newest...), dropped...)
			assert.Equal(t, want, all, "nothing lost, newest first in both")
			assert.Equal(t, before, labs)

			for i := range newest { // what is returned is the caller's
				newest[i].Name = "changed"
			}
			for i := range dropped {
				dropped[i].Name = "changed"
			}
			_ = append(newest, helios.LabResult{Name: "appended"})
			assert.Equal(t, before, labs)
		})
	}
}

func TestNewestLabResults_NothingIsNil(t *testing.T) {
	t.Parallel()
	newest, dropped := helios.NewestLabResults(nil)
	assert.Nil(t, newest)
	assert.Nil(t, dropped)
	_, dropped = helios.NewestLabResults(make([]helios.LabResult, helios.MaxLabResults))
	assert.Nil(t, dropped)
}

// The tie that is cut at 200: which of equal results are dropped is decided by
// their order.
func TestNewestLabResults_CutsATieByOrder(t *testing.T) {
	t.Parallel()
	moment := []string{"2025-01-15", "2025-01-15T00:00:00Z", "2025-01-15T01:00:00+01:00"}
	labs := make([]helios.LabResult, 300)
	for i := range labs {
		labs[i] = helios.LabResult{Name: fmt.Sprint(i), Date: moment[i%3]}
	}
	newest, dropped := helios.NewestLabResults(labs)
	assert.Equal(t, labs[:200], newest)
	assert.Equal(t, labs[200:], dropped)
}

// documentedLabResultsRequest is testdata/lab-results.json.
func documentedLabResultsRequest() *helios.LabResultsRequest {
	return &helios.LabResultsRequest{
		WebhookURL: "https://your-server.com/webhook/helios",
		LabResults: []helios.LabResult{
			{
				Name: "Creatinine", Value: "1.8 mg/dL", Flag: helios.FlagHigh, ReferenceRange: "0.7-1.3 mg/dL",
				Date: "2025-01-15", Category: "Renal",
			},
			{
				Name: "eGFR", Value: "38 mL/min/1.73m2", Flag: helios.FlagLow, ReferenceRange: ">60 mL/min/1.73m2",
				Date: "2025-01-15", Category: "Renal",
			},
		},
		PatientContext: &helios.PatientContext{
			Age: "58", Gender: "male",
			Conditions:  []helios.ContextCondition{{Name: "Type 2 Diabetes Mellitus", Status: "active"}},
			Medications: []helios.ContextMedication{{Name: "Metformin", Dosage: "1000mg", Frequency: "twice daily"}},
		},
	}
}
