package diagnosis

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/heliosai/helios-go/heliostest"
)

const secret = "whsec_correct"

var now = time.Date(2025, time.January, 15, 12, 1, 30, 0, time.UTC)

const event = `{"runId": "r-1", "status": "completed", "text": "naïve <b> a/b \u2028", "n": 1.50, "list": [], "o": {}}`

// indented is what other encoders make of event.
func compact(t *testing.T, text string) []byte {
	t.Helper()
	var out bytes.Buffer
	require.NoError(t, json.Compact(&out, []byte(text)))
	return out.Bytes()
}

func indented(t *testing.T, text, indent string) []byte {
	t.Helper()
	var out bytes.Buffer
	require.NoError(t, json.Indent(&out, []byte(text), "", indent))
	return out.Bytes()
}

func zipped(t *testing.T, body []byte) []byte {
	t.Helper()
	var out bytes.Buffer
	w := gzip.NewWriter(&out)
	_, err := w.Write(body)
	require.NoError(t, err)
	require.NoError(t, w.Close())
	return out.Bytes()
}

func TestExamineBody(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		signed, arrived []byte
		want            string
	}{
		"unchanged":       {[]byte(event), []byte(event), ""},
		"newline cut off": {[]byte(event + "\n"), []byte(event), "a line break at its end was cut off"},
		"newline added":   {[]byte(event), []byte(event + "\n"), "a line break was added at its end"},
		"line breaks changed": {
			indented(t, event, "  "),
			bytes.ReplaceAll(indented(t, event, "  "), []byte("\n"), []byte("\r\n")),
			"LF became CRLF",
		},
		"byte order mark": {
			[]byte(event), append([]byte("\xef\xbb\xbf"), event...), "a byte order mark was added",
		},
		"compressed":   {[]byte(event), zipped(t, []byte(event)), "it was compressed with gzip"},
		"indented":     {compact(t, event), indented(t, event, "  "), "its JSON was re-encoded"},
		"made compact": {indented(t, event, "\t"), compact(t, event), "its JSON was re-encoded"},
		"escapes changed": {
			[]byte(`{"runId":"r-1","text":"na\u00efve \ud83d\ude00"}`),
			[]byte(`{"runId":"r-1","text":"naïve 😀"}`),
			"its JSON was re-encoded",
		},
		"escaped for HTML": {
			[]byte(`{"runId":"r-1","text":"\u003cb\u003e"}`),
			[]byte(`{"runId":"r-1","text":"<b>"}`),
			"its JSON was re-encoded",
		},
		"slashes": {
			[]byte(`{"runId":"r-1","text":"a\/b"}`),
			[]byte(`{"runId":"r-1","text":"a/b"}`),
			"its JSON was re-encoded",
		},
		"anew, with a newline":   {append(compact(t, event), '\n'), []byte(event), "its JSON was re-encoded"},
		"something else":         {[]byte(event), []byte(`{"a":1,"b":2,"c":3}`), "its keys are in alphabetical order"},
		"something not readable": {[]byte(event), []byte("{"), "the secret does not give this signature"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			header := heliostest.Sign(secret, test.signed, now)
			got := Examine(test.arrived, header, []string{secret}, now)
			if test.want == "" {
				assert.Empty(t, got.Problems)
				assert.Equal(t, 1, got.Secret)
				return
			}
			require.Len(t, got.Problems, 1)
			assert.Contains(t, got.Problems[0].Text, test.want)
			assert.NotContains(t, got.Problems[0].Text, header.Get(signatureHeader))
		})
	}
}

func TestExamineSecrets(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		signer  string
		secrets []string
		secret  int
		want    string
	}{
		"the third":             {"c", []string{"a", "b", "c"}, 3, ""},
		"none of two":           {"c", []string{"a", "b"}, 0, "no secret gives this signature"},
		"quotes":                {"c", []string{`"c"`}, 1, "it has quotes around it"},
		"a newline in the file": {"c\n", []string{"c"}, 1, "the sender's has a line break at its end"},
		"white space":           {"c", []string{" c "}, 1, "it has white space around it"},
		"without its prefix":    {"c", []string{"whsec_c"}, 1, "the sender's is without the part up to _"},
		"decoded":               {"raw", []string{"whsec_cmF3"}, 1, "the sender decodes it as base64"},
		"decoded hex":           {"raw", []string{"726177"}, 1, "the sender decodes it as hex"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := Examine([]byte(event), heliostest.Sign(test.signer, []byte(event), now), test.secrets, now)
			assert.Equal(t, test.secret, got.Secret)
			if test.want == "" {
				assert.Empty(t, got.Problems)
				return
			}
			require.Len(t, got.Problems, 1)
			assert.Contains(t, got.Problems[0].Text, test.want)
		})
	}
}

func TestExamineHeaders(t *testing.T) {
	t.Parallel()
	sound := heliostest.Sign(secret, []byte(event), now)
	signature := sound.Get(signatureHeader)
	digits := strings.TrimPrefix(signature, prefix)
	with := func(name string, values ...string) http.Header {
		h := sound.Clone()
		h.Del(name)
		for _, value := range values {
			h.Add(name, value)
		}
		return h
	}
	tests := map[string]struct {
		header http.Header
		want   string
	}{
		"no signature":         {with(signatureHeader), "X-Helios-Signature is missing: is it a delivery of Helios"},
		"two signatures":       {with(signatureHeader, signature, signature), "appears 2 times"},
		"no prefix":            {with(signatureHeader, digits), `does not start with "sha256="`},
		"upper case":           {with(signatureHeader, prefix+strings.ToUpper(digits)), "is in upper case"},
		"base64":               {with(signatureHeader, prefix+strings.Repeat("A", 43)+"="), "is base64"},
		"cut off":              {with(signatureHeader, signature[:50]), "has 43 hex digits"},
		"not hex":              {with(signatureHeader, prefix+"xyz"), "is not hex"},
		"no timestamp":         {with(timestampHeader), "X-Helios-Timestamp is missing"},
		"two timestamps":       {with(timestampHeader, "1", "2"), "appears 2 times"},
		"a timestamp in words": {with(timestampHeader, "noon"), "is not a number of seconds"},
		"milliseconds":         {with(timestampHeader, "1736942490000"), "is in milliseconds"},
		"old":                  {with(timestampHeader, "1736942000"), "was sent 8m10s ago"},
		"of the future":        {with(timestampHeader, "1736943000"), "is from 8m30s in the future"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := Examine([]byte(event), test.header, []string{secret}, now)
			require.NotEmpty(t, got.Problems)
			assert.Contains(t, got.Problems[0].Text, test.want)
		})
	}

	t.Run("another sender", func(t *testing.T) {
		t.Parallel()
		h := heliostest.Sign(secret, []byte(sound.Get(timestampHeader)+"."+event), now)
		got := Examine([]byte(event), h, []string{secret}, now)
		require.Len(t, got.Problems, 1)
		assert.Contains(t, got.Problems[0].Text, "Helios signs the body alone")
	})
}

// FuzzExamine holds that an examination ends, finds no fault with what is sound
// and repeats neither the secret nor the signature.
func FuzzExamine(f *testing.F) {
	f.Add([]byte(event), "sha256=00", "1736942490")
	f.Add([]byte("\x1f\x8b"), "", "-1")
	f.Add([]byte(`{"a`), "sha256=", "9999999999999999999")
	f.Fuzz(func(t *testing.T, body []byte, signature, timestamp string) {
		const long = "whsec_a-secret-that-no-input-holds"
		sound := Examine(body, heliostest.Sign(long, body, now), []string{long}, now)
		if len(sound.Problems) > 0 {
			t.Errorf("sound, but %v", sound.Problems)
		}

		h := http.Header{signatureHeader: {signature}, timestampHeader: {timestamp}}
		for _, p := range Examine(body, h, []string{long}, now).Problems {
			if strings.Contains(p.Text, long) || len(signature) > 20 && strings.Contains(p.Text, signature) {
				t.Errorf("it repeats a secret: %s", p.Text)
			}
		}
	})
}

// FuzzEncode holds that what is written anew is the same JSON.
func FuzzEncode(f *testing.F) {
	f.Add(event)
	f.Add(`[{"a":[1,{"b":"\ud800"}]}]`)
	f.Fuzz(func(t *testing.T, text string) {
		if !json.Valid([]byte(text)) {
			t.Skip()
		}
		for _, got := range encodings([]byte(text)) {
			var want, have any
			if json.Unmarshal([]byte(text), &want) != nil {
				t.Skip() // a number that is too large
			}
			require.NoError(t, json.Unmarshal(got, &have), "%q", got)
			assert.Equal(t, want, have)
		}
	})
}

func TestSpan(t *testing.T) {
	t.Parallel()
	for d, want := range map[time.Duration]string{
		0: "0s", 30 * time.Second: "30s", 5 * time.Minute: "5m", 2 * time.Hour: "2h", -90 * time.Second: "-1m30s",
		10*time.Hour + time.Second: "10h0m1s", 47 * time.Hour: "47h", 49 * time.Hour: "2 days",
	} {
		assert.Equal(t, want, Span(d))
	}
}
