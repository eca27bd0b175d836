package bundle_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/heliosai/helios-go/clinical/internal/bundle"
)

const longest = 1 << 10

func read(data string) *bundle.Reader {
	r := &bundle.Reader{}
	r.Reset([]byte(data))

	return r
}

// A value of another kind than the one that is expected is passed over.
func TestReaderKinds(t *testing.T) {
	t.Parallel()

	for _, value := range []string{`"x"`, `1.50`, `true`, `null`, `{"a":[1,{"b":"]"}]}`, `[[],{}]`} {
		for name, method := range map[string]func(*bundle.Reader){
			"String": func(r *bundle.Reader) { r.String(longest) },
			"Number": func(r *bundle.Reader) { r.Number() },
			"Bool":   func(r *bundle.Reader) { r.Bool() },
			"Object": func(r *bundle.Reader) { r.Object(func([]byte) { r.Skip() }) },
			"List":   func(r *bundle.Reader) { r.List(r.Skip) },
			"Skip":   func(r *bundle.Reader) { r.Skip() },
			"Raw":    func(r *bundle.Reader) { assert.Equal(t, value, string(r.Raw())) },
		} {
			r := read(" " + value + ",")
			method(r)
			assert.False(t, r.Bad, "%s of %s", name, value)
			assert.Equal(t, byte(','), r.Kind(), "%s of %s", name, value)
		}
	}
}

func TestReaderValues(t *testing.T) {
	t.Parallel()

	assert.Equal(t, "7.20", read(`7.20`).Number())
	assert.Equal(t, "7.20", read(`"7.20"`).Number())
	assert.Empty(t, read(`"seven"`).Number())

	is, known := read("false").Bool()
	assert.False(t, is)
	assert.True(t, known)
	is, known = read(`"true"`).Bool()
	assert.True(t, is && known)
	_, known = read("1").Bool()
	assert.False(t, known)

	for _, empty := range []string{"null", "[\n]"} {
		assert.True(t, read(empty).Empty(), empty)
	}
	for _, full := range []string{`""`, "0", "{}", `{"a":null}`, "[null]", "false", ""} {
		assert.False(t, read(full).Empty(), full)
	}
}

func TestReaderWithin(t *testing.T) {
	t.Parallel()

	r := read(`[{"a":1}, {"b":"x"}]`)
	var got []string
	r.List(func() {
		value := r.Raw()
		for range 2 {
			r.Within(value, func() {
				r.Object(func(key []byte) {
					got = append(got, string(key))
					r.Skip()
				})
			})
		}
	})

	assert.Equal(t, []string{"a", "a", "b", "b"}, got)
	assert.False(t, r.Bad)
}

func TestReaderMistakes(t *testing.T) {
	t.Parallel()

	for _, data := range []string{
		``, `{`, `{"a"`, `{"a":`, `{"a":1`, `{"a":1,`, `{"a" 1}`, `{a:1}`, `{"a":1 "b":2}`, `{"a":tr"ue}`, `{"a":"x`,
		`{"a":"\q"}`, "{\"a\":\"\n\"}", "{\"na\nme\":1}", `{1:2}`, `{"a":}`, `{"a":[1}`,
	} {
		r := read(data)
		r.Object(func([]byte) { r.String(longest) })
		assert.True(t, r.Bad, data)
	}
	for _, data := range []string{`[`, `[1`, `[1 2]`, `[1,`, `["x]`} {
		r := read(data)
		r.List(func() { r.String(longest) })
		assert.True(t, r.Bad, data)
	}

	r := read(`[1,2,]`)
	r.List(r.Skip)
	assert.False(t, r.Bad, "a comma too many does no harm")
	r = read(`{"a":1,}`)
	r.Object(func([]byte) { r.Skip() })
	assert.False(t, r.Bad)
}

func TestReaderLimits(t *testing.T) {
	t.Parallel()

	r := read(`"` + strings.Repeat("a", longest+1) + `"`)
	assert.Empty(t, r.String(longest))
	assert.True(t, r.TooLong)
	r = read(`"abc"`)
	assert.Empty(t, r.String(2))
	assert.True(t, r.TooLong)
	r = read(strings.Repeat("1", 101))
	assert.Empty(t, r.Number())
	assert.True(t, r.TooLong)

	r = read(`"a` + "\xff" + `"`)
	assert.Equal(t, "a\ufffd", r.String(longest))
	assert.True(t, r.Garbled)
	r.Reset([]byte(`"a` + "\xff" + `"`))
	assert.Equal(t, "a\ufffd", r.String(longest))
	assert.True(t, r.Garbled, "the second time too")
	r.Reset([]byte(`"a"`))
	assert.Equal(t, "a", r.String(longest))
	for range 2 {
		r.Reset([]byte(`"\x"`))
		r.String(longest)
		assert.True(t, r.Bad)
	}

	r = read(`{"\u0061\/":1}`)
	r.Object(func(key []byte) {
		assert.Equal(t, "a/", string(key))
		r.Skip()
	})
	assert.False(t, r.Bad)

	for i := range 10_000 {
		want := strings.Repeat("x", i%100) + string(rune('a'+i/100))
		r.Reset([]byte(`"` + want + `"`))
		assert.Equal(t, want, r.String(longest))
	}
}

// What is read must not point into the data, which is used again.
func TestReaderCopies(t *testing.T) {
	t.Parallel()

	data := []byte(`["Glucose","\u00e9",7.20]`)
	r := &bundle.Reader{}
	r.Reset(data)
	var got []string
	r.List(func() {
		if r.Kind() == '"' {
			got = append(got, r.String(longest))
		} else {
			got = append(got, r.Number())
		}
	})
	clear(data)

	assert.Equal(t, []string{"Glucose", "é", "7.20"}, got)
}

// What encoding/json takes for JSON, the Reader does too.
func FuzzReader(f *testing.F) {
	for _, seed := range []string{`{"a":[1,"x",{"b":null}],"c":true}`, `{"a":"\ud83d"}`, `{"a":1,}`, `[}`, "",
		`{"a":-0.5e3}`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		r := &bundle.Reader{}
		r.Reset(data)
		r.Object(func(key []byte) {
			switch len(key) % 5 {
			case 0:
				r.String(longest)
			case 1:
				r.List(func() { r.Within(r.Raw(), func() { r.Number() }) })
			case 2:
				r.Bool()
			case 3:
				r.Empty()
				r.Skip()
			default:
				r.Object(func([]byte) { r.Skip() })
			}
		})
		if r.Kind() == 0 && json.Valid(data) {
			assert.False(t, r.Bad)
		}
	})
}
