package hl7v2_test

import (
	"bytes"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/heliosai/helios-go/clinical/hl7v2"
)

// large is a message with n results, written as laboratories that report to
// public health do.
func large(n int) []byte {
	var b bytes.Buffer
	b.WriteString(message(head, ada,
		`ORC|RE|P77^HOSP|F88^LAB|||||||||1245319599^Snow^John^^^^^^NPI||^WPN^PH^^1^530^8675309`, cbc))
	tests := []struct{ id, value, unit, low, high string }{
		{"718-7^Hemoglobin [Mass/volume] in Blood", "14.", "g/dL^gram per deciliter^UCUM", "12.0", "16.0"},
		{"6690-2^Leukocytes [#/volume] in Blood by Automated count", "6.", "10*3/uL^thousand per microliter^UCUM",
			"4.0", "11.0"},
		{"2951-2^Sodium [Moles/volume] in Serum or Plasma", "13", "mmol/L^millimole per liter^UCUM", "130", "145"},
		{"2160-0^Creatinine [Mass/volume] in Serum or Plasma", "0.7", "mg/dL^milligram per deciliter^UCUM", "0.5",
			"1.3"},
	}
	for i := range n {
		test := tests[i%len(tests)]
		fmt.Fprintf(&b,
			"OBX|%d|NM|%s^LN^^^^2.69|%d|%s%d|%s|%s-%s|N^Normal^HL70078^^^^2.7|||F|||202403%02d%02d%02d00-0500|"+
				"12D4567890^Central Lab^CLIA||||202403051200||||"+
				"Central Lab^L^^^^CLIA&2.16.840.1.113883.4.7&ISO^XX^^^12D4567890|123 Beach Way^^Denver^CO^80210^USA\r",
			i+1, test.id, i/len(tests)+1, test.value, i%10, test.unit, test.low, test.high, i%28+1, i%24, i%60)
	}
	return b.Bytes()
}

func BenchmarkLabResults(b *testing.B) {
	for _, n := range []int{1, 20, 200, 2000} {
		in := large(n)
		b.Run(fmt.Sprintf("results=%d", n), func(b *testing.B) {
			b.Run("LabResults", func(b *testing.B) {
				b.SetBytes(int64(len(in)))
				b.ReportAllocs()
				for b.Loop() {
					if _, _, err := hl7v2.LabResults(bytes.NewReader(in),
						hl7v2.Options{ReferenceDate: referenceDate}); err != nil {
						b.Fatal(err)
					}
				}
			})
			// The least that has to be done: the text, its segments and their
			// fields.
			b.Run("Split", func(b *testing.B) {
				b.SetBytes(int64(len(in)))
				b.ReportAllocs()
				for b.Loop() {
					fields := 0
					for _, segment := range strings.Split(string(in), "\r") {
						fields += len(strings.Split(segment, "|"))
					}
					if fields == 0 {
						b.Fatal("no fields")
					}
				}
			})
		})
	}
}

func BenchmarkAttachment(b *testing.B) {
	in := []byte(message(head, ada, cbc,
		"OBX|1|ED|PDF^Report^L||^application^pdf^Base64^"+strings.Repeat("JVBERi0xLjQK", 1<<20)+"||||||F", hemoglobin))
	b.SetBytes(int64(len(in)))
	b.ReportAllocs()
	for b.Loop() {
		if _, _, err := hl7v2.LabResults(bytes.NewReader(in), hl7v2.Options{ReferenceDate: referenceDate}); err != nil {
			b.Fatal(err)
		}
	}
}

// Beyond the buffers that each call has, what is allocated is at most three
// times the input, and twelve times for one value of many parts. Not parallel:
// what others allocate would be counted.
func TestAllocationIsBounded(t *testing.T) {
	const buffers, runs = 64 << 10, 10
	repeated := message(head, ada, cbc, "OBX|1|CE|718-7^Hb^LN||"+strings.Repeat("a~", 400_000)+"|||||F")
	for name, test := range map[string]struct {
		in    []byte
		times int
	}{
		"200 results":              {large(200), 3},
		"2,000 results":            {large(2000), 3},
		"a value of 400,000 parts": {[]byte(repeated), 12},
	} {
		in := test.in
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		for range runs {
			_, _, err := hl7v2.LabResults(bytes.NewReader(in), hl7v2.Options{ReferenceDate: referenceDate})
			if !errors.Is(err, hl7v2.ErrNoResults) { // the value of many parts is a narrative
				require.NoError(t, err)
			}
		}
		runtime.ReadMemStats(&after)
		allocated := int(after.TotalAlloc-before.TotalAlloc) / runs
		t.Logf("%s: %d bytes in, %d allocated", name, len(in), allocated)
		if underRace {
			continue
		}
		require.Less(t, allocated, buffers+test.times*len(in))
	}
}
