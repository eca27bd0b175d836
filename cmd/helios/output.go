package main

import (
	"encoding/json"
	"fmt"
	"io"
	"log"
	"os"
	"strconv"
	"strings"
	"sync"

	"golang.org/x/term"
)

// output is where a command writes: results to stdout, all else to stderr. It
// is safe for concurrent use; a line is written whole.
type output struct {
	stdout, stderr io.Writer
	json           bool
	// Of each stream whether it takes colour: a terminal does, unless NO_COLOR
	// says otherwise.
	colourOut, colourErr bool
	terminal             bool // whether stdout is one
	width                int  // its columns, for text that is wrapped
	widthErr             int  // those of stderr, and 0 if that is no terminal
}

// defaultWidth is that of text for a pipe or a file.
const defaultWidth = 80

func newOutput(stdout, stderr io.Writer, env environment) *output {
	noColour, _ := env("NO_COLOR")
	dumb, _ := env("TERM")
	colour := noColour == "" && dumb != "dumb"
	colourOut, colourErr := colour && takesColour(stdout), colour && takesColour(stderr)

	o := &output{
		stdout:    &lockedWriter{w: stdout},
		stderr:    &lockedWriter{w: harmlessWriter{stderr, colourErr}},
		colourOut: colourOut,
		colourErr: colourErr,
		terminal:  terminal(stdout) > 0,
		width:     terminal(stdout),
		widthErr:  terminal(stderr),
	}
	if columns, ok := env("COLUMNS"); ok {
		if n, err := strconv.Atoi(columns); err == nil && n > 0 {
			o.width = n
		}
	}
	if o.width <= 0 {
		o.width = defaultWidth
	}
	return o
}

// terminal returns the columns of a terminal, and 0 for anything else.
func terminal(stream any) int {
	file, ok := stream.(*os.File)
	if !ok || !term.IsTerminal(int(file.Fd())) {
		return 0
	}
	width, _, err := term.GetSize(int(file.Fd()))
	if err != nil || width <= 0 {
		return defaultWidth
	}
	return width
}

// result writes one result: v as JSON where that was asked for, else the text.
func (o *output) result(v any, text string) error {
	if !o.json {
		_, err := io.WriteString(o.stdout, ended(o.wrapped(harmless(text, o.colourOut))))
		return err
	}

	line, err := json.Marshal(v)
	if err != nil {
		return err
	}
	_, err = io.WriteString(o.stdout, ended(escapeJSON(line)))
	return err
}

// wrapped is text for stdout: as wide as a terminal, if that is one.
func (o *output) wrapped(text string) string {
	if !o.terminal {
		return text
	}
	return wrap(text, o.width)
}

// note writes a line of progress to stderr.
func (o *output) note(format string, args ...any) {
	text := ended(fmt.Sprintf(format, args...))
	if o.widthErr > 0 {
		text = wrap(text, o.widthErr)
	}
	_, _ = io.WriteString(o.stderr, text)
}

// ready says where a server listens: to a program that reads JSON on stdout, to
// a person on stderr.
func (o *output) ready(addresses map[string]string, format string, args ...any) error {
	if o.json {
		return o.result(addresses, "")
	}
	o.note(format, args...)
	return nil
}

func ended(text string) string {
	if text == "" || strings.HasSuffix(text, "\n") {
		return text
	}
	return text + "\n"
}

// The colours that mean something here.
const (
	red    = "31"
	green  = "32"
	yellow = "33"
	bold   = "1"
)

// colour wraps text for stdout in a colour, if that takes one.
func (o *output) colour(code, text string) string {
	if !o.colourOut || o.json {
		return text
	}
	return "\x1b[" + code + "m" + text + "\x1b[0m"
}

// failure returns why stdout could not be written, or nil.
func (o *output) failure() error {
	if w, ok := o.stdout.(*lockedWriter); ok {
		return w.err()
	}
	return nil
}

// fail writes err as one line that says what to do, and returns the exit code.
// A reader that has gone away is told nothing, unless it may have missed a paid
// run: it has read what it wanted.
func (o *output) fail(err error) int {
	code := exitCode(err)
	switch {
	case err == nil, isBrokenPipe(err) && code != exitUnknown:
		return code
	case o.json:
		line, _ := json.Marshal(map[string]any{"error": describe(err), "exitCode": code})
		_, _ = io.WriteString(o.stderr, ended(escapeJSON(line)))
		return code
	}

	prefix := "helios:"
	if o.colourErr {
		prefix = "\x1b[" + red + "m" + prefix + "\x1b[0m"
	}
	o.note("%s %s", prefix, describe(err))
	return code
}

// lockedWriter writes one line at a time and keeps its first error.
type lockedWriter struct {
	mu     sync.Mutex
	w      io.Writer
	failed error
}

func (l *lockedWriter) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()

	if l.failed != nil {
		return 0, l.failed
	}
	n, err := l.w.Write(p)
	l.failed = err
	return n, err
}

func (l *lockedWriter) err() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.failed
}

// logger is for what net/http writes of connections that end badly.
func (o *output) logger() *log.Logger { return log.New(o.stderr, "", 0) }
