package helios

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strconv"
)

// Run is an accepted submission. It is paid; its events and its result arrive
// at the webhook URL.
type Run struct {
	// ID is the run's id; its events carry it.
	ID string `json:"runId"`
	// Status is "accepted".
	Status string `json:"status"`
	// Message is a sentence from the service; it may be empty.
	Message string `json:"message"`
	// Concurrency is the account's use of its slots for this agent type, this
	// run included.
	Concurrency Concurrency `json:"-"`
	// Header is the header of the answer, with a request id, say, to quote to
	// the vendor's support.
	Header http.Header `json:"-"`
}

// accept decodes the acceptance of a run: any 2xx with a run id. A field of
// another type does not hide it.
func (r *Run) accept(body []byte) error {
	*r = Run{}
	err := json.Unmarshal(body, r)
	if r.ID != "" {
		return nil
	}
	return cmp.Or(err, errors.New("no runId"))
}

// Format prints the run's id and leaves out Message, which the service wrote.
func (r Run) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, r.describe()) }

// LogValue logs the run's id.
func (r Run) LogValue() slog.Value { return slog.StringValue(r.describe()) }

func (r Run) describe() string {
	return fmt.Sprintf("helios.Run{%s, slots %d of %d}", r.ID, r.Concurrency.Active, r.Concurrency.Limit)
}

// Concurrency is the account's use of its run slots for one agent type, as the
// X-Concurrent-* headers of an answer give it. All are 0 if the answer had no
// such headers.
//
// See https://docs.heliosai.health/rate-limits
type Concurrency struct {
	Limit     int // the most runs at once
	Active    int // the runs under way, the one just accepted included
	Remaining int // the runs that could be submitted now
}

func concurrencyFrom(h http.Header) Concurrency {
	number := func(key string) int {
		if v := h[key]; len(v) > 0 {
			if n, err := strconv.Atoi(v[0]); err == nil {
				return max(n, 0)
			}
		}
		return 0
	}
	return Concurrency{
		Limit:     number("X-Concurrent-Limit"),
		Active:    number("X-Concurrent-Active"),
		Remaining: number("X-Concurrent-Remaining"),
	}
}
