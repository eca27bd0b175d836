package fhir

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestUnescape(t *testing.T) {
	t.Parallel()
	for _, raw := range []string{
		``, `plain`, `a\"b\\c\/d`, `\b\f\n\r\t`, `\u00e9\u20ac`, `\ud83d\ude00`, `\ud83d`, `\ud83dx`, `\ud83d\u0041`, `\ude00`, "é€😀", "\xff", "a\xc3", `\u0000`,
		`\ud83d\ud83d\ude00`, "\\u00E9\xff",
	} {
		var want string
		assert.NoError(t, json.Unmarshal([]byte(`"`+raw+`"`), &want))
		got, ok := unescape([]byte(raw))
		assert.True(t, ok, "%q", raw)
		assert.Equal(t, want, got, "%q", raw)
	}
	for _, raw := range []string{"\n", "a\x00", `\`, `\x`, `\u`, `\u12`, `\u12g4`, "\\\x01"} {
		_, ok := unescape([]byte(raw))
		assert.False(t, ok, "%q", raw)
	}
}

func TestIsNumber(t *testing.T) {
	t.Parallel()
	for _, s := range []string{"0", "-0", "7.20", "1e3", "1E+3", "-1.5e-10", "100", "0.0"} {
		assert.True(t, isNumber([]byte(s)), s)
	}
	for _, s := range []string{"", "-", "01", "-01", "1.", ".5", "1e", "1e+", "+1", "1x", "NaN", "0x1", "1.2.3", "true"} {
		assert.False(t, isNumber([]byte(s)), s)
	}
}

func decode(data string) *decoder {
	d := &decoder{}
	d.start([]byte(data))
	return d
}

func TestDecoderKinds(t *testing.T) {
	t.Parallel()
	// A value of another kind than the one that is expected is passed over.
	for _, value := range []string{`"x"`, `1.50`, `true`, `null`, `{"a":[1,{"b":"]"}]}`, `[[],{}]`} {
		for name, read := range map[string]func(*decoder){
			"string": func(d *decoder) { d.string() }, "text": func(d *decoder) { d.text() }, "number": func(d *decoder) { d.number() },
			"boolean": func(d *decoder) { d.isTrue() }, "object": func(d *decoder) { d.object(func([]byte) { d.skip() }) }, "list": func(d *decoder) { d.list(d.skip) },
			"skip": func(d *decoder) { d.skip() }, "concept": func(d *decoder) { d.concept() }, "quantity": func(d *decoder) { d.quantity() },
			"period": func(d *decoder) { d.period() }, "dosage": func(d *decoder) { d.dosage() }, "range": func(d *decoder) { d.referenceRange() },
		} {
			d := decode(value + `,`)
			read(d)
			assert.False(t, d.bad, "%s of %s", name, value)
			assert.Equal(t, len(value), d.pos, "%s of %s", name, value)
		}
	}
	d := decode(`7.20`)
	assert.Equal(t, "7.20", d.number())
	d = decode(`"7.20"`)
	assert.Equal(t, "7.20", d.number())
	d = decode(`"seven"`)
	assert.Empty(t, d.number())
	is, known := decode("false").isTrue()
	assert.False(t, is)
	assert.True(t, known)
	_, known = decode("1").isTrue()
	assert.False(t, known)
}

func TestDecoderMistakes(t *testing.T) {
	t.Parallel()
	for _, data := range []string{``, `{`, `{"a"`, `{"a":`, `{"a":1`, `{"a":1,`, `{"a" 1}`, `{a:1}`, `{"a":1 "b":2}`, `{"a":tr"ue}`, `{"a":"x`, `{"a":"\q"}`, "{\"a\":\"\n\"}", `{1:2}`, `{"a":}`, `{"a":[1}`} {
		d := decode(data)
		d.object(func([]byte) { d.string() })
		assert.True(t, d.bad, data)
	}
	for _, data := range []string{`[`, `[1`, `[1 2]`, `[1,`, `["x]`} {
		d := decode(data)
		d.list(func() { d.string() })
		assert.True(t, d.bad, data)
	}
	d := decode(`[1,2,]`)
	d.list(d.skip)
	assert.False(t, d.bad, "a comma too many does no harm")
	d = decode(`{"a":1,}`)
	d.object(func([]byte) { d.skip() })
	assert.False(t, d.bad)
}

func TestDecoderLimits(t *testing.T) {
	t.Parallel()
	d := decode(`"` + strings.Repeat("a", maxText+1) + `"`)
	assert.Empty(t, d.string())
	assert.True(t, d.big)
	d = decode(strings.Repeat("1", maxNumber+1))
	assert.Empty(t, d.number())
	assert.True(t, d.big)
	d = decode(`{"coding":[` + strings.Repeat(`{"code":"a"},`, maxItems) + `{"code":"a"}]}`)
	assert.Len(t, d.concept().codings, maxItems)
	assert.True(t, d.big)
	d = decode(`{"\u0061\/":1}`)
	d.object(func(key []byte) { assert.Equal(t, "a/", string(key)); d.skip() })
	assert.False(t, d.bad)
	for i := range maxStrings + 10 {
		d.start([]byte(`"s` + strings.Repeat("x", i%100) + string(rune('a'+i/100)) + `"`))
		d.string()
	}
	assert.LessOrEqual(t, len(d.shared), maxStrings)
}

// What is read must not point into the buffer, which is used again.
func TestDecoderCopies(t *testing.T) {
	t.Parallel()
	data := []byte(`{"text":"Glucose","coding":[{"system":"http://loinc.org","code":"2345-7","display":"Glucose \u00e9"}]}`)
	d := &decoder{}
	d.start(data)
	c := d.concept()
	clear(data)
	assert.Equal(t, concept{[]coding{{"http://loinc.org", "2345-7", "Glucose é"}}, "Glucose"}, c)
}

func TestParseReference(t *testing.T) {
	t.Parallel()
	for s, want := range map[string]reference{
		"":                                  {},
		"Patient/1":                         {kind: relative, tail: "Patient/1"},
		"Patient/1/_history/3":              {kind: relative, tail: "Patient/1"},
		"Patient/1|2":                       {kind: relative, tail: "Patient/1"},
		"http://x.org/fhir/Patient/1":       {kind: absolute, base: "http://x.org/fhir/", tail: "Patient/1"},
		"https://x.org/Patient/1/_history/": {kind: absolute, base: "https://x.org/", tail: "Patient/1"},
		"urn:uuid:5":                        {kind: opaque, text: "urn:uuid:5"},
		"#p":                                {kind: contained, text: "p"},
		"Practitioner?identifier=x|1":       {kind: opaque, text: "Practitioner?identifier=x"},
		"a/Patient/1":                       {kind: opaque, text: "a/Patient/1"},
		"Person/a b":                        {kind: opaque, text: "Person/a b"},
		"/Patient/1":                        {kind: opaque, text: "/Patient/1"},
	} {
		assert.Equal(t, want, parseReference(s), s)
	}
}
