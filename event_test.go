package helios_test

import (
	"encoding/json"
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/heliosai/helios-go"
)

func TestEvent_AnAuthenticOneIsNeverRefused(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		body  string
		final bool
	}{
		"byte order mark":                 {"\ufeff" + eventOf(`"status":"completed"`), true},
		"byte order mark, space":          {"\ufeff \n" + eventOf(`"status":"completed"`), true},
		"no status":                       {`{"runId":"` + hookRun + `"}`, false},
		"unknown status":                  {eventOf(`"status":"contemplating"`), false},
		"unknown fields":                  {eventOf(`"zebra":{"a":[1,null,{}]},"status":"completed","x":1e99`), true},
		"duplicate keys":                  {eventOf(`"x":1,"x":2,"status":"a","status":"completed"`), true},
		"white space":                     {" \r\n\t" + eventOf("\n \t\"status\" : \"completed\" \n") + " \n", true},
		"escapes":                         {eventOf(`"st\u0061tus":"\u0063ompleted","u":"\u00e9\/\u2028é"`), true},
		"long digits":                     {eventOf(`"status":"completed","n":0.10000000000000000000000000001`), true},
		"invalid UTF-8":                   {eventOf(`"status":"completed","x":"` + "\xff\xfe" + `"`), true},
		"unknown agent":                   {eventOf(`"status":"completed","agent":"imaging"`), true},
		"status of another type":          {eventOf(`"status":5`), false},
		"status an object":                {eventOf(`"status":{"code":"completed"}`), false},
		"agent of another type":           {eventOf(`"agent":["light"],"status":"completed"`), true},
		"timestamp not a date":            {eventOf(`"timestamp":"yesterday","status":"completed"`), true},
		"timestamp in a zone of 24 hours": {eventOf(`"status":"error","timestamp":"2025-01-15T12:01:30+24:00"`), true},
		"timestamp that is beyond 9999":   {eventOf(`"status":"error","timestamp":"9999-12-31T23:59:59-23:00"`), true},
		"timestamp before the year 0":     {eventOf(`"status":"error","timestamp":"0000-01-01T00:00:00+23:00"`), true},
		"number a boolean":                {eventOf(`"sequenceNumber":true,"status":"completed"`), true},
		"number an object":                {eventOf(`"sequenceNumber":{"n":1},"status":"completed"`), true},
		"number null":                     {eventOf(`"sequenceNumber":null,"status":"completed"`), true},
		"everything of another type": {
			eventOf(`"status":[],"agent":1,"timestamp":{},"sequenceNumber":[],"result":7,"error":true`), false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := hookEvent(t, c.body)
			assert.Equal(t, hookRun, e.RunID)
			assert.Equal(t, c.final, e.Final())
			assert.Equal(t, c.body, string(e.Raw), "Raw is the body byte for byte")
			assert.Zero(t, e.SequenceNumber)
			_, err := json.Marshal(e)
			assert.NoError(t, err, "an event can always be encoded")
		})
	}
}

func TestEvent_ByteOrderMarkIsSkippedEverywhere(t *testing.T) {
	t.Parallel()
	result, err := hookEvent(t, "\ufeff"+hookSmall).Result()
	require.NoError(t, err)
	assert.Equal(t, hookHealth, result.PatientResponse)
	assert.Equal(t, "m", hookEvent(t, "\ufeff"+eventOf(`"status":"error","error":{"message":"m"}`)).Failure().Message)
	assert.Equal(t, 3, hookEvent(t, "\ufeff"+eventOf(`"step":3`)).Progress().Step)
}

func TestEvent_RunIDThatIsANumberIsItsText(t *testing.T) {
	t.Parallel()
	for value, want := range map[string]string{
		`7`: "7", `-7`: "-7", `0`: "0", `9`: "9", `7.50`: "7.50", `1e3`: "1e3", `"7"`: "7",
		`12345678901234567890123`: "12345678901234567890123",
	} {
		assert.Equal(t, want, hookEvent(t, `{"status":"completed","runId":`+value+`}`).RunID, value)
	}
}

func TestEvent_SequenceNumber(t *testing.T) {
	t.Parallel()
	for value, want := range map[string]int64{
		`7`: 7, `"7"`: 7, `7.0`: 7, `7e0`: 7, `0`: 0, `9007199254740993`: 9007199254740993,
		`9223372036854775807`: math.MaxInt64,

		// A fraction cut short would look like a duplicate of another event.
		`1.5`: 0, `"1.5"`: 0, `1.0000001`: 0,
		`9007199254740991.0`: 9007199254740991, `9007199254740993.0`: 0, // cannot be told from 9007199254740992
		`1e400`: 0, `99999999999999999999`: 0, `"seven"`: 0, `""`: 0, `"NaN"`: 0, `"Inf"`: 0,
		`true`: 0, `[1]`: 0, `{"n":1}`: 0,
	} {
		assert.Equal(t, want, hookEvent(t, eventOf(`"sequenceNumber":`+value)).SequenceNumber, value)
	}
}

func TestEvent_Timestamp(t *testing.T) {
	t.Parallel()
	noon := time.Date(2025, 1, 15, 12, 1, 30, 0, time.UTC)
	milli, micro := noon.Add(123*time.Millisecond), noon.Add(123456*time.Microsecond)
	for value, want := range map[string]time.Time{
		`"2025-01-15T12:01:30Z"`:              noon,
		`"2025-01-15T12:01:30.123Z"`:          milli,
		`"2025-01-15T12:01:30,123Z"`:          milli,
		`"2025-01-15T14:01:30.123+02:00"`:     milli,
		`"2025-01-15T12:01:30+0000"`:          noon,
		`"2025-01-15T14:01:30.123+0200"`:      milli,
		`"2025-01-15T12:01:30+00"`:            noon,
		`"2025-01-15T12:01:30"`:               noon,
		`"2025-01-15T12:01:30.123456"`:        micro,
		`"2025-01-15 12:01:30Z"`:              noon,
		`" 2025-01-15T12:01:30Z "`:            noon,
		`1736942490`:                          noon,
		`1736942490.123`:                      milli,
		`1.73694249e9`:                        noon,
		`"1736942490"`:                        noon,
		`1736942490123`:                       milli,
		`"1736942490123"`:                     milli,
		`1736942490123.456`:                   micro,
		`1000000000`:                          time.Date(2001, 9, 9, 1, 46, 40, 0, time.UTC),
		`999999999`:                           {},
		`4102444800`:                          time.Date(2100, 1, 1, 0, 0, 0, 0, time.UTC),
		`"0001-06-01T00:00:00Z"`:              time.Date(1, 6, 1, 0, 0, 0, 0, time.UTC),
		`"9999-06-01T00:00:00Z"`:              time.Date(9999, 6, 1, 0, 0, 0, 0, time.UTC),
		`1736942490123456`:                    {}, // no unit that is known
		`0`:                                   {},
		`-1736942490`:                         {},
		`7`:                                   {},
		`1e400`:                               {},
		`"NaN"`:                               {},
		`"20250115"`:                          {},
		`"yesterday"`:                         {},
		`""`:                                  {},
		`null`:                                {},
		`true`:                                {},
		`["2025-01-15T12:01:30Z"]`:            {},
		`"2025-13-15T12:01:30Z"`:              {},
		`"9999-12-31T23:59:59-23:00"`:         {},
		`"2025-01-15T12:01:30Z and the rest"`: {},
	} {
		assert.Equal(t, want, hookEvent(t, eventOf(`"timestamp":`+value)).Timestamp, value)
	}
}

func TestEvent_Final(t *testing.T) {
	t.Parallel()
	for status, want := range map[string]string{
		"completed": "completed", "Completed": "completed", "COMPLETED": "completed", " completed": "completed",
		"completed\\n": "completed", "error": "error", "ERROR": "error", " Error ": "error",
		"": "", "failed": "", "processing": "", "accepted": "", "completed.": "", "com pleted": "", "completedness": "",
	} {
		body := eventOf(`"status":"` + status + `"`)
		e := hookEvent(t, body)
		assert.Equal(t, want != "", e.Final(), "status %q", status)
		if want != "" {
			assert.Equal(t, want, e.Status)
		} else {
			assert.Equal(t, status, e.Status)
		}
		assert.Equal(t, body, string(e.Raw), "Raw keeps the spelling")
	}
	t.Run("of an event made by hand", func(t *testing.T) {
		t.Parallel()
		e := helios.Event{RunID: hookRun, Status: " Completed\n", Raw: json.RawMessage(hookSmall)}
		assert.True(t, e.Final())
		result, err := e.Result()
		require.NoError(t, err)
		assert.Equal(t, hookHealth, result.PatientResponse)

		e = helios.Event{RunID: hookRun, Status: "Error"}
		assert.True(t, e.Final())
		assert.NotNil(t, e.Failure())
	})
}

func TestEvent_Failure(t *testing.T) {
	t.Parallel()
	of := func(value string) string { return `"status":"error","error":` + value }
	for name, c := range map[string]struct{ fields, message, details string }{
		"object":                     {of(`{"message":"no labs"}`), "no labs", `{"message":"no labs"}`},
		"object with unknown fields": {of(`{"code":"E7","message":"m"}`), "m", `{"code":"E7","message":"m"}`},
		"object without a message":   {of(`{"code":"E7"}`), "", `{"code":"E7"}`},
		"object, message a number":   {of(`{"message":7}`), "7", `{"message":7}`},
		"object, message a list":     {of(`{"message":["m"]}`), "", `{"message":["m"]}`},
		"string":                     {of(`"no labs"`), "no labs", `"no labs"`},
		"string with escapes":        {of(`"a\n\"b\" \u00e9"`), "a\n\"b\" é", `"a\n\"b\" \u00e9"`},
		"null":                       {of(`null`), "", "null"},
		"number":                     {of(`500`), "", "500"},
		"array":                      {of(`["a","b"]`), "", `["a","b"]`},
		"missing":                    {`"status":"error"`, "", ""},
		"missing, with a result":     {`"status":"error","result":{"patientResponse":"x"}`, "", ""},
		"status in upper case":       {`"status":"ERROR","error":{"message":"m"}`, "m", `{"message":"m"}`},
		"among other types":          {`"sequenceNumber":{},` + of(`{"message":"m"}`), "m", `{"message":"m"}`},
		"white space in Details":     {of(`{ "message" : "m" }`), "m", `{ "message" : "m" }`},
		"message names the patient":  {of(`"` + hookHealth + `"`), hookHealth, `"` + hookHealth + `"`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := hookEvent(t, eventOf(c.fields))
			assert.True(t, e.Final())
			failure := e.Failure()
			require.NotNil(t, failure)
			assert.Equal(t, hookRun, failure.RunID)
			assert.Equal(t, c.message, failure.Message)
			assert.Equal(t, c.details, string(failure.Details))
			assert.Contains(t, failure.Error(), hookRun)
			assertKeepsQuiet(t, failure, string(e.Raw))

			result, err := e.Result()
			assert.Nil(t, result)
			var run *helios.RunError
			require.ErrorAs(t, err, &run)
			assert.Equal(t, failure, run)
			assert.NotErrorIs(t, err, helios.ErrNoResult)
		})
	}
	t.Run("nil unless the status is error", func(t *testing.T) {
		t.Parallel()
		for _, status := range []string{"completed", "processing", "", "failed", "errors"} {
			e := hookEvent(t, eventOf(`"status":"`+status+`","error":{"message":"m"}`))
			assert.Nil(t, e.Failure(), "status %q", status)
		}
	})
}

func TestEvent_Malformed(t *testing.T) {
	t.Parallel()
	const (
		notObject = "helios: malformed event: the body is not a JSON object"
		noRunID   = "helios: malformed event: the body has no runId"
	)
	for name, c := range map[string]struct{ body, text string }{
		"empty":                 {"", notObject},
		"white space":           {" \n", notObject},
		"byte order mark":       {"\ufeff", notObject},
		"two byte order marks":  {"\ufeff\ufeff" + hookSmall, notObject},
		"not JSON":              {"status=completed", notObject},
		"null":                  {"null", notObject},
		"string":                {`"` + hookRun + `"`, notObject},
		"number":                {"7", notObject},
		"true":                  {"true", notObject},
		"array":                 {"[]", notObject},
		"array of an event":     {"[" + hookSmall + "]", notObject},
		"cut short":             {hookSmall[:len(hookSmall)-1], notObject},
		"two events":            {hookSmall + hookSmall, notObject},
		"NDJSON":                {hookSmall + "\n" + hookSmall + "\n", notObject},
		"text after the event":  {hookSmall + "x", notObject},
		"single quotes":         {strings.ReplaceAll(hookSmall, `"`, `'`), notObject},
		"leading comma":         {`{,"runId":"` + hookRun + `"}`, notObject},
		"trailing comma":        {`{"runId":"` + hookRun + `",}`, notObject},
		"no fields":             {"{}", noRunID},
		"no runId":              {`{"status":"completed","result":{"patientResponse":"` + hookHealth + `"}}`, noRunID},
		"runId null":            {`{"runId":null}`, noRunID},
		"runId empty":           {`{"runId":""}`, noRunID},
		"runId a boolean":       {`{"runId":true}`, noRunID},
		"runId an object":       {`{"runId":{"id":"` + hookRun + `"}}`, noRunID},
		"runId one level below": {`{"event":` + hookSmall + `}`, noRunID},
		"runId in another case": {`{"runID":"` + hookRun + `"}`, noRunID},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r, d := hookReceiver(t), newDelivery(hookSecret, c.body)
			require.NoError(t, r.VerifySignature([]byte(c.body), d.header), "authentic")
			for by, verify := range map[string]func() (*helios.Event, error){
				"Verify":        func() (*helios.Event, error) { return r.Verify(d.request()) },
				"VerifyPayload": func() (*helios.Event, error) { return d.verify(r) },
				"ParseEvent":    func() (*helios.Event, error) { return helios.ParseEvent([]byte(c.body)) },
			} {
				e, err := verify()
				assert.Nil(t, e, by)
				assert.EqualError(t, err, c.text, by)
				assert.ErrorIs(t, err, helios.ErrMalformedEvent, by)
				assert.NotErrorIs(t, err, helios.ErrInvalidWebhook, by)
				var malformed *helios.MalformedEventError
				require.ErrorAs(t, err, &malformed, by)
				assert.Equal(t, c.body, string(malformed.Raw), by)
			}

			d.header.Set(sigHeader, "sha256="+hookSum(hookPrevious, c.body))
			_, err := d.verify(r)
			assert.ErrorIs(t, err, helios.ErrInvalidWebhook, "forged and malformed is forged")
		})
	}
}

func TestMalformedEventError_PrintsNoValue(t *testing.T) {
	t.Parallel()
	_, err := helios.ParseEvent([]byte("[" + hookSmall + "]"))
	var malformed *helios.MalformedEventError
	require.ErrorAs(t, err, &malformed)
	for name, v := range map[string]any{
		"pointer":           malformed,
		"value":             *malformed,
		"slice":             []*helios.MalformedEventError{malformed},
		"struct":            struct{ Err error }{malformed},
		"value in a struct": struct{ Err helios.MalformedEventError }{*malformed},
	} {
		for how, text := range printed(t, v) {
			assert.Empty(t, leaked(text, hookHealth, hookSmall), "%s, %s", name, how)
		}
	}
	assertKeepsQuiet(t, fmt.Errorf("helios: store: %w", malformed), hookSmall)

	byHand := &helios.MalformedEventError{Raw: []byte(hookHealth)}
	assert.EqualError(t, byHand, "helios: malformed event")
}

// A body that was verified and stored gives the same event again.
func TestParseEvent(t *testing.T) {
	t.Parallel()
	for _, body := range []string{
		hookSmall, "\ufeff" + hookSmall, eventOf(`"status":" Completed","timestamp":1736942490`),
	} {
		received := hookEvent(t, body)
		again, err := helios.ParseEvent([]byte(string(received.Raw)))
		require.NoError(t, err)
		assert.Equal(t, received, again)
	}
}

func FuzzPayload(f *testing.F) {
	for _, body := range nastyBodies {
		f.Add([]byte(body))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		var fields map[string]any
		dec := json.NewDecoder(strings.NewReader(strings.TrimPrefix(string(body), "\ufeff")))
		dec.UseNumber()
		valid := dec.Decode(&fields) == nil && json.Valid([]byte(strings.TrimPrefix(string(body), "\ufeff")))
		run := fmt.Sprint(fields["runId"])
		switch fields["runId"].(type) {
		case string, json.Number:
		default:
			run = ""
		}

		d := newDelivery(hookSecret, string(body))
		r := hookReceiver(t)
		require.NoError(t, r.VerifySignature(body, d.header), "signed")
		e, err := r.VerifyPayload(body, d.header)
		if err != nil {
			require.Nil(t, e)
			require.False(t, valid && run != "", "any JSON object with a run id is an event")
			var malformed *helios.MalformedEventError
			require.ErrorAs(t, err, &malformed)
			require.Equal(t, string(body), string(malformed.Raw))
			assertHidden(t, err.Error(), hookSecret, hookSum(hookSecret, string(body)))
			return
		}

		require.Equal(t, string(body), string(e.Raw))
		if valid { // what is not may still have an envelope that can be read
			require.Equal(t, run, e.RunID)
		}
		_, err = json.Marshal(e)
		require.NoError(t, err)
		again, err := helios.ParseEvent(e.Raw)
		require.NoError(t, err)
		require.Equal(t, e, again)

		progress := e.Progress()
		require.False(t, e.Final() && progress != helios.Progress{}, "progress of a final event")
		require.True(t, progress.Step >= 0 && progress.Step <= 1000 && progress.Total >= 0 && progress.Total <= 1000)
		require.Equal(t, e.Status == helios.StatusError, e.Failure() != nil)
		require.Equal(t, e.Status == helios.StatusError || e.Status == helios.StatusCompleted, e.Final())

		result, err := e.Result()
		require.True(t, result != nil || err != nil)
		require.False(t, result != nil && e.Status != helios.StatusCompleted)
		if err != nil {
			assertHidden(t, err.Error(), hookSecret)
		}
	})
}
