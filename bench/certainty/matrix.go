package main

import (
	"context"
	"fmt"
	"io"
	"strings"
	"sync"
	"unicode/utf8"
)

// atOnce bounds how many cells are measured at the same time. Most of them
// wait.
const atOnce = 16

// measureAll measures every cell: a row for each behaviour, a column for each
// transport.
func measureAll(ctx context.Context) ([][]cell, error) {
	w, err := newWorld()
	if err != nil {
		return nil, err
	}
	defer w.close()

	cells := make([][]cell, len(behaviours))
	errs := make([]error, len(behaviours)*len(columns))
	slots := make(chan struct{}, atOnce)
	var wg sync.WaitGroup
	for i, b := range behaviours {
		cells[i] = make([]cell, len(columns))
		for j, col := range columns {
			slots <- struct{}{}
			wg.Go(func() {
				defer func() { <-slots }()
				c, err := w.measure(ctx, b, col)
				if err != nil {
					errs[i*len(columns)+j] = fmt.Errorf("%s, %s: %w", b.name, col.name, err)
				}
				cells[i][j] = c
			})
		}
	}
	wg.Wait()

	for _, err := range errs {
		if err != nil {
			return nil, err
		}
	}
	return cells, nil
}

// printMatrix writes the cells as a Markdown table whose columns are aligned,
// and what the columns are.
func printMatrix(out io.Writer, cells [][]cell) error {
	header := []string{"what the other side does"}
	for _, col := range columns {
		header = append(header, col.name)
	}
	rows := [][]string{header}
	for i, b := range behaviours {
		row := []string{b.name}
		for _, c := range cells[i] {
			row = append(row, c.String())
		}
		rows = append(rows, row)
	}

	widths := make([]int, len(header))
	for _, row := range rows {
		for i, text := range row {
			widths[i] = max(widths[i], utf8.RuneCountInString(text))
		}
	}
	rule := make([]string, len(header))
	for i, width := range widths {
		rule[i] = strings.Repeat("-", width)
	}
	rows = append(rows[:1], append([][]string{rule}, rows[1:]...)...)

	for _, row := range rows {
		for i, text := range row {
			row[i] = text + strings.Repeat(" ", widths[i]-utf8.RuneCountInString(text))
		}
		if _, err := fmt.Fprintln(out, "| "+strings.Join(row, " | ")+" |"); err != nil {
			return err
		}
	}

	if _, err := fmt.Fprintln(out); err != nil {
		return err
	}
	for _, col := range columns {
		if _, err := fmt.Fprintf(out, "- **%s**: %s\n", col.name, col.about); err != nil {
			return err
		}
	}
	return nil
}
