//go:build !race

package hl7v2_test

const underRace = false
