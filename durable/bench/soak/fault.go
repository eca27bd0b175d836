package main

import (
	"math/rand/v2"
	"net/http"

	"github.com/heliosai/helios-go/heliostest"
)

// faults deals out what goes wrong at the service, for one submission after the
// other.
type faults struct {
	rng   *rand.Rand
	burst []int // statuses that come next
	dealt int
}

// refusals are of what every submission would meet: the agent type is paused,
// for 1, 2 and 4 seconds.
var refusals = []int{http.StatusForbidden, http.StatusPaymentRequired, http.StatusUnauthorized}

// next returns what happens to the next submission that arrives.
func (f *faults) next() []heliostest.Fault {
	f.dealt++
	if f.dealt%400 == 10 {
		status := refusals[f.dealt/400%len(refusals)]
		f.burst = []int{status, status, status}
	}
	if len(f.burst) > 0 {
		status := f.burst[0]
		f.burst = f.burst[1:]
		return []heliostest.Fault{heliostest.Status(status)}
	}

	switch p := f.rng.IntN(100); {
	case p < 1:
		return []heliostest.Fault{heliostest.Status(http.StatusTooManyRequests)}
	case p < 3:
		return []heliostest.Fault{heliostest.Status(500 + []int{0, 2, 3, 4}[f.rng.IntN(4)])}
	case p < 4:
		return []heliostest.Fault{heliostest.Status(http.StatusUnprocessableEntity)}
	case p < 5:
		return []heliostest.Fault{heliostest.Reset()}
	}

	var list []heliostest.Fault
	for _, fault := range []struct {
		percent int
		fault   heliostest.Fault
	}{
		{4, heliostest.DropAnswer()}, {2, heliostest.HalfAnswer()}, {3, heliostest.FailRun("the run has failed")},
		{2, heliostest.LoseFinalWebhook()}, {5, heliostest.LoseWebhooks()},
		{10, heliostest.DuplicateWebhooks()}, {10, heliostest.ReorderWebhooks()},
	} {
		if f.rng.IntN(100) < fault.percent {
			list = append(list, fault.fault)
		}
	}
	return list
}

// loss is what happens to a webhook on its way to the engines.
type loss int

const (
	delivered loss = iota
	lost           // it does not reach an engine
	repeated       // an engine has it, and the service does not know
)

func (l *ledger) loss() loss {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch p := l.rng.IntN(100); {
	case p < 10:
		return lost
	case p < 15:
		return repeated
	default:
		return delivered
	}
}
