//go:build !race

package helios_test

const raceEnabled = false
