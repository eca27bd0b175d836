package main

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"github.com/heliosai/helios-go"
)

// progressBar shows one line that is drawn again on a terminal, and one line per step elsewhere.
type progressBar struct {
	out      io.Writer
	terminal bool
	drawn    bool
}

func newProgressBar(out io.Writer) *progressBar {
	b := &progressBar{out: out}
	if f, ok := out.(*os.File); ok {
		info, err := f.Stat()
		b.terminal = err == nil && info.Mode()&os.ModeCharDevice != 0
	}
	return b
}

func (b *progressBar) show(e *helios.Event) {
	const width = 24
	p := e.Progress()
	name := printable(cmp.Or(p.Name, e.Status))
	line := name
	if p.Total > 0 {
		filled := width * min(p.Step, p.Total) / p.Total
		line = fmt.Sprintf("[%s%s] %d/%d %s", strings.Repeat("#", filled), strings.Repeat(".", width-filled), p.Step, p.Total, name)
	}
	if b.terminal {
		fmt.Fprintf(b.out, "\r\033[K%s", line)
	} else {
		fmt.Fprintln(b.out, line)
	}
	b.drawn = true
}

func (b *progressBar) end() {
	if b.drawn && b.terminal {
		fmt.Fprintln(b.out)
	}
}

func printReport(out io.Writer, result *helios.Result) {
	fmt.Fprintf(out, "\n%s\n\nSources\n", strings.TrimSpace(printable(result.PatientResponse)))
	number := func(s string) int { n, _ := strconv.Atoi(s); return n }
	for _, marker := range slices.SortedFunc(maps.Keys(result.Citations.Patient), func(a, b string) int {
		return cmp.Or(cmp.Compare(number(a), number(b)), cmp.Compare(a, b))
	}) {
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
