package fhir_test

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/heliosai/helios-go"
	"github.com/heliosai/helios-go/clinical"
	"github.com/heliosai/helios-go/clinical/fhir"
)

// endless generates a bundle of about size bytes, of which nothing is kept, and
// watches the heap while it is read.
type endless struct {
	size    int64
	next    func(b []byte, i int) []byte // appends the i-th entry
	pending []byte
	buf     []byte
	i       int
	written int64
	sampled int64
	peak    uint64
}

func (e *endless) Read(p []byte) (int, error) {
	if e.written-e.sampled >= 1<<20 {
		e.sampled = e.written
		e.peak = max(e.peak, heap())
	}
	for len(e.pending) == 0 {
		if e.i < 0 {
			return 0, io.EOF
		}
		b := e.buf[:0]
		if e.i == 0 {
			b = append(b, `{"resourceType":"Bundle","type":"collection","entry":[`...)
		} else {
			b = append(b, ',')
		}
		b = append(b, `{"resource":`...)
		b = e.next(b, e.i)
		b = append(b, '}')
		e.i++
		if e.written > e.size {
			b = append(b, `]}`...)
			e.i = -1
		}
		e.buf, e.pending = b, b
	}
	n := copy(p, e.pending)
	e.pending = e.pending[n:]
	e.written += int64(n)
	return n, nil
}

func heap() uint64 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// memorySize is the size of each input: more than the heap may grow.
// HELIOS_FHIR_MEMORY sets it in MiB: 1024 for a GiB.
func memorySize(t *testing.T) int64 {
	if s := os.Getenv("HELIOS_FHIR_MEMORY"); s != "" {
		n, err := strconv.ParseInt(s, 10, 64)
		require.NoError(t, err)
		return n << 20
	}
	return 80 << 20
}

// Whatever the input is, the heap grows by less than 64 MiB while it is read.
// It does not run in parallel with other tests, whose memory would be counted.
// With -short only some inputs are read.
func TestMemory(t *testing.T) {
	if underRace {
		t.Skip("takes minutes under the race detector, and there is one goroutine only; it runs without it")
	}
	const limit = 64 << 20
	observation := func(b []byte, i int, fields string) []byte {
		return fmt.Appendf(
			b,
			`{"resourceType":"Observation","id":"o%d","status":"final","subject":{"reference":"Patient/p"},`+
				`"effectiveDateTime":"20%02d-%02d-%02dT08:00:00Z",`+
				`"code":{"coding":[{"system":"http://loinc.org","code":"%d-1","display":"Test %d"}]},%s}`,
			i,
			i%100,
			i%12+1,
			i%28+1,
			i%500,
			i%500,
			fields,
		)
	}
	const laboratory = `"category":[{"coding":[{"code":"laboratory"}]}]`
	filler := strings.Repeat("x", 15<<20)
	// The others are read by LabResults, which keeps as much of them or more.
	inAgent := map[string]bool{
		"conditions that repeat": true, "medications that repeat": true, "Medications": true,
	}
	for _, test := range []struct {
		name string
		next func(b []byte, i int) []byte
	}{
		{"lab results", func(b []byte, i int) []byte {
			return observation(b, i, laboratory+fmt.Sprintf(`,"identifier":[{"value":"%d"}],`+
				`"valueQuantity":{"value":%d.50,"unit":"mg/dL"},"referenceRange":[{"low":{"value":1}}]`, i, i))
		}},
		{"susceptibilities", func(b []byte, i int) []byte {
			return observation(b, i, laboratory+fmt.Sprintf(`,"valueInteger":%d,`+
				`"interpretation":[{"coding":[{"code":"S"}]}]`, i))
		}},
		{"results and their reports", func(b []byte, i int) []byte {
			if i%4 == 3 {
				return fmt.Appendf(b, `{"resourceType":"DiagnosticReport","status":"final",`+
					`"category":[{"coding":[{"code":"LAB"}]}],"code":{"text":"Panel %d"},`+
					`"result":[{"reference":"Observation/o%d"},{"reference":"Observation/o%d"},`+
					`{"reference":"Observation/o%d"}]}`, i, i-1, i-2, i-3)
			}
			return observation(b, i, fmt.Sprintf(`"valueString":"word %d"`, i))
		}},
		{"conditions that repeat", func(b []byte, i int) []byte {
			return fmt.Appendf(b, `{"resourceType":"Condition","id":"c%d","subject":{"reference":"Patient/p"},`+
				`"code":{"coding":[{"code":"%d","display":"Condition %d"}]},"onsetDateTime":"20%02d-01-01"}`,
				i, i%300, i%300, i%100)
		}},
		{"medications that repeat", func(b []byte, i int) []byte {
			return fmt.Appendf(b, `{"resourceType":"MedicationRequest","id":"m%d","status":"active",`+
				`"medicationCodeableConcept":{"text":"Drug %d"},"dosageInstruction":[{"text":"%s"}]}`,
				i, i%300, filler[:900])
		}},
		{"several subjects", func(b []byte, i int) []byte {
			b = observation(b, i, laboratory+fmt.Sprintf(`,"valueString":"%d %s"`, i, filler[:3000]))
			return bytes.Replace(b, []byte("Patient/p"), fmt.Appendf(nil, "urn:uuid:%d", i%8), 1)
		}},
		{"some subjects that are large", func(b []byte, i int) []byte {
			b = observation(b, i, laboratory+fmt.Sprintf(`,"valueString":"%d %s"`, i, filler[:3000]))
			return bytes.Replace(b, []byte("Patient/p"), fmt.Appendf(nil, "urn:uuid:%d", max(0, i%1000-998)), 1)
		}},
		{"Medications", func(b []byte, i int) []byte {
			return fmt.Appendf(b, `{"resourceType":"Medication","id":"m%d","code":{"text":"Drug %d %s"}}`, i, i,
				filler[:300])
		}},
		{"people", func(b []byte, i int) []byte {
			return fmt.Appendf(b, `{"resourceType":"Practitioner","id":"p%d","name":[{"family":"Family%d",`+
				`"given":["Given%d"]}],"address":[{"line":["%d Long Street in the Town"]}]}`, i, i, i, i)
		}},
		{"what is not sent", func(b []byte, i int) []byte {
			return fmt.Appendf(b, `{"resourceType":"Claim","id":"c%d","text":{"div":"%s"}}`, i, filler[:2000])
		}},
		{"large resources", func(b []byte, _ int) []byte {
			return append(append(append(b, `{"resourceType":"Observation","note":[{"text":"`...), filler...), `"}]}`...)
		}},
		{"resources beyond the limit", func(b []byte, _ int) []byte {
			return append(append(append(append(b, `{"resourceType":"Observation","note":[{"text":"`...),
				filler...), filler...), `"}]}`...)
		}},
		{"many components", func(b []byte, i int) []byte {
			b = observation(b, i, laboratory+`,"component":[{}`)
			b = b[:len(b)-1]
			for range 10_000 {
				b = append(b, `,{"code":{"text":"a"},"valueInteger":1}`...)
			}
			return append(b, `]}`...)
		}},
	} {
		if testing.Short() && test.name != "lab results" && test.name != "large resources" &&
			test.name != "resources beyond the limit" {
			continue
		}
		t.Run(test.name, func(t *testing.T) {
			buf := test.next(nil, 1)
			e := &endless{size: memorySize(t), next: test.next, buf: make([]byte, 0, 2*len(buf)+1000)}
			runtime.GC()
			before := heap()
			var report *clinical.Report
			var err error
			if inAgent[test.name] {
				_, report, err = fhir.Agent(e, helios.AgentLight, fhir.Options{})
			} else {
				_, report, err = fhir.LabResults(e, fhir.Options{})
			}

			growth := int64(e.peak) - int64(before)
			assert.Less(t, growth, int64(limit))
			t.Logf("%d MiB read, %d resources, the heap grew by %.1f MiB", e.written>>20,
				report.Dropped()+report.Sent["labResults"], float64(growth)/(1<<20))
			assert.Zero(t, report.Count(clinical.Malformed))
			switch {
			case strings.Contains(test.name, "subjects"):
				require.ErrorIs(t, err, fhir.ErrMultiplePatients)
			case err != nil && inAgent[test.name]:
				require.ErrorIs(t, err, fhir.ErrNoData)
			case err != nil:
				require.ErrorIs(t, err, fhir.ErrNoResults)
			}
		})
	}
}

// A small input that gzip inflates to a large one takes no more memory.
func TestMemoryOfGzip(t *testing.T) {
	if underRace {
		t.Skip("takes minutes under the race detector; it runs without it")
	}
	filler := strings.Repeat("x", 2000)
	e := &endless{size: memorySize(t), next: func(b []byte, i int) []byte {
		return fmt.Appendf(b, `{"resourceType":"Claim","id":"c%d","text":{"div":"%s"}}`, i, filler)
	}}
	in, out := io.Pipe()
	deflated := make(chan error, 1)
	runtime.GC()
	before := heap()
	go func() {
		w := gzip.NewWriter(out)
		_, err := io.Copy(w, e)
		err = errors.Join(err, w.Close())
		deflated <- errors.Join(err, out.Close())
	}()

	_, report, err := fhir.LabResults(in, fhir.Options{})
	require.ErrorIs(t, err, fhir.ErrNoResults)
	require.NoError(t, <-deflated)
	assert.Equal(t, -1, e.i)
	assert.Positive(t, report.Count(clinical.TypeNotSent))
	assert.Less(t, int64(e.peak)-int64(before), int64(64<<20))
}

// A field that is inside itself, as deep as a resource can be, takes no stack
// of that depth.
func TestFieldInsideItself(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ typ, field string }{
		{"Patient", "contact"}, {"Patient", "extension"}, {"MedicationRequest", "medication"},
		{"Observation", "performer"},
	} {
		n := 15 << 20 / len(`"":{}`+test.field)
		input := `{"resourceType":"` + test.typ + `",` + strings.Repeat(`"`+test.field+`":{`, n) +
			strings.Repeat("}", n+1)
		_, _, err := fhir.Agent(reader(input), helios.AgentLight, fhir.Options{})
		assert.ErrorIs(t, err, fhir.ErrNoData, test.field)
	}
}
