package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/heliosai/helios-go"
)

// measured gives the cells to all tests, which judge the same measurement.
var measured = sync.OnceValues(func() ([][]cell, error) { return measureAll(context.Background()) })

func eachCell(t *testing.T, check func(t *testing.T, b behaviour, col column, c cell)) {
	t.Helper()
	cells, err := measured()
	require.NoError(t, err)

	for i, b := range behaviours {
		for j, col := range columns {
			t.Run(b.name+"/"+col.name, func(t *testing.T) { check(t, b, col, cells[i][j]) })
		}
	}
}

// TestMatrix compares every cell with the table in README.md.
func TestMatrix(t *testing.T) {
	want := readTable(t, "README.md")
	eachCell(t, func(t *testing.T, b behaviour, col column, c cell) {
		require.Contains(t, want, b.name)
		require.Contains(t, want[b.name], col.name)
		got := c.String()
		if b.name == "HTTP/2: GOAWAY before the request, then accepted" {
			// net/http may see the GOAWAY before it takes the connection, or
			// after: then the first attempt was not sent, and a second is.
			got = strings.TrimSuffix(got, " (2)")
		}
		assert.Equal(t, want[b.name][col.name], got, "error: %v", c.err)
	})
	assert.Len(t, want, len(behaviours), "rows of README.md")
}

func TestSentOnceUnlessCertainlyNotAccepted(t *testing.T) {
	eachCell(t, func(t *testing.T, _ behaviour, _ column, c cell) {
		assert.LessOrEqual(t, c.whole-c.limited, 1, "whole requests that were not answered 429, error: %v", c.err)
	})
}

func TestUnreadableAnswerIsUnknown(t *testing.T) {
	eachCell(t, func(t *testing.T, b behaviour, _ column, c cell) {
		if b.evidence == silent && c.whole > 0 {
			require.ErrorIs(t, c.err, helios.ErrOutcomeUnknown)
		}
	})
}

func TestWhatNoServerGotIsNotUnknown(t *testing.T) {
	eachCell(t, func(t *testing.T, b behaviour, _ column, c cell) {
		if b.evidence == unsent {
			assert.Zero(t, c.whole)
			require.Error(t, c.err)
			require.NotErrorIs(t, c.err, helios.ErrOutcomeUnknown)
		}
	})
}

func TestErrorsAndLogsHoldNoSecret(t *testing.T) {
	eachCell(t, func(t *testing.T, _ behaviour, _ column, c cell) {
		texts := []string{c.logged, fmt.Sprintf("%+v", c.call)}
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x"} {
			texts = append(texts, fmt.Sprintf(verb, c.err))
		}
		for _, err := range tree(c.err) {
			texts = append(texts, err.Error())
		}
		for _, text := range texts {
			assert.NotContains(t, text, apiKey)
			assert.NotContains(t, text, proxyPassword)
			assert.NotContains(t, text, labValue)
		}
	})
}

// tree lists err and all errors that it wraps.
func tree(err error) []error {
	if err == nil {
		return nil
	}
	all := []error{err}
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		for _, err := range joined.Unwrap() {
			all = append(all, tree(err)...)
		}
		return all
	}
	return append(all, tree(errors.Unwrap(err))...)
}

// readTable reads the Markdown table of a file, by the names of its rows and
// columns.
func readTable(t *testing.T, name string) map[string]map[string]string {
	t.Helper()
	file, err := os.Open(name)
	require.NoError(t, err)
	defer file.Close()

	var header []string
	table := map[string]map[string]string{}
	for lines := bufio.NewScanner(file); lines.Scan(); {
		if !strings.HasPrefix(lines.Text(), "| ") {
			continue
		}
		cells := strings.Split(strings.Trim(lines.Text(), "| "), "|")
		for i := range cells {
			cells[i] = strings.TrimSpace(cells[i])
		}
		switch {
		case header == nil:
			header = cells
		case !strings.HasPrefix(cells[0], "---"):
			require.Len(t, cells, len(header), cells[0])
			row := map[string]string{}
			for i, text := range cells[1:] {
				row[header[i+1]] = text
			}
			require.NotContains(t, table, cells[0])
			table[cells[0]] = row
		}
	}
	return table
}
