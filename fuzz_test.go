package helios_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"math/big"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/heliosai/helios-go"
)

// nastyBodies are signed bodies that once broke somebody's webhook code.
var nastyBodies = []string{
	sampleLight, sampleDeep, sampleLabs, hookSmall, "", "null", "[]", "{}", `"` + hookRun + `"`, "{", "\ufeff" + hookSmall, hookSmall + hookSmall,
	eventOf(`"status":"error","error":{"message":"m"}`), eventOf(`"status":"error","error":"m"`), eventOf(`"status":"error","error":[1]`),
	eventOf(`"status":"processing","step":3,"totalSteps":8,"stepName":"Selecting relevant elements"`), eventOf(`"progress":{"current":1e308,"total":-1}`),
	eventOf(`"status":7,"agent":[],"timestamp":{},"sequenceNumber":true,"result":[]`), eventOf(`"sequenceNumber":99999999999999999999`), eventOf(`"sequenceNumber":"7"`),
	eventOf(`"timestamp":"2025-01-15T12:01:30,5Z"`), eventOf(`"status":"completed","result":{"citations":{"patient":{"":{"metadata":{"specialties":5,"x":1e999}}}}}`),
	`{"runId":"a","runId":"b"}`, `{"RUNID":"a","status":"completed","RESULT":{}}`, `{"runId":"` + "\xff\x00" + `"}`, `{"runId":"\ud800"}`, `{"runId":" "}`, `{"runId":7}`,
	eventOf(`"x":` + strings.Repeat("[", 200) + strings.Repeat("]", 200)), eventOf(`"x":` + strings.Repeat(`{"x":`, 12000) + "0" + strings.Repeat("}", 12000)),
}

func FuzzHeaders(f *testing.F) {
	good, now := "sha256="+hookSum(hookSecret, hookSmall), strconv.FormatInt(hookNow.Unix(), 10)
	for _, signature := range []string{
		good, "", "sha256=", good + "," + good, strings.ToUpper(good), "sha256=" + strings.ToUpper(good[7:]), good[:70], good + "0", " " + good,
		"sha1=" + good[7:47], "sha256=" + hookSum(hookPrevious, hookSmall), "sha256=" + hookSum("", hookSmall), strings.Repeat("\xff", 71),
	} {
		f.Add(signature, now, hookRun, "", uint8(0))
	}
	for _, timestamp := range []string{
		"", "0", "-1", "+" + now, now + " ", now + ".0", "1736942191", "1736942190", "1736942791", "1736942792", "9223372036854775807",
		"9223372036854775808", "18446744075446494107", "999999999999999999", "000000001736942491", "0000000001736942491", "1e9", "٣",
	} {
		f.Add(good, timestamp, hookRun, "", uint8(0))
	}
	for _, run := range []string{"", " ", strings.ToUpper(hookRun), hookRun + "\x00", otherRun, "\xff"} {
		f.Add(good, now, run, "", uint8(0))
	}
	for choice := range uint8(8) {
		f.Add(good, now, hookRun, good, choice)
	}
	f.Fuzz(func(t *testing.T, signature, timestamp, run, second string, choice uint8) {
		r := hookReceiver(t)
		header := http.Header{"X-Helios-Signature": {signature}, "X-Helios-Timestamp": {timestamp}, "X-Helios-Run-Id": {run}}
		names := []string{"X-Helios-Signature", "X-Helios-Timestamp", "X-Helios-Run-Id"}
		single := true
		if i := int(choice & 3); i > 0 { // a second value of one of them
			header[names[i-1]] = append(header[names[i-1]], second)
			single = false
		}
		if choice&4 != 0 {
			for _, name := range names {
				header[strings.ToLower(name)] = header[name]
				delete(header, name)
			}
		}

		// The same rules, from the contract, by other means.
		signed := regexp.MustCompile(`\Asha256=[0-9a-f]{64}\z`).MatchString(signature)
		if signed {
			sum, err := hex.DecodeString(signature[len("sha256="):])
			require.NoError(t, err)
			m := hmac.New(sha256.New, []byte(hookSecret))
			m.Write([]byte(hookSmall))
			signed = hmac.Equal(m.Sum(nil), sum)
		}
		fresh := false
		if regexp.MustCompile(`\A[0-9]{1,18}\z`).MatchString(timestamp) {
			sent, ok := new(big.Int).SetString(timestamp, 10)
			require.True(t, ok)
			off := sent.Sub(sent, big.NewInt(hookNow.Unix()))
			fresh = off.CmpAbs(big.NewInt(300)) <= 0
		}
		authentic := single && signed && fresh

		e, err := r.VerifyPayload([]byte(hookSmall), header)
		if authentic && run == hookRun {
			require.NoError(t, err)
			require.Equal(t, hookSmall, string(e.Raw))
		} else {
			require.ErrorIs(t, err, helios.ErrInvalidWebhook)
			require.Nil(t, e)
			assertKeepsQuiet(t, err, hookSmall)
		}
		require.Equal(t, authentic && run != "", r.VerifySignature([]byte(hookSmall), header) == nil)
	})
}

func FuzzPayload(f *testing.F) {
	for _, body := range nastyBodies {
		f.Add([]byte(body))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		var fields map[string]any
		valid := json.Unmarshal(body, &fields) == nil
		run, _ := fields["runId"].(string)
		if !valid { // it may still have an envelope that can be read
			run = hookRun
		}
		d := newDelivery(hookSecret, string(body))
		r := hookReceiver(t)
		if run != "" {
			d.header["X-Helios-Run-Id"] = []string{run}
		}
		require.NoError(t, r.VerifySignature(body, d.header), "signed")
		e, err := r.VerifyPayload(body, d.header)
		if err != nil {
			require.Nil(t, e)
			require.False(t, valid && run != "", "an authentic event is never refused: any JSON object with a run id is one")
			if valid {
				require.ErrorIs(t, err, helios.ErrMalformedEvent)
			}
			assertHidden(t, err.Error(), hookSecret, hookSum(hookSecret, string(body)))
			return
		}
		require.Equal(t, string(body), string(e.Raw))
		require.Equal(t, run, e.RunID)
		_, err = json.Marshal(e)
		require.NoError(t, err)
		progress := e.Progress()
		require.False(t, e.Final() && progress != helios.Progress{}, "progress of a final event")
		require.True(t, progress.Step >= 0 && progress.Step <= 1000 && progress.Total >= 0 && progress.Total <= 1000)
		failure := e.Failure()
		require.Equal(t, e.Status == helios.StatusError, failure != nil)
		result, err := e.Result()
		require.NotEqual(t, err == nil, result == nil)
		require.False(t, err == nil && e.Status != helios.StatusCompleted)
		if err != nil {
			assertHidden(t, err.Error(), hookSecret)
		}
	})
}

func FuzzResult(f *testing.F) {
	for _, body := range nastyBodies {
		f.Add(body)
	}
	for _, sample := range []string{sampleLight, sampleDeep, sampleLabs} {
		_, result, _ := strings.Cut(sample, `"result":`)
		f.Add(strings.TrimSuffix(result, "}"))
	}
	for _, result := range []string{
		"null", "7", `"x"`, `[]`, `{}`, `{"citations":[]}`, `{"citations":{"patient":null,"clinician":{"1":null}}}`, `{"patientResponse":7}`, `{"labResults":[{"value":1.8}]}`,
		`{"citations":{"patient":{"1":{"metadata":{"type":null,"specialties":[],"Type":1,"<b>":"</b>"}}}}}`, `{"metadata":{"labsReceived":1.5}}`, `{"metadata":{"labsReceived":1e400}}`,
		`{"selectedElements":[null,{}]}`, `{"result":{},"RESULT":[]}`,
	} {
		f.Add(result)
	}
	run := regexp.QuoteMeta(hookRun)
	refusals := regexp.MustCompile(`\Ahelios: (result of run ` + run + `: not as documented( at byte \d+)?; see Event\.Raw|the event carries no result: run ` + run + ` completed without one; see Event\.Raw)\z`)
	f.Fuzz(func(t *testing.T, data string) {
		if !json.Valid([]byte(data)) {
			t.Skip("part of a body that is no event")
		}
		body := `{"status":"completed","runId":"` + hookRun + `","result":` + data + `}`
		if !json.Valid([]byte(body)) {
			t.Skip("too deep")
		}
		result, err := hookEvent(t, body).Result()
		if err != nil {
			require.Nil(t, result)
			require.Regexp(t, refusals, err.Error(), "an error that holds no value")
			return
		}
		// What decodes can be stored, and read again as it was.
		once, err := json.Marshal(result)
		require.NoError(t, err)
		var again helios.Result
		require.NoError(t, json.Unmarshal(once, &again))
		twice, err := json.Marshal(again)
		require.NoError(t, err)
		require.Equal(t, string(once), string(twice))
		require.Equal(t, len(result.Citations.Patient), len(again.Citations.Patient))
	})
}
