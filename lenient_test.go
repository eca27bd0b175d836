package helios

import (
	"encoding/json"
	"math"
	"reflect"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// everything fills every field of a value.
func everything(v reflect.Value) {
	switch v.Kind() {
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		everything(v.Elem())
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() && v.Type().Field(i).Name != "Extra" {
				everything(v.Field(i))
			}
		}
	case reflect.Map:
		v.Set(reflect.MakeMap(v.Type()))
		entry := reflect.New(v.Type().Elem()).Elem()
		everything(entry)
		v.SetMapIndex(reflect.ValueOf("1"), entry)
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 2, 2))
		everything(v.Index(0))
		everything(v.Index(1))
	case reflect.String:
		v.SetString("text")
	case reflect.Int:
		v.SetInt(7)
	default:
		panic("a kind that Result did not have: " + v.Kind().String())
	}
}

// So that no field of Result is unknown to the decoder.
func TestLenientDecoder_KnowsEveryField(t *testing.T) {
	t.Parallel()
	var want Result
	everything(reflect.ValueOf(&want).Elem())
	encoded, err := json.Marshal(want)
	require.NoError(t, err)

	var got Result
	var d lenientDecoder
	assert.True(t, d.decode(encoded, &got, "result"))
	assert.Empty(t, d.problems)
	assert.True(t, reflect.DeepEqual(want, got))
}

// What encoding/json decodes, the lenient decoder decodes to the same.
func FuzzLenientDecoder(f *testing.F) {
	var all Result
	everything(reflect.ValueOf(&all).Elem())
	encoded, err := json.Marshal(all)
	require.NoError(f, err)
	f.Add(string(encoded))
	for _, seed := range []string{
		`{}`, `{"CITATIONS":{"Patient":{"":{}}}}`,
		`{"patientResponse":"a\u00e9\ud800","citations":null,"labResults":[],"metadata":{}}`,
		`{"researchTasks":[null,""],"selectedElements":[null,{}],"citations":{"patient":{"1":null}}}`,
		`{"metadata":{"labsReceived":-1}}`, `{"citations":{"patient":{"1":{"metadata":[1]}}},"x":{"labResults":7}}`,
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, data string) {
		// A name that comes twice is merged in ways of encoding/json's own.
		var fields map[string]any
		if json.Unmarshal([]byte(data), &fields) != nil || fields == nil || repeats(fields) {
			return
		}
		canonical, err := json.Marshal(fields)
		require.NoError(t, err)
		var want, got Result
		if json.Unmarshal(canonical, &want) != nil {
			return
		}

		var d lenientDecoder
		require.True(t, d.decode(canonical, &got, "result"))
		require.Empty(t, d.problems)
		require.True(t, reflect.DeepEqual(want, got), "%s", canonical)
	})
}

// repeats reports whether two names differ only in case.
func repeats(v any) bool {
	switch v := v.(type) {
	case map[string]any:
		seen := map[string]bool{}
		for name, value := range v {
			folded := strings.ToLower(strings.ToUpper(name))
			if seen[folded] || repeats(value) {
				return true
			}
			seen[folded] = true
		}
	case []any:
		for _, value := range v {
			if repeats(value) {
				return true
			}
		}
	}
	return false
}

func TestReadInt(t *testing.T) {
	t.Parallel()
	for value, want := range map[string]int{
		`7`: 7, `-7`: -7, `"7"`: 7, `7.0`: 7, `"7.0"`: 7, `7e1`: 70,
		`2147483647`: math.MaxInt32, `2147483647.0`: math.MaxInt32,
	} {
		got, ok := readInt([]byte(value))
		assert.True(t, ok, value)
		assert.Equal(t, want, got, value)
	}
	for _, value := range []string{
		`7.5`, `1e40`, `99999999999999999999`, `true`, `""`, `"x"`, `"NaN"`, `"Inf"`, `[]`, `{}`, `"\x"`,
	} {
		_, ok := readInt([]byte(value))
		assert.False(t, ok, value)
	}
}
