package main

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"strings"
	"testing"
)

const testRuns = 200

func TestSoak(t *testing.T) {
	s, err := soakAndMeasure(t.Context(), config{runs: testRuns, callers: 16, seed: 1})
	if err != nil {
		t.Fatal(err)
	}
	t.Log(s)
	for _, line := range s.imbalances {
		t.Error(line)
	}
}

// A check that cannot fail proves nothing: here is what it is there for.
func TestSoak_FindsAClientThatPaysTwice(t *testing.T) {
	cfg := config{runs: testRuns, callers: 16, seed: 1}
	cfg.transport = func(base *http.Transport) http.RoundTripper { return naive{base} }
	s, err := soakAndMeasure(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Log(s)
	for _, line := range s.imbalances {
		if strings.HasPrefix(line, acceptedTwice) {
			return
		}
	}
	t.Errorf("the sheet does not report a submission that was accepted twice: %q", s.imbalances)
}

// naive sends a request again after any error, as many a helpful transport
// does. It does so beyond the reach of the first attempt's context, which the
// SDK ends when it sees a transport turn to another connection, and from its
// own copy of the body, which the SDK hands out only once.
type naive struct{ base http.RoundTripper }

func (n naive) RoundTrip(req *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(req.Body)
	if err != nil {
		return nil, err
	}
	if err := req.Body.Close(); err != nil {
		return nil, err
	}

	first := req.Clone(req.Context())
	first.Body, first.GetBody = io.NopCloser(bytes.NewReader(body)), nil
	resp, err := n.base.RoundTrip(first)
	if err == nil {
		return resp, nil
	}

	again := req.Clone(context.WithoutCancel(req.Context()))
	again.Body, again.GetBody = io.NopCloser(bytes.NewReader(body)), nil
	return n.base.RoundTrip(again)
}
