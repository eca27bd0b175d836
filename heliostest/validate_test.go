package heliostest_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/heliosai/helios-go/heliostest"
)

const hookField = `"webhookUrl": "https://example.com/hook"`

// Every value that is wrong below is or holds this word. No answer may.
const private = "PRIVATE"

func TestInvalidSubmissionsAreRefused(t *testing.T) {
	t.Parallel()
	srv := newServer(t)
	agent := func(data string) string {
		return `{` + hookField + `, "agentType": "light", "data": ` + data + `}`
	}
	labs := func(rest string) string { return `{` + hookField + `, "labResults": ` + rest + `}` }
	lab := func(fields string) string { return labs(`[{"name": "A", "value": "1"}, {` + fields + `}]`) }
	withContext := func(context string) string {
		return labs(`[{"name": "A", "value": "1"}], "patientContext": ` + context)
	}
	const (
		url     = "webhookUrl is required and must be an https URL (or http to loopback)"
		kind    = "agentType is required and must be light or deep"
		noData  = "data must hold some health data"
		object  = "the body must be a JSON object"
		flag    = "labResults[1].flag must be High, Low, Normal or Critical"
		date    = "labResults[1].date must be a date like 2025-01-15, or ISO 8601"
		someLab = "labResults is required and must be an array of at least one lab"
	)
	for _, tc := range []struct{ name, path, body, message string }{
		{"empty", agentPath, ``, object},
		{"not JSON", agentPath, `{PRIVATE`, object},
		{"null", agentPath, `null`, object},
		{"array", labsPath, `[{"a": "PRIVATE"}]`, object},
		{"string", labsPath, `"PRIVATE"`, object},
		{"cut off", agentPath, agentBody("light", "https://example.com/hook")[:100], object},
		{"two objects", agentPath, agentBody("light", "https://example.com/hook") + `{}`,
			object[:9] + "must be one JSON object and nothing after it"},
		{"trailing text", agentPath, agentBody("light", "https://example.com/hook") + `PRIVATE`,
			object[:9] + "must be one JSON object and nothing after it"},
		{"not UTF-8", agentPath, agent("{\"notes\": \"\xffPRIVATE\"}"), object[:9] + "must be UTF-8"},
		{"too deep", agentPath, strings.Repeat("[", 1<<20), object},

		{"no URL", agentPath, `{"agentType": "light", "data": {"a": 1}}`, url},
		{"no URL for labs", labsPath, `{"labResults": [{"name": "A", "value": "1"}]}`, url},
		{"empty URL", labsPath, `{"webhookUrl": "", "labResults": [{"name": "A", "value": "1"}]}`, url},
		{"URL not a string", labsPath, `{"webhookUrl": 7, "labResults": []}`, url},
		{"URL field in another case", labsPath, `{"webhookURL": "https://example.com/PRIVATE", "labResults": []}`, url},
		{"plain http", labsPath, `{"webhookUrl": "http://example.com/PRIVATE", "labResults": []}`, url},
		{"http to a lookalike", labsPath, `{"webhookUrl": "http://localhost.example.com/PRIVATE", "labResults": []}`,
			url},
		{"other scheme", labsPath, `{"webhookUrl": "ftp://localhost/PRIVATE", "labResults": []}`, url},
		{"relative", labsPath, `{"webhookUrl": "/PRIVATE", "labResults": []}`, url},
		{"no host", labsPath, `{"webhookUrl": "https:///PRIVATE", "labResults": []}`, url},
		{"bad URL", labsPath, `{"webhookUrl": "https://%zz/PRIVATE", "labResults": []}`, url},

		{"no type", agentPath, `{` + hookField + `, "data": {"a": 1}}`, kind},
		{"other type", agentPath, `{` + hookField + `, "agentType": "PRIVATE", "data": {"a": 1}}`, kind},
		{"type in another case", agentPath, `{` + hookField + `, "agentType": "Light", "data": {"a": 1}}`, kind},
		{"type not a string", agentPath, `{` + hookField + `, "agentType": ["light"], "data": {"a": 1}}`, kind},

		{"no data", agentPath, `{` + hookField + `, "agentType": "deep"}`, "data is required and must be an object"},
		{"data null", agentPath, agent(`null`), "data is required and must be an object"},
		{"data an array", agentPath, agent(`[{"a": 1}]`), "data is required and must be an object"},
		{"data empty", agentPath, agent(`{}`), noData},
		{"data of nothing", agentPath,
			agent(`{"patientInfo": {}, "medications": [], "x": null, "y": " ", "z": [{}, [""]]}`), noData},
		{"patientInfo null", agentPath, agent(`{"patientInfo": null, "a": 1}`), "data.patientInfo must be an object"},
		{"age a string", agentPath, agent(`{"patientInfo": {"age": "PRIVATE"}}`),
			"data.patientInfo.age must be a number"},
		{"gender a number", agentPath, agent(`{"patientInfo": {"gender": 1}}`),
			"data.patientInfo.gender must be a string"},
		{"labs null", agentPath, agent(`{"recentAbnormalLabs": null, "a": 1}`),
			"data.recentAbnormalLabs must be an array"},
		{"labs an object", agentPath, agent(`{"recentNormalLabs": {"a": "PRIVATE"}}`),
			"data.recentNormalLabs must be an array"},
		{"lab a string", agentPath, agent(`{"recentNormalLabs": ["PRIVATE"]}`),
			"data.recentNormalLabs[0] must be an object"},
		{"lab value a number", agentPath, agent(`{"recentAbnormalLabs": [{"value": "7"}, {"value": 7.2}]}`),
			"data.recentAbnormalLabs[1].value must be a string"},
		{"condition", agentPath, agent(`{"pastMedicalHistory": [{"onsetDate": 2020}]}`),
			"data.pastMedicalHistory[0].onsetDate must be a string"},
		{"medication", agentPath, agent(`{"medications": [{"medication": ["PRIVATE"]}]}`),
			"data.medications[0].medication must be a string"},
		{"vital sign", agentPath, agent(`{"vitalSigns": [{"value": 120}]}`),
			"data.vitalSigns[0].value must be a string"},

		{"no labs", labsPath, `{` + hookField + `}`, someLab},
		{"labs empty", labsPath, labs(`[]`), someLab},
		{"labResults null", labsPath, labs(`null`), someLab},
		{"labResults an object", labsPath, labs(`{"PRIVATE": 1}`), someLab},
		{"item a string", labsPath, labs(`["PRIVATE"]`), "labResults[0] must be an object"},
		{"no name", labsPath, lab(`"value": "PRIVATE"`),
			"labResults[1].name is required and must be a string that is not empty"},
		{"blank name", labsPath, lab(`"name": " ", "value": "PRIVATE"`),
			"labResults[1].name is required and must be a string that is not empty"},
		{"no value", labsPath, lab(`"name": "PRIVATE"`),
			"labResults[1].value is required and must be a string that is not empty"},
		{"number value", labsPath, lab(`"name": "PRIVATE", "value": 7`),
			"labResults[1].value is required and must be a string that is not empty"},
		{"other flag", labsPath, lab(`"name": "A", "value": "1", "flag": "PRIVATE"`), flag},
		{"flag in another case", labsPath, lab(`"name": "A", "value": "1", "flag": "high"`), flag},
		{"empty flag", labsPath, lab(`"name": "A", "value": "1", "flag": ""`), flag},
		{"flag an array", labsPath, lab(`"name": "A", "value": "1", "flag": ["High"]`), flag},
		{"bad date", labsPath, lab(`"name": "A", "value": "1", "date": "PRIVATE"`), date},
		{"other date", labsPath, lab(`"name": "A", "value": "1", "date": "01/15/2025"`), date},
		{"no such date", labsPath, lab(`"name": "A", "value": "1", "date": "2025-02-30"`), date},
		{"date a number", labsPath, lab(`"name": "A", "value": "1", "date": 20250115`), date},
		{"unit null", labsPath, lab(`"name": "A", "value": "1", "unit": null`), "labResults[1].unit must be a string"},
		{"category", labsPath, lab(`"name": "A", "value": "1", "category": 1`),
			"labResults[1].category must be a string"},
		{"range", labsPath, lab(`"name": "A", "value": "1", "referenceRange": {"low": "PRIVATE"}`),
			"labResults[1].referenceRange must be a string"},
		{"context", labsPath, withContext(`["PRIVATE"]`), "patientContext must be an object"},
		{"context age a number", labsPath, withContext(`{"age": 58}`), "patientContext.age must be a string"},
		{"context gender", labsPath, withContext(`{"gender": true}`), "patientContext.gender must be a string"},
		{"context conditions", labsPath, withContext(`{"conditions": ["PRIVATE"]}`),
			"patientContext.conditions[0] must be an object"},
		{"context condition", labsPath, withContext(`{"conditions": [{"name": 1}]}`),
			"patientContext.conditions[0].name must be a string"},
		{"context medication", labsPath, withContext(`{"medications": [{"dosage": 500}]}`),
			"patientContext.medications[0].dosage must be a string"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			a := post(t, srv, tc.path, tc.body)
			assert.Equal(t, 400, a.status)
			assert.Equal(t, fmt.Sprintf(`{"error": "Bad Request", "message": %q}`, tc.message), a.body)
			assert.NotContains(t, a.body, private)
			assert.Equal(t, "7", a.header.Get("X-Concurrent-Remaining"))
			assert.Empty(t, srv.Runs())
		})
	}
}

func TestValidSubmissionsAreAccepted(t *testing.T) {
	t.Parallel()
	srv := idleServer(t, heliostest.WithLimit(100))
	lab := func(rest string) string {
		return `{` + hookField + `, "labResults": [{"name": "A", "value": "1"` + rest + `}]}`
	}
	for _, tc := range []struct{ name, path, body string }{
		{"the contract's example", agentPath, agentBody("light", "https://example.com/hook")},
		{"labs like the contract's example", labsPath, labsBody("https://example.com/hook?order=1#x")},
		{"http to an address", labsPath, labsBody("http://127.0.0.1:1/hook")},
		{"http to IPv6", labsPath, labsBody("http://[::1]:1/hook")},
		{"http to localhost", labsPath, labsBody("http://LOCALHOST:1/hook")},
		{"only an age", agentPath, `{` + hookField + `, "agentType": "deep", "data": {"patientInfo": {"age": 0}}}`},
		{"a category that is not known", agentPath,
			`{` + hookField + `, "agentType": "deep", "data": {"genetics": [{"gene": "BRCA1"}], "imaging": null}}`},
		{"fields that are not known", labsPath, `{"v": 2, ` + lab(`, "loinc": 7`)[1:]},
		{"day", labsPath, lab(`, "date": "2025-01-15"`)},
		{"time", labsPath, lab(`, "date": "2025-01-15T10:30:00.123Z"`)},
		{"time with an offset", labsPath, lab(`, "date": "2025-01-15T10:30:00+02:00"`)},
		{"local time", labsPath, lab(`, "date": "2025-01-15T10:30"`)},
		{"month", labsPath, lab(`, "date": "2025-01"`)},
		{"basic format", labsPath, lab(`, "date": "20250115"`)},
		{"critical", labsPath, lab(`, "flag": "Critical"`)},
		{"empty context", labsPath, `{"patientContext": {}, ` + lab(``)[1:]},
		{"space around", labsPath, " \n" + lab(``) + "\r\n "},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			a := post(t, srv, tc.path, tc.body)
			assert.Equal(t, http.StatusOK, a.status, a.body)
		})
	}
}
