package heliostest

import (
	"fmt"
	"io"
	"log/slog"
	"net/url"
)

// Failed tests print what they were given, and the output of tests is kept. So
// these types print what identifies them, and no key, header or body. Formatter
// is the only interface that fmt asks for every verb, %#v and %d included.

// Format prints the server's URL and neither of its secrets.
func (s *Server) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, s.describe()) }

// LogValue logs the server's URL and neither of its secrets.
func (s *Server) LogValue() slog.Value { return slog.StringValue(s.describe()) }

func (s *Server) describe() string { return "heliostest.Server{" + s.URL + "}" }

// Format prints what identifies the run, and nothing of what was submitted.
func (r Run) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, r.describe()) }

// LogValue logs what identifies the run, and nothing of what was submitted.
func (r Run) LogValue() slog.Value { return slog.StringValue(r.describe()) }

func (r Run) describe() string {
	return fmt.Sprintf("heliostest.Run{%s, %s, ended %t, deliveries: %d}", r.ID, r.Agent, r.Ended, len(r.Deliveries))
}

// Format prints which event was delivered, and how it was answered.
func (d Delivery) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, d.describe()) }

// LogValue logs which event was delivered, and how it was answered.
func (d Delivery) LogValue() slog.Value { return slog.StringValue(d.describe()) }

func (d Delivery) describe() string {
	answer := "no answer"
	if d.StatusCode != 0 {
		answer = fmt.Sprintf("answer %d", d.StatusCode)
	}
	return fmt.Sprintf("heliostest.Delivery{event %d %s, attempt %d, %s}", d.SequenceNumber, d.Status, d.Attempt,
		answer)
}

// Format prints what identifies the request, and nothing of its query, header
// and body.
func (r Request) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, r.describe()) }

// LogValue logs what identifies the request, and nothing of its query, header
// and body.
func (r Request) LogValue() slog.Value { return slog.StringValue(r.describe()) }

func (r Request) describe() string {
	path := (&url.URL{Path: r.Path}).EscapedPath() // a line break in it starts no line of a log
	text := fmt.Sprintf("heliostest.Request{%s %s, %d bytes, answer %d", r.Method, path, len(r.Body), r.StatusCode)
	if r.RunID != "" {
		text += ", run " + r.RunID
	}
	return text + "}"
}
