package main

import (
	"fmt"
	"strconv"
	"strings"
)

// sheet is a table of numbers, some of which must be what others say.
type sheet struct {
	title      string
	rows       []row
	imbalances []string
}

type row struct{ name, value, rule, verdict string }

func (s *sheet) section(name string) { s.rows = append(s.rows, row{name: name}) }

// info adds a number that nothing is demanded of.
func (s *sheet) info(name string, value int) {
	s.rows = append(s.rows, row{name: "  " + name, value: strconv.Itoa(value)})
}

// equal adds a number that must be want. what says where want comes from.
func (s *sheet) equal(name string, got, want int, what string) {
	s.add(name, strconv.Itoa(got), fmt.Sprintf("%d, %s", want, what), got == want)
}

// happened adds a number that must not be 0, or what it counts was not tested.
func (s *sheet) happened(name string, got int) {
	s.add(name, strconv.Itoa(got), "at least 1", got > 0)
}

func (s *sheet) add(name, value, rule string, ok bool) {
	verdict := "ok"
	if !ok {
		verdict = "IMBALANCE"
		s.imbalances = append(s.imbalances, fmt.Sprintf("%s: %s; must be %s", name, value, rule))
	}
	s.rows = append(s.rows, row{"  " + name, value, rule, verdict})
}

// String is the table, then a line per imbalance.
func (s *sheet) String() string {
	name, value := 0, 0
	for _, r := range s.rows {
		name, value = max(name, len(r.name)), max(value, len(r.value))
	}
	var b strings.Builder
	b.WriteString(s.title + "\n")
	for _, r := range s.rows {
		switch {
		case r.value == "":
			fmt.Fprintf(&b, "\n%s\n", r.name)
		case r.verdict == "":
			fmt.Fprintf(&b, "%-*s  %*s\n", name, r.name, value, r.value)
		default:
			fmt.Fprintf(&b, "%-*s  %*s  %-9s  must be %s\n", name, r.name, value, r.value, r.verdict, r.rule)
		}
	}
	b.WriteByte('\n')
	if len(s.imbalances) == 0 {
		b.WriteString("Everything balances.\n")
	}
	for _, line := range s.imbalances {
		b.WriteString("IMBALANCE: " + line + "\n")
	}
	return b.String()
}
