//go:build !race

package fhir_test

const underRace = false
