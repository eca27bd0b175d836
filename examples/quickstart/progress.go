package main

import (
	"bufio"
	"cmp"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/heliosai/helios-go"
)

// progressBar shows how far a run has come: on a terminal in one line that is
// drawn again, elsewhere in one line for each step.
type progressBar struct {
	out      *bufio.Writer
	terminal bool
	drawn    bool
}

func newProgressBar(out *bufio.Writer, terminal bool) *progressBar {
	return &progressBar{out: out, terminal: terminal}
}

// isTerminal reports whether w is a terminal, or another character device.
func isTerminal(w io.Writer) bool {
	file, ok := w.(*os.File)
	if !ok {
		return false
	}
	info, err := file.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

func (b *progressBar) show(event *helios.Event) {
	const width = 24
	p := event.Progress()
	line := printable(cmp.Or(p.Name, event.Status))
	if p.Total > 0 {
		filled := width * min(max(p.Step, 0), p.Total) / p.Total
		bar := strings.Repeat("#", filled) + strings.Repeat(".", width-filled)
		line = fmt.Sprintf("[%s] %d/%d %s", bar, p.Step, p.Total, line)
	}

	if b.terminal {
		fmt.Fprintf(b.out, "\r\033[K%s", line)
	} else {
		fmt.Fprintln(b.out, line)
	}
	b.drawn = true
	b.flush()
}

func (b *progressBar) end() {
	if b.drawn && b.terminal {
		fmt.Fprintln(b.out)
	}
	b.flush()
}

// flush ignores an error: the run is paid by now, so its result is awaited and
// saved even if nobody can watch. The last Flush returns the error.
func (b *progressBar) flush() { _ = b.out.Flush() }
