package main

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"github.com/heliosai/helios-go"
)

// printReport prints the patient's part of a result and its sources.
func printReport(out io.Writer, result *helios.Result) {
	fmt.Fprintf(out, "\n%s\n\nSources\n", strings.TrimSpace(printable(result.PatientResponse)))

	number := func(s string) int { n, _ := strconv.Atoi(s); return n }
	markers := slices.SortedFunc(maps.Keys(result.Citations.Patient), func(a, b string) int {
		return cmp.Or(cmp.Compare(number(a), number(b)), cmp.Compare(a, b))
	})
	for _, marker := range markers {
		source := result.Citations.Patient[marker]
		fmt.Fprintf(out, "  [%s] %s\n      %s\n", printable(marker), printable(source.Title), printable(source.URL))
	}
}

// printable keeps what others wrote from steering the terminal.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) || r == '\n' || r == '\t' {
			return r
		}
		return -1
	}, s)
}
