package main

import (
	"runtime"
	"testing"
)

// Beyond fixed costs, what is allocated is at most three times the input.
func TestClinicalAllocations(t *testing.T) {
	const fixed = 64 << 10
	measure := func(inputs []clinicalInput, candidates func([]byte) []candidate) {
		for _, input := range inputs {
			for _, c := range candidates(input.data)[1:] {
				var before, after runtime.MemStats
				runtime.ReadMemStats(&before)
				if err := c.run(1); err != nil {
					t.Fatal(err)
				}
				runtime.ReadMemStats(&after)
				if got, most := after.TotalAlloc-before.TotalAlloc, fixed+7*uint64(len(input.data))/2; got > most {
					t.Errorf("%s of %s: %d bytes allocated for %d", c.name, input.name, got, len(input.data))
				}
			}
		}
	}
	measure(fhirInputs(), fhirCandidates)
	measure(hl7v2Inputs(), hl7v2Candidates)
}
