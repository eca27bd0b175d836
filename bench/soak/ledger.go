package main

import (
	"net/http"
	"net/url"
	"strconv"

	"github.com/heliosai/helios-go/heliostest"
)

const eventsOfRun = 9 // eight updates and the final event

// ledger is what the server knows: what it was asked, accepted and delivered.
type ledger struct {
	requests, busy, broken int // read to the end; answered with 429; with 5xx

	runs      map[string]attempt // by run id
	tries     map[attempt]int    // runs accepted for each try
	paid      map[int]int        // runs accepted for each submission
	unended   int
	givenUp   int // events that no receiver has taken
	reordered int // runs with an event after one of a higher number
}

// attempt is one try of a submission, as its webhook URL tells it.
type attempt struct{ submission, try int }

func readLedger(srv *heliostest.Server) *ledger {
	l := &ledger{runs: map[string]attempt{}, tries: map[attempt]int{}, paid: map[int]int{}}
	for _, r := range srv.Requests() {
		l.requests++
		switch {
		case r.StatusCode == http.StatusTooManyRequests:
			l.busy++
		case r.StatusCode >= 500:
			l.broken++
		}
	}
	for _, r := range srv.Runs() {
		a := attemptOf(r.WebhookURL)
		l.runs[r.ID] = a
		l.tries[a]++
		l.paid[a.submission]++
		if !r.Ended {
			l.unended++
		}
		l.readDeliveries(r.Deliveries)
	}
	return l
}

func (l *ledger) readDeliveries(deliveries []heliostest.Delivery) {
	taken := map[int]bool{}
	highest, swapped := 0, false
	for _, d := range deliveries {
		if d.StatusCode/100 == 2 {
			taken[d.SequenceNumber] = true
		}
		swapped = swapped || d.SequenceNumber < highest
		highest = max(highest, d.SequenceNumber)
	}
	l.givenUp += eventsOfRun - len(taken)
	if swapped {
		l.reordered++
	}
}

func attemptOf(webhookURL string) attempt {
	none := attempt{-1, -1}
	u, err := url.Parse(webhookURL)
	if err != nil {
		return none
	}
	submission, err := strconv.Atoi(u.Query().Get("submission"))
	if err != nil {
		return none
	}
	try, err := strconv.Atoi(u.Query().Get("try"))
	if err != nil {
		return none
	}
	return attempt{submission, try}
}
