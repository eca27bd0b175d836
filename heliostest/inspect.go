package heliostest

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"time"
)

// Run is an accepted submission. Printing, logging or encoding it shows nothing
// of what was submitted.
type Run struct {
	ID         string
	Agent      string // "light", "deep" or "lab-results"
	WebhookURL string `json:"-"`
	Accepted   time.Time
	Ended      bool       // processing has ended and its slot is free; the final event may still be under way
	Request    []byte     `json:"-"` // the body of the submission
	Deliveries []Delivery // every attempt to deliver one of its events, in order
}

// Delivery is one attempt to deliver an event.
type Delivery struct {
	SequenceNumber int
	Status         string // of the event: "processing", "completed" or "error"
	Attempt        int    // counts how often this event has been sent, from 1; duplicates count on
	StatusCode     int    // the receiver's answer, 0 if there was none
	Err            error  `json:"-"` // why there was none; nil for any answer
}

// Request is a request that the server has read to its end. Printing, logging
// or encoding it shows nothing of its query, header and body.
type Request struct {
	Method     string
	Path       string
	RawQuery   string      `json:"-"`
	Header     http.Header `json:"-"` // the API key is replaced by "[redacted]"
	Body       []byte      `json:"-"`
	StatusCode int         // of the answer, 0 while none was sent
	RunID      string      // of the run that was accepted, if one was
}

// Runs returns all accepted runs, in the order of their acceptance.
func (s *Server) Runs() []Run {
	s.mu.Lock()
	defer s.mu.Unlock()
	runs := make([]Run, len(s.runs))
	for i, r := range s.runs {
		runs[i] = r.snapshot()
	}
	return runs
}

// Requests returns every request that was read to its end, in order. A body
// larger than 16 MiB is not among them.
func (s *Server) Requests() []Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	requests := make([]Request, len(s.requests))
	for i, r := range s.requests {
		requests[i] = *r
		requests[i].Header = r.Header.Clone()
		requests[i].Body = bytes.Clone(r.Body)
	}
	return requests
}

// Accepted returns how many runs were accepted for exactly this webhook URL,
// query included. A test that gives every submission a URL of its own learns
// from it how often each was paid for.
func (s *Server) Accepted(webhookURL string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := 0
	for _, r := range s.runs {
		if r.sub.webhookURL == webhookURL {
			n++
		}
	}
	return n
}

// Active returns how many slots of an agent type ("light", "deep" or
// "lab-results") are in use.
func (s *Server) Active(agent string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.active[agent]
}

// Wait returns when every run accepted so far has ended and its deliveries are
// done or given up. It returns an error if ctx ends or the server is closed
// before that.
func (s *Server) Wait(ctx context.Context) error {
	s.mu.Lock()
	idle := s.idle
	s.mu.Unlock()

	select {
	case <-idle:
		return nil // even if ctx has ended, or the server was closed later
	default:
	}

	select {
	case <-idle:
		return nil
	case <-s.ctx.Done():
		return errors.New("heliostest: the server was closed before its runs had ended")
	case <-ctx.Done():
		return ctx.Err()
	}
}

// record keeps a request, without the key. Its answer is added later.
func (s *Server) record(r *http.Request, body []byte) *Request {
	header := r.Header.Clone()
	for i := range header["X-Api-Key"] {
		header["X-Api-Key"][i] = "[redacted]"
	}
	seen := &Request{Method: r.Method, Path: r.URL.Path, RawQuery: r.URL.RawQuery, Header: header, Body: body}

	s.mu.Lock()
	defer s.mu.Unlock()
	s.requests = append(s.requests, seen)
	return seen
}

// answered adds the status of the answer to a request that was recorded.
func (s *Server) answered(seen *Request, status int) {
	if seen == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	seen.StatusCode = status
}
