//go:build race

package hl7v2_test

// underRace reports whether the race detector watches, which allocates too.
const underRace = true
