package bundle_test

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/assert"

	"github.com/heliosai/helios-go/clinical/internal/bundle"
)

// split returns what Split finds, as "Type/id@place fullUrl", "Type/id@place
// skipped" or "broken@place".
func split(r io.Reader) ([]string, error) {
	var found []string
	_, err := bundle.Split(r, bundle.Handler{
		Wants: func(typ string) bool { return typ != "Claim" && typ != "Bundle" },
		Found: func(p *bundle.Part) error {
			s := fmt.Sprintf("%s/%s@%d", p.Type, p.ID, p.Place)
			switch {
			case p.TooLarge:
				s += " too long"
			case p.Data == nil:
				s += " skipped"
			case !strings.HasPrefix(string(p.Data), "{") || !strings.HasSuffix(string(p.Data), "}"):
				s += " cut: " + string(p.Data)
			}
			if p.FullURL != "" {
				s += " " + p.FullURL
			}
			found = append(found, s)
			return nil
		},
		Broken: func(p *bundle.Part) { found = append(found, fmt.Sprintf("broken@%d", p.Place)) },
	})

	return found, err
}

func TestSplit(t *testing.T) {
	t.Parallel()
	const a, b = `{"resourceType":"Patient","id":"a"}`, `{"resourceType":"Observation","id":"b","x":[{"y":"}]\""}]}`
	for _, test := range []struct {
		name, input string
		want        []string
		err         error
	}{
		{"nothing", " \n", nil, nil},
		{"a resource", a, []string{"Patient/a@1"}, nil},
		{"a byte order mark", "\ufeff" + a, []string{"Patient/a@1"}, nil},
		{"a type that is not wanted", `{"id":"c","resourceType":"Claim","x":{}}`, []string{"Claim/c@1 skipped"}, nil},
		{"the type last", `{"id":"a","name":[{"family":"x"}],"resourceType":"Patient"}`, []string{"Patient/a@1"}, nil},
		{"an escaped key", `{"resourceTyp\u0065":"Patient","id":"a"}`, []string{"Patient/a@1"}, nil},
		{"no type", `{"id":"a"}`, []string{"/a@1"}, nil},
		{"an unknown type", `{"resourceType":"Patient Smith","id":"a"}`, []string{"Patient Smith/a@1"}, nil},
		{"an id that is none", `{"resourceType":"Patient","id":"a b"}`, []string{"Patient/a b@1"}, nil},
		{"a list", "[" + a + "," + b + "]", []string{"Patient/a@1", "Observation/b@2"}, nil},
		{"a list with commas missing and too many", "[" + a + b + ",]",
			[]string{"Patient/a@1", "Observation/b@2"}, nil},
		{"a list of other things", `[1, "x", null, [` + a + `], ` + b + `]`,
			[]string{"broken@1", "broken@2", "broken@3", "broken@4", "Observation/b@5"}, nil},
		{"an empty list", "[]", nil, nil},
		{"lines", a + "\n" + b + "\r\n\n" + a, []string{"Patient/a@1", "Observation/b@2", "Patient/a@3"}, nil},
		{"a broken line first", `{"resourceType":"Patient"` + "\n" + b + "\n",
			[]string{"broken@1", "Observation/b@2"}, nil},
		{"a broken line", a + "\n" + `{"resourceType":"Pat` + "\n" + b,
			[]string{"Patient/a@1", "broken@2", "Observation/b@3"}, nil},
		{"a line with unlike brackets", a + "\n" + `{"x":[}` + "\n" + b,
			[]string{"Patient/a@1", "broken@2", "Observation/b@3"}, nil},
		{"a line that ends within an escape", a + "\n" + `{"x":"\` + "\n" + b + "\n" + `{"\` + "\n" + b,
			[]string{"Patient/a@1", "broken@2", "Observation/b@3", "broken@4", "Observation/b@5"}, nil},
		{"a line that is no object", a + "\nnothing\n" + b,
			[]string{"Patient/a@1", "broken@2", "Observation/b@3"}, nil},
		{"a line with something behind it", a + " x\n" + b,
			[]string{"Patient/a@1", "broken@2", "Observation/b@3"}, nil},
		{"a last line that ends early", a + "\n" + `{"resourceType":"Observation"`,
			[]string{"Patient/a@1", "broken@2"}, nil},
		{"values one behind the other", "{\n\"resourceType\":\"Patient\"\n}\n{\n\"resourceType\":\"Claim\"\n}",
			[]string{"Patient/@1", "Claim/@2 skipped"}, nil},
		{"a JSON text sequence", "\x1e" + a + "\n\x1e" + b + "\n", []string{"Patient/a@1", "Observation/b@2"}, nil},
		{
			"a bundle", `{"resourceType":"Bundle","id":"x","entry":[{"fullUrl":"urn:uuid:1","resource":` + a +
				`},{"resource":` + b + `,"fullUrl":"http:\/\/x\/Observation\/b"}],"total":2}`,
			[]string{"Patient/a@1 urn:uuid:1", "Observation/b@2 http://x/Observation/b"}, nil,
		},
		{"entries before the type", `{"entry":[{"resource":` + a + `}],"resourceType":"Bundle"}`,
			[]string{"Patient/a@1"}, nil},
		{"an entry without a resource",
			`{"resourceType":"Bundle","entry":[{"request":{"method":"DELETE"}},{"resource":` + a + `}]}`,
			[]string{"/@1 skipped", "Patient/a@2"}, nil},
		{"entries that are none", `{"resourceType":"Bundle","entry":[null,{"resource":null},{"resource":` + a +
			`},{"resource":"Joe"},{"resource":[` + a + `]},{}]}`,
			[]string{"broken@1", "Patient/a@3", "broken@4", "broken@5"}, nil},
		{"a deletion of a resource that is there", `{"resourceType":"Bundle","entry":[{"resource":` + a +
			`,"request":{"method":"DELETE","url":"Patient/x"}}]}`, []string{"Patient/a@1"}, nil},
		{"a request and a response that are none",
			`{"resourceType":"Bundle","entry":[{"request":"GET","response":[],"resource":` + a +
				`},{"request":{"method":1,"url":{}},"resource":` + a + `},{"request":{"method":}},{"resource":` +
				b + `}]}`,
			[]string{"Patient/a@1", "Patient/a@2", "broken@3", "Observation/b@4"}, nil},
		{"an entry with two resources", `{"resourceType":"Bundle","entry":[{"resource":` + a + `,"resource":` +
			b + `},{"resource":` + a + `}]}`, []string{"broken@1", "Patient/a@2"}, nil},
		{"a list that has entries", `{"resourceType":"List","id":"l",` +
			`"entry":[{"item":{"reference":"Patient/a"}}]}`, []string{"List/l@1"}, nil},
		{"a list whose entries come before its type",
			`[{"entry":[{"item":{"reference":"Patient/a"}}],"id":"l","resourceType":"List"},` + a + `]`,
			[]string{"List/l@1 skipped", "Patient/a@2"}, nil},
		{
			"bundles in a bundle", `{"resourceType":"Bundle","entry":[{"resource":{"resourceType":"Bundle",` +
				`"entry":[{"resource":` + a + `}]}},{"resource":` + b + `}]}`,
			[]string{"Patient/a@1", "Observation/b@2"}, nil,
		},
		{"bundles in lines", `{"resourceType":"Bundle","entry":[{"resource":` + a + `}]}` + "\n" +
			`{"resourceType":"Bundle","entry":[{"resource":` + b + `}]}`,
			[]string{"Patient/a@1", "Observation/b@2"}, nil},
		{
			"a broken resource in a bundle",
			`{"resourceType":"Bundle","entry":[{"resource":{"resourceType":"Patient" "id":"a"}},{"resource":` +
				b + `}]}`,
			[]string{"broken@1", "Observation/b@2"}, nil,
		},
		{"a broken entry", `{"resourceType":"Bundle","entry":[{"fullUrl":,"resource":` + a + `},{"resource":` +
			b + `}]}`, []string{"broken@1", "Observation/b@2"}, nil},
		{"a broken bundle", `{"resourceType":"Bundle","entry":[{"resource":` + a + `}] x}`,
			[]string{"Patient/a@1", "broken@1"}, nil},
		{"an end within a bundle", `{"resourceType":"Bundle","entry":[{"resource":` + a +
			`},{"resource":{"resourceType"`, []string{"Patient/a@1"}, bundle.ErrEndsEarly},
		{"an end within a string", `{"resourceType":"Pati`, nil, bundle.ErrEndsEarly},
		{"unlike brackets in a bundle", `{"resourceType":"Bundle","entry":[{"resource":{"x":[}}]}`, nil,
			bundle.ErrSyntax},
		{"no JSON", `<Patient xmlns="http://hl7.org/fhir"/>`, nil, bundle.ErrSyntax},
		{"a compressed file", "\x1f\x8b\x08\x00", nil, bundle.ErrSyntax},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			for name, r := range map[string]io.Reader{
				"at once":      strings.NewReader(test.input),
				"byte by byte": iotest.OneByteReader(strings.NewReader(test.input)),
				"with its end": iotest.DataErrReader(strings.NewReader(test.input)),
			} {
				found, err := split(r)
				assert.Equal(t, test.want, found, name)
				if test.err == nil {
					assert.NoError(t, err, name)
				} else {
					assert.ErrorIs(t, err, test.err, name)
				}
			}
		})
	}
}

// Whatever is larger than the buffer is read as well, up to the limit.
func TestSplitLarge(t *testing.T) {
	t.Parallel()
	large := func(kind string, size int) string {
		return `{"resource":{"resourceType":"` + kind + `","id":"x","data":"` + strings.Repeat("a", size) + `"}}`
	}
	input := `{"resourceType":"Bundle","entry":[` + strings.Join([]string{
		large("Patient", 192<<10), large("Patient", bundle.MaxSize), large("Claim", bundle.MaxSize),
		large("Patient", bundle.MaxSize-200), large("Patient", 1),
	}, ",") + `]}`
	for range 2 {
		found, err := split(strings.NewReader(input))
		assert.NoError(t, err)
		assert.Equal(t,
			[]string{"Patient/x@1", "Patient/x@2 too long", "Claim/x@3 skipped", "Patient/x@4", "Patient/x@5"}, found)
		input = strings.ReplaceAll(input, ",{", " \n,\t{")
	}
	// A bundle in a bundle is read as it comes, so it may be larger.
	nested := `{"resource":{"resourceType":"Bundle","entry":[` + large("Patient", bundle.MaxSize/2) + "," +
		large("Claim", bundle.MaxSize/2) + `]}}`
	found, err := split(strings.NewReader(
		`{"resourceType":"Bundle","entry":[` + nested + "," + large("Patient", 1) + `]}`))
	assert.NoError(t, err)
	assert.Equal(t, []string{"Patient/x@1", "Claim/x@2 skipped", "Patient/x@3"}, found)
	// A line that is larger than the buffer.
	lines := large("Patient", 192<<10)[len(`{"resource":`):]
	lines = lines[:len(lines)-1] + "\n"
	found, err = split(strings.NewReader(lines + "{\n" + lines))
	assert.NoError(t, err)
	assert.Equal(t, []string{"Patient/x@1", "broken@2", "Patient/x@3"}, found)
	// A value that is no object, where the buffer ends.
	found, err = split(strings.NewReader("[" + strings.Repeat(" ", 64<<10-3) + "null,{}]"))
	assert.NoError(t, err)
	assert.Equal(t, []string{"broken@1", "/@2"}, found)
	found, err = split(strings.NewReader(`["` + strings.Repeat("a", bundle.MaxSize) + `",{}]`))
	assert.NoError(t, err)
	assert.Equal(t, []string{"broken@1", "/@2"}, found)
	// Keys, types and ids without an end.
	long := strings.Repeat("k", 128<<10)
	found, err = split(strings.NewReader(`{"` + long + `":1,"id":"` + long + `","resourceType":"` + long + `"}`))
	assert.NoError(t, err)
	assert.Equal(t, []string{"?/@1"}, found)
}

func TestSplitDeep(t *testing.T) {
	t.Parallel()
	deep := strings.Repeat(`[{"a":`, 12288) + "1" + strings.Repeat("}]", 12288)
	found, err := split(strings.NewReader(`[{"resourceType":"Patient","x":` + deep + `},{"resourceType":"Claim"}]`))
	assert.NoError(t, err)
	assert.Equal(t, []string{"Patient/@1", "Claim/@2 skipped"}, found)
	bundles := strings.Repeat(`{"resourceType":"Bundle","entry":[{"resource":`, 50) + "{}" + strings.Repeat("}]}", 50)
	found, err = split(strings.NewReader(bundles))
	assert.NoError(t, err)
	assert.Equal(t, []string{"Bundle/@1 skipped"}, found, "bundles beyond the limit are not opened")
}

type emptyReader struct{}

func (emptyReader) Read([]byte) (int, error) { return 0, nil }

func TestSplitReader(t *testing.T) {
	t.Parallel()
	broken := errors.New("a secret")
	_, err := split(io.MultiReader(strings.NewReader(`[{"resourceType":"Claim"},{`), iotest.ErrReader(broken)))
	assert.ErrorIs(t, err, broken)
	_, err = split(io.MultiReader(strings.NewReader("{}\n{}\n{"), iotest.ErrReader(broken)))
	assert.ErrorIs(t, err, broken, "also in lines")
	_, err = split(io.MultiReader(strings.NewReader(`["`), iotest.ErrReader(broken)))
	assert.ErrorIs(t, err, broken, "also in what is no resource")
	_, err = split(emptyReader{})
	assert.ErrorIs(t, err, io.ErrNoProgress)
}

// What an entry says of its resource.
func TestSplitEntry(t *testing.T) {
	t.Parallel()
	const input = `{"resourceType":"Bundle","type":"history","entry":[{"fullUrl":"urn:x:` + "\xff" + `",` +
		`"resource":{"resourceType":"Patient","id":"a"},"request":{"method":"PUT","url":"Patient/a"},` +
		`"response":{"status":"200 OK","etag":"W/\"2\"","lastModified":"2025-01-15T08:00:00Z"}}]}`
	var parts []bundle.Part
	_, err := bundle.Split(strings.NewReader(input), bundle.Handler{
		Wants: func(string) bool { return false },
		Found: func(p *bundle.Part) error {
			parts = append(parts, *p)
			return nil
		},
	})
	assert.NoError(t, err)
	assert.Equal(t, []bundle.Part{{
		Type: "Patient", ID: "a", Place: 1, History: true, Method: "PUT", URL: "Patient/a",
		Status: "200 OK", ETag: `W/"2"`, LastModified: "2025-01-15T08:00:00Z",
	}}, parts)
}

// What is too large to be kept is passed over to its end, or to what is wrong.
func TestSplitPassesOver(t *testing.T) {
	t.Parallel()
	large := strings.Repeat("a", bundle.MaxSize+(64<<10))
	escapes := strings.Repeat(`\"`, bundle.MaxSize/2+(64<<10)+1)
	resource := `{"resourceType":"Patient","x":"` + large + `"`
	for name, test := range map[string]struct {
		input string
		want  []string
		err   error
	}{
		"escapes": {
			`[{"resourceType":"Patient","x":"` + escapes + `"},{}]`,
			[]string{"Patient/@1 too long", "/@2"}, nil,
		},
		"a string":               {`["` + escapes + `",{}]`, []string{"broken@1", "/@2"}, nil},
		"a string without end":   {`["` + large, nil, bundle.ErrEndsEarly},
		"an end":                 {`[` + resource, nil, bundle.ErrEndsEarly},
		"unlike brackets":        {`[` + resource + `]`, nil, bundle.ErrSyntax},
		"no bracket":             {`[` + resource + `} }`, []string{"Patient/@1 too long"}, bundle.ErrSyntax},
		"a mistake in a bundle":  {`{"resourceType":"Bundle","entry":[] x "` + large + `"}`, []string{"broken@0"}, nil},
		"a line":                 {"{}\n" + resource + "}\n{}", []string{"/@1", "Patient/@2 too long", "/@3"}, nil},
		"a line that is not one": {"{}\n" + `{"x":[}` + large + "\n{}", []string{"/@1", "broken@2", "/@3"}, nil},
		"a last line":            {"{}\n" + `{"x":[}` + large, []string{"/@1", "broken@2"}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			found, err := split(strings.NewReader(test.input))
			assert.Equal(t, test.want, found)
			assert.ErrorIs(t, err, test.err)
		})
	}
}

func TestSplitListEnds(t *testing.T) {
	t.Parallel()
	broken := errors.New("a secret")
	_, err := split(io.MultiReader(strings.NewReader(`[{},`), iotest.ErrReader(broken)))
	assert.ErrorIs(t, err, broken)
	for input, want := range map[string]error{
		`[{},`: bundle.ErrEndsEarly, `[{} x]`: bundle.ErrSyntax, `[{}}`: bundle.ErrSyntax, `[1}`: bundle.ErrSyntax,
	} {
		_, err := split(strings.NewReader(input))
		assert.ErrorIs(t, err, want, input)
	}
}
