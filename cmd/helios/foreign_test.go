package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/heliosai/helios-go/heliostest"
)

func TestHarmless(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"a\nb\tc":                         "a\nb\tc",
		"\x1b]0;title\x07":                "\ufffd]0;title\ufffd",
		"\x1b[31mred\x1b[0m":              "\x1b[31mred\x1b[0m",
		"\x1b[8mhidden\x1b[2J":            "\ufffd[8mhidden\ufffd[2J",
		"C1 \u009b2J, DEL \x7f, raw \x9b": "C1 \ufffd2J, DEL \ufffd, raw \ufffd",
		"\u202egnp.exe\u2069":             "\ufffdgnp.exe\ufffd",
		"שלום\u200f! \u200dمی\u200cخواهم": "שלום\u200f! \u200dمی\u200cخواهم",
		"tag \U000e0041":                  "tag \ufffd",
	} {
		assert.Equal(t, want, harmless(text, true), "%q", text)
	}
	assert.Equal(t, "\ufffd[31mred", harmless("\x1b[31mred", false))
	assert.Equal(t, "one\ufffdline", printable("one\nline"))
}

func TestEscapeJSON(t *testing.T) {
	t.Parallel()
	line, err := json.Marshal("\u009b2J \x7f \u202e \u2066 \u200b \u00ad \U000e0041 é 😀")
	require.NoError(t, err)
	assert.Equal(t, `"\u009b2J \u007f \u202e \u2066 \u200b \u00ad \udb40\udc41 é 😀"`, escapeJSON(line))
	assert.Equal(t, `{"raw":"\ufffd"}`, escapeJSON([]byte("{\"raw\":\"\x9b\"}")))
}

func FuzzEscapeJSON(f *testing.F) {
	f.Add("\u009b \u202e \U000e0041 \x9b \\ \" \n")
	f.Fuzz(func(t *testing.T, text string) {
		line, err := json.MarshalIndent(map[string]string{text: text}, "", "\t")
		require.NoError(t, err)
		escaped := escapeJSON(line)
		var want, got map[string]string
		require.NoError(t, json.Unmarshal(line, &want))
		require.NoError(t, json.Unmarshal([]byte(escaped), &got))
		assert.Equal(t, want, got)
		assert.Equal(t, escaped, harmless(escaped, false))
	})
}

// hostile is text that a terminal must not get as it is.
const hostile = "\u009b2J\x7f\u202e\u2066\ufeff"

// What came from elsewhere reaches neither stream as it is, in any command that
// prints any of it.
func TestForeignTextIsHarmless(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file := func(name string, content any) string {
		text, err := json.Marshal(content)
		require.NoError(t, err)
		path := filepath.Join(dir, name)
		require.NoError(t, os.WriteFile(path, text, 0o600))
		return path
	}
	fake := heliostest.New(t)
	env := map[string]string{
		"HELIOS_API_KEY": fake.APIKey, "HELIOS_WEBHOOK_SECRET": fake.WebhookSecret, "HELIOS_BASE_URL": fake.URL,
		"HELIOS_DB": filepath.Join(dir, "helios.db"),
	}
	labs := file("labs.json", map[string]any{
		"webhookUrl": "http://localhost:1/%1b]0;" + hostile,
		"labResults": []any{map[string]any{"name": hostile, "value": hostile, hostile: 1}},
	})
	event := file("event.json", map[string]any{
		"runId": "r" + hostile, "status": "completed", "sequenceNumber": 7,
		"result": map[string]any{
			"patientResponse": "Text " + hostile, "clinicianResponse": hostile, hostile: 1,
			"labResults": []any{map[string]any{"name": hostile, "value": hostile, "flag": hostile}},
		},
	})
	observation := file("fhir.json", map[string]any{
		"resourceType": "Observation", "id": hostile, "status": hostile, "code": map[string]any{"text": hostile},
	})
	wrong := file("wrong"+hostile+".json", map[string]any{hostile: 1})
	key := "o-" + hostile

	for _, args := range [][]string{
		{"convert", labs}, {"convert", "--json", labs}, {"convert", observation}, {"convert", wrong}, {"convert", key},
		{"submit", "--yes", labs}, {"submit", "--yes", "--json", labs},
		{"submit", "--wait", "--timeout", "1ns", "--addr", "localhost:0", "--save", dir, "--yes", labs},
		{"report", event}, {"report", "--json", event}, {"report", "--for", "clinician", event},
		{"report", "--format", "html", event}, {"report", "--format", "fhir", "--subject", "Patient/1", event},
		{"report", wrong}, {"report", "--format", hostile, event}, {"report", "--language", hostile, event},
		{"verify", "-H", "X-Helios-Signature" + hostile + ": x", event}, {"verify", "-H", hostile, event},
		{"verify", "--json", "-H", "X-Helios-Signature" + hostile + ": x", event},
		{"trigger", "--event", event, "--to", fake.URL}, {"trigger", hostile}, {"trigger", "--" + hostile},
		{"listen", "--addr", hostile}, {"listen", "--replay", hostile}, {"listen", "--save", event + "/" + hostile},
		{"emulate", "--addr", hostile}, {"emulate", "--fault", hostile}, {hostile}, {"store", hostile},
		{"doctor", "--base-url", "https://" + hostile},
		{"doctor", "--webhook-url", "https://127.0.0.1:1/%1b" + hostile},
		{"store", "migrate"}, {"store", "migrate", "--db", event + hostile + "/x"},
		{"store", "submit", "--yes", "--key", "o-\u202e", labs}, {"store", "submit", "--yes", "--key", key, labs},
		{"store", "list"}, {"store", "list", "--json"}, {"store", "list", "--limit", "1"},
		{"store", "show", "o-\u202e"}, {"store", "show", "--json", "o-\u202e"}, {"store", "show", key},
		{"store", "show", "o-\u202e", "--event", event}, {"store", "cancel", "o-\u202e"}, {"store", "replay", hostile},
		{"store", "resolve", "o-\u202e", "--as", "resubmit", "--yes"}, {"store", "resolve", key, "--as", hostile},
		{"store", "forget", "o-\u202e", "--yes"}, {"store", "pause", hostile}, {"store", "list", "--db", hostile},
		{"store", "list", "--state", hostile}, {"store", "serve", "--addr", hostile},
	} {
		_, stdout, stderr := typed(t, env, args...)
		for stream, text := range map[string]string{"stdout": stdout, "stderr": stderr} {
			assert.Equal(t, harmless(text, false), text, "%s of %q", stream, args)
		}
	}
}
