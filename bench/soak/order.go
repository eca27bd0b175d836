package main

import (
	"fmt"
	"strings"

	"github.com/heliosai/helios-go"
)

// order is one submission and what its caller knows of it. But for first, its
// caller's goroutine alone writes it.
type order struct {
	number int
	late   bool        // its caller waits only when all is over
	first  chan string // the run id of its first webhook

	tries     int
	busy      []int // the tries that ended with a 429
	refused   []int // those that found no connection
	cut       []int // those whose connection broke before the request was written
	unknown   bool  // the last try's outcome was
	unusual   error // neither of these, or no result
	runID     string
	completed bool // Wait has returned the result

	updates    int // handed to the callback of Wait
	misordered int // sequence numbers that did not rise
	foreign    bool
}

func newOrders(n int) []*order {
	orders := make([]*order, n)
	for i := range orders {
		orders[i] = &order{number: i, late: i%50 == 1, first: make(chan string, 1)}
	}
	return orders
}

// saw notes the run of a webhook.
func (o *order) saw(runID string) {
	select {
	case o.first <- runID:
	default: // not the first
	}
}

// request makes every try another webhook URL, so that the server's book shows
// which try it accepted.
func (o *order) request(webhook string, huge bool) (*helios.LabResultsRequest, error) {
	to, err := helios.WebhookURL(webhook, struct {
		Submission int `url:"submission"`
		Try        int `url:"try"`
	}{o.number, o.tries})
	if err != nil {
		return nil, err
	}
	req := &helios.LabResultsRequest{WebhookURL: to, LabResults: []helios.LabResult{
		{Name: o.lab(), Value: "1.8 mg/dL", Flag: helios.FlagHigh, ReferenceRange: "0.7-1.3 mg/dL", Date: "2025-01-15"},
	}}
	if huge {
		req.Extra = map[string]any{"imaging": strings.Repeat("x", hugeBody)}
	}
	return req, nil
}

// lab names the order in what comes back with the result.
func (o *order) lab() string { return fmt.Sprintf("Creatinine %d", o.number) }
