package labs

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/heliosai/helios-go/clinical"
)

func TestOptions_Patient(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		options Options
		person  Person
		age     *int
		gender  string
		notes   []clinical.Reason
	}{
		"as the source has it": {Options{}, Person{Born: "1980-06-05", Gender: "female"}, new(44), "female", nil},
		"nothing is known": {Options{}, Person{}, nil, "",
			[]clinical.Reason{clinical.AgeUnknown, clinical.GenderUnknown}},
		"a year": {Options{}, Person{Born: "1980", Gender: "male"}, new(44), "male",
			[]clinical.Reason{clinical.AgeApproximate}},
		"dead": {Options{}, Person{Born: "1980-06-05", Died: "2000-06-06", Gender: "male"}, new(20), "male",
			[]clinical.Reason{clinical.AgeAtDeath}},
		"dead later": {Options{}, Person{Born: "1980-06-05", Died: "2025-06-06", Gender: "male"}, new(44), "male",
			nil},
		"not born yet": {Options{}, Person{Born: "2030-06-05", Gender: "male"}, nil, "male",
			[]clinical.Reason{clinical.AgeUnknown}},
		"as the caller has it": {Options{Age: new(50), Gender: "other"}, Person{Gender: "male"}, new(50), "other",
			nil},
		"89": {Options{CapAge: true}, Person{Born: "1936-01-01", Gender: "male"}, new(89),
			"male", nil},
		"90, without a cap": {Options{}, Person{Born: "1935-01-01", Gender: "male"}, new(90), "male", nil},
		"a word that is no gender": {Options{Age: new(1)}, Person{Gender: "neither"}, new(1), "",
			[]clinical.Reason{clinical.GenderUnknown}},
		"capped": {Options{CapAge: true}, Person{Born: "1930-01-01", Gender: "male"}, new(90), "male",
			[]clinical.Reason{clinical.AgeCapped}},
	} {
		var notes []clinical.Reason
		got := tc.options.Patient(tc.person, "2025-01-15", func(reason clinical.Reason) {
			notes = append(notes,
				reason)
		})
		assert.Equal(t, tc.age, got.Age, name)
		assert.Equal(t, tc.gender, got.Gender, name)
		assert.Equal(t, tc.notes, notes, name)
	}
}

func TestOptions_Day(t *testing.T) {
	t.Parallel()
	asked := Options{ReferenceDate: time.Date(2024, 2, 3, 23, 0, 0, 0, time.FixedZone("", -8*60*60))}
	assert.Equal(t, "2024-02-03", asked.Day("2025-01-01"))

	var free Options
	assert.Equal(t, "2025-01-01", free.Day("2025-01-01"))
	today := free.Day("")
	assert.NotEqual(t, "9999-01-01", free.Day("9999-01-01"), "a day in the future")
	assert.LessOrEqual(t, today, time.Now().UTC().Format(time.DateOnly))
}

func TestSet_Revise(t *testing.T) {
	t.Parallel()
	s, report := collect(ForLabResults, Options{}, in("a", "7", nil), in("b", "8", nil))
	change := func(r *Result) clinical.Reason {
		r.Category = "Renal"
		if r.Source == "a" {
			return clinical.Narrative
		}
		return ""
	}
	s.Revise(change)
	s.Revise(func(r *Result) clinical.Reason {
		assert.Equal(t, "b", r.Source)
		return ""
	})
	results := s.LabResults(Patient{})
	assert.Len(t, results, 1)
	assert.Equal(t, "Renal", results[0].Category)
	assert.Equal(t, 1, report.Count(clinical.Narrative))
}
