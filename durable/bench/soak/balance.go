package main

import (
	"context"
	"fmt"

	"github.com/heliosai/helios-go/durable"
	"github.com/heliosai/helios-go/heliostest"
)

// mostPerSubmission is how many bytes a submission may leave in the store
// whose bodies were deleted: a row, its references, and a row for each of its
// eight events, with their indexes.
const mostPerSubmission = 8 << 10

// balance is what was counted, and what should not be.
type balance struct {
	lines       []string
	faults      []string
	submissions int
}

func (b *balance) add(format string, args ...any) {
	b.lines = append(b.lines, fmt.Sprintf(format, args...))
}

// fault notes something that must not be.
func (b *balance) fault(format string, args ...any) {
	b.faults = append(b.faults, fmt.Sprintf(format, args...))
}

// write prints the balance, and returns how many faults there are.
func (b *balance) write(title string) int {
	fmt.Printf("\n%s\n", title)
	for _, line := range b.lines {
		fmt.Println("  " + line)
	}
	for i, fault := range b.faults {
		if i == 20 {
			fmt.Printf("  FAULT: and %d more\n", len(b.faults)-i)
			break
		}
		fmt.Println("  FAULT: " + fault)
	}
	return len(b.faults)
}

// check compares the store, the service and what the handlers were told.
func (f *fleet) check(ctx context.Context, srv *heliostest.Server) (*balance, error) {
	m, done := f.any()
	defer done()
	f.ledger.mu.Lock()
	defer f.ledger.mu.Unlock()
	b := &balance{submissions: len(f.keys)}
	runs := paidRuns(srv)

	states, paid, untold, repeats := map[durable.State]int{}, 0, 0, 0
	told := map[string]bool{} // runs of which an event has come
	for ev := range f.acked {
		told[ev.RunID] = true
		if ev.final() && f.finals[ev.RunID] == 0 {
			b.fault("run %s: its final event was acknowledged and never handled", ev.RunID)
		}
	}
	for _, n := range f.finals {
		repeats += n - 1
	}
	for _, key := range f.keys {
		s, err := m.engine.Status(ctx, key)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", key, err)
		}
		states[s.State]++
		paid += len(runs[key])
		switch {
		case len(runs[key]) > 1:
			b.fault("%s: paid %d times", key, len(runs[key]))
		case len(runs[key]) == 1 && s.RunID == "" && !told[runs[key][0].ID] && s.State == durable.Unknown:
			untold++ // the service has told nobody
		case len(runs[key]) == 1 && s.RunID != runs[key][0].ID:
			b.fault("%s: the service runs %s, the store says %s with run %q", key, runs[key][0].ID, s.State, s.RunID)
		}

		switch s.State {
		case durable.Unknown:
			if s.Reason == "" {
				b.fault("%s: unknown without a reason", key)
			}
		case durable.Completed, durable.Failed, durable.Canceled, durable.Overdue:
			if !f.ends[key][s.State] {
				b.fault("%s: nobody was told that it is %s", key, s.State)
			}
		default:
			b.fault("%s: still %s", key, s.State)
		}
	}
	stats, err := m.engine.Stats(ctx)
	if err != nil {
		return nil, err
	}
	if stats.DeadLetters > 0 {
		b.fault("%d dead letters", stats.DeadLetters)
	}

	duplicates, acked := 0, 0
	for _, n := range f.acked {
		acked += n
		duplicates += n - 1
	}
	b.add("%d submissions, %d of them submitted again, %d canceled, %d resubmitted by hand, %d engines restarted",
		len(f.keys), f.again, f.canceled, f.resubmitted, f.restarts)
	b.add("%d requests, %d runs accepted; states %v; %d runs of which the service told nobody",
		len(srv.Requests()), paid, states, untold)
	b.add("%d webhooks acknowledged, %d of them duplicates; %d not acknowledged by an engine",
		acked, duplicates, f.errors)
	b.add("%d calls of handlers, %d of them failed; %d final events, %d of them handled again after success",
		f.calls, f.failures, len(f.finals), repeats)
	return b, nil
}

// weigh adds what the store has become.
func (b *balance) weigh(ctx context.Context, s store) error {
	own, jobs, err := s.sizes(ctx)
	if err != nil {
		return fmt.Errorf("%s: %w", s.name(), err)
	}
	each := own / int64(max(b.submissions, 1))
	b.add("%d KiB in the engine's tables, %d B a submission; %d KiB of River's jobs, which go after an hour",
		own>>10, each, jobs>>10)
	if each > mostPerSubmission && own > 1<<20 {
		b.fault("a submission leaves %d B, more than %d", each, mostPerSubmission)
	}
	return nil
}
