package helios

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestEnvelopeField(t *testing.T) {
	t.Parallel()
	deep := strings.Repeat("[", 20000) + strings.Repeat("]", 20000)
	for _, tt := range []struct {
		name, body, want string
		object           bool
	}{
		{"plain", `{"a":1,"result":{"b":[1,2]},"c":2}`, `{"b":[1,2]}`, true},
		{"white space", " \n{ \"a\" : 1 ,\t\"result\" : [ ] } \r\n", `[ ]`, true},
		{"quotes and brackets in strings", `{"a":"}]\\","b":"\\\"{[","result":"x\"}"}`, `"x\"}"`, true},
		{"escaped key", `{"resul\u0074":true}`, `true`, true},
		{"the last of two", `{"result":1,"result":2}`, `2`, true},
		{"another case is another key", `{"Result":1}`, ``, true},
		{"below is not looked at", `{"a":{"result":1}}`, ``, true},
		{"none", `{}`, ``, true},
		{"deeper than encoding/json goes", `{"a":` + deep + `,"result":1}`, `1`, true},
		{"byte order mark", "\ufeff {\"result\":1}", `1`, true},
		{"two byte order marks", "\ufeff\ufeff{\"result\":1}", ``, false},
		{"broken inside", `{"a":{"b":nonsense},"result":1}`, `1`, true},
		{"null", `null`, ``, false},
		{"a list", `[{"result":1}]`, ``, false},
		{"a string", `"result"`, ``, false},
		{"nothing", ``, ``, false},
		{"cut in a key", `{"resu`, ``, false},
		{"cut after a key", `{"result"`, ``, false},
		{"cut after a colon", `{"result":`, ``, false},
		{"cut in a string", `{"result":"x`, ``, false},
		{"cut at an escape", `{"result":"x\`, ``, false},
		{"cut in a list", `{"a":[1,[2]`, ``, false},
		{"cut in a string in a list", `{"a":["b`, ``, false},
		{"cut after a value", `{"a":1`, ``, false},
		{"cut after a comma", `{"a":1,`, ``, false},
		{"no colon", `{"a" 1}`, ``, false},
		{"no comma", `{"a":"b" "c":1}`, ``, false},
		{"no value", `{"a":}`, ``, false},
		{"no literal", `{"a":nul}`, ``, false},
		{"no key", `{1:2}`, ``, false},
		{"more behind", `{"a":1} {"b":2}`, ``, false},
		{"more behind nothing", `{} x`, ``, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			value, object := envelopeField([]byte(tt.body), "result")
			assert.Equal(t, tt.object, object)
			if object {
				assert.Equal(t, tt.want, string(value))
			}
		})
	}
}

// On JSON it sees what encoding/json sees; on anything else it ends.
func FuzzEnvelope(f *testing.F) {
	for _, seed := range []string{
		`{}`, `{"a":1,"b":"x\\","c":[{}],"d":null}`, ` { "\u0061" : "\\\"" } `, `{"a":1,"a":2}`, `{"a"`, `[]`,
		`{"a":{"b":"}"}}`,
		`[1,"],",[2,{"a":[]}] ,null]`, "\ufeff{}",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		got := map[string][]byte{}
		object := walkEnvelope(body, func(key, value []byte) {
			got[string(key)] = value
		})
		var elements [][]byte
		list := walkList(body, func(value []byte) { elements = append(elements, value) })
		require.False(t, object && list)

		// encoding/json spells a key that is not UTF-8 in another way.
		var fields map[string]json.RawMessage
		if utf8.Valid(body) && unmarshalBody(body, &fields) == nil && fields != nil {
			require.True(t, object, "an object")
			require.Len(t, got, len(fields))
			for key, value := range fields {
				require.True(t, bytes.Equal(bytes.TrimSpace(value), got[key]), "value of %q", key)
			}
		}
		var want []json.RawMessage
		if json.Unmarshal(body, &want) == nil && want != nil {
			require.True(t, list, "a list")
			require.Len(t, elements, len(want))
			for i, value := range want {
				require.True(t, bytes.Equal(bytes.TrimSpace(value), elements[i]), "element %d", i)
			}
		}
	})
}
