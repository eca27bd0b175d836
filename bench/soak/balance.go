package main

import (
	"fmt"
	"strconv"
)

const acceptedTwice = "accepted twice"

// tally is what the callers know, added up.
type tally struct {
	known, unknown, proven, disproven int // submissions by what became of them
	withoutOutcome                    int
	tries, busy, refused, cut         int
	lying                             int // tries that promised that nothing was accepted, and something was
	wrongRun                          int // run ids that the server knows for another submission, or not at all
	results, updates                  int
	misordered, foreign               int
	late, missed                      int // orders whose caller waited late, and updates that it did not get
}

func add(orders []*order, l *ledger) (t tally) {
	for _, o := range orders {
		t.tries += o.tries
		t.busy += len(o.busy)
		t.refused += len(o.refused)
		t.cut += len(o.cut)
		for _, tries := range [][]int{o.busy, o.refused, o.cut} {
			for _, try := range tries {
				t.lying += l.tries[attempt{o.number, try}]
			}
		}
		switch {
		case o.unknown && o.runID != "":
			t.proven++
		case o.unknown:
			t.disproven++
		case o.runID != "":
			t.known++
		default:
			t.withoutOutcome++
		}
		if o.unknown {
			t.unknown++
		}
		if a, found := l.runs[o.runID]; o.runID != "" && (!found || a != attempt{o.number, o.tries}) {
			t.wrongRun++
		}
		if o.completed {
			t.results++
		}
		if o.completed && o.late {
			t.late++
			t.missed += eventsOfRun - 1 - o.updates
		}
		if o.foreign {
			t.foreign++
		}
		t.updates += o.updates
		t.misordered += o.misordered
	}
	return t
}

// balance compares what the callers, the server and the receiver know.
func balance(s *sheet, orders []*order, l *ledger, r *receiver, p *proxy) {
	t := add(orders, l)
	accepted := len(l.runs)
	twice, shown := 0, ""
	for submission, n := range l.paid {
		if n > 1 {
			twice++
			shown = fmt.Sprintf(", such as submission %d: %d times", submission, n)
		}
	}

	s.section("Submissions")
	s.info("submitted", len(orders))
	s.info("accepted, the run id known at once", t.known)
	s.info("outcome unknown", t.unknown)
	s.info("  proven accepted by a webhook", t.proven)
	s.info("  never accepted", t.disproven)
	s.equal("known, proven or never accepted", t.known+t.proven+t.disproven, len(orders), "submitted")
	s.equal("unknown, resolved", t.proven+t.disproven, t.unknown, "all unknown")
	s.equal("without any outcome", t.withoutOutcome, 0, "none")

	s.section("Paid")
	s.equal("accepted by the server", accepted, t.known+t.proven, "known + proven")
	s.add(acceptedTwice, strconv.Itoa(twice), "0"+shown, twice == 0)
	s.equal("accepted, and the SDK said certainly not", t.lying, 0,
		fmt.Sprintf("none of %d tries", t.busy+t.refused+t.cut))
	s.equal("run ids of another submission", t.wrongRun, 0, "none")

	balanceResults(s, l, t, r)
	listFaults(s, l, t, r, p)

	const most = 10
	n := 0
	for _, o := range orders {
		if o.unusual != nil {
			if n++; n <= most {
				line := fmt.Sprintf("submission %d, run %q: %v", o.number, o.runID, o.unusual)
				s.imbalances = append(s.imbalances, line)
			}
		}
	}
	if n > most {
		s.imbalances = append(s.imbalances, fmt.Sprintf("and %d submissions more with an error", n-most))
	}
}

func balanceResults(s *sheet, l *ledger, t tally, r *receiver) {
	r.mu.Lock()
	defer r.mu.Unlock()
	accepted, final, unheard, overtaken := len(l.runs), 0, 0, 0
	for id := range l.runs {
		run := r.runs[id]
		if run == nil {
			unheard++
			continue
		}
		if run.finals > 0 {
			final++
		}
		overtaken += run.overtaken()
	}
	s.section("Results")
	s.equal("runs not ended", l.unended, 0, "none")
	s.equal("events given up by the server", l.givenUp, 0, "none")
	s.equal("runs without any event", unheard, 0, "none")
	s.equal("runs with a final event at the callback", final, accepted, "accepted")
	s.equal("results returned by Tracker.Wait", t.results, accepted, "accepted")
	s.equal("results and events of another run", t.foreign+r.foreign, 0, "none")
	s.equal("events handed out twice or out of order", t.misordered, 0, "none")
	s.equal("events refused by the tracker", r.refused, 0, "none")
	s.info("status updates handed out", t.updates)
	skipped := (eventsOfRun-1)*t.results - t.updates
	s.add("status updates skipped", strconv.Itoa(skipped),
		fmt.Sprintf("0 to %d, those overtaken by half a second", overtaken),
		skipped >= 0 && skipped <= overtaken)
	s.equal(fmt.Sprintf("status updates that a late Wait missed (of %d)", t.late), t.missed, 0, "none")
}

func listFaults(s *sheet, l *ledger, t tally, r *receiver, p *proxy) {
	s.section("Faults")
	for _, b := range []struct {
		at   breakage
		name string
	}{
		{beforeRequest, "before the request"}, {withinRequest, "within the request"},
		{beforeAnswer, "before the answer"}, {withinAnswer, "within the answer"},
	} {
		s.happened("closed "+b.name, int(p.broken[b.at][0].Load()))
		s.happened("reset "+b.name, int(p.broken[b.at][1].Load()))
	}
	s.happened("delayed requests and answers", int(p.late.Load()))
	s.happened("outages of the proxy", int(p.outages.count.Load()))
	s.happened("answers 429", l.busy)
	s.happened("answers 5xx", l.broken)
	s.happened("tries ended by a 429", t.busy)
	s.happened("tries ended without a connection", t.refused)
	s.happened("tries ended within the request, for certain", t.cut)
	s.info("tries, without the SDK's own retries", t.tries)
	s.info("requests that the server read whole", l.requests)
	s.happened("outages of the receiver", int(r.outages.count.Load()))
	s.info("deliveries at the callback", r.deliveries)
	s.happened("duplicate deliveries at the callback", r.duplicates)
	s.happened("runs with reordered events", l.reordered)
}
