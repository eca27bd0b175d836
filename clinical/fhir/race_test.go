//go:build race

package fhir_test

// underRace reports whether the race detector watches, under which everything
// takes many times as long.
const underRace = true
