package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"github.com/heliosai/helios-go"
)

// tally is what the program promises something about.
type tally struct {
	orders, accepted, twice, kept, lost int

	by                map[string]int // submissions of each process that were accepted
	inFlight, refused int
}

func (t tally) String() string {
	return fmt.Sprintf("%d orders, %d runs accepted by the server, %d paid twice, %d results kept, %d lost", t.orders,
		t.accepted, t.twice, t.kept, t.lost)
}

func (t tally) asPromised() bool {
	return t.accepted == t.orders && t.kept == t.orders && t.twice == 0 && t.lost == 0 && t.inFlight <= slots &&
		t.refused == 0
}

// count asks the server what it has accepted, refused and delivered, and the
// database what it has. A result is lost that was acknowledged and is not in
// the database, or was not handled.
func (f *fleet) count(ctx context.Context) (tally, error) {
	t := tally{orders: orders, by: map[string]int{}, inFlight: int(f.most.Load())}
	if err := f.fake.Wait(ctx); err != nil {
		return t, err
	}
	for _, r := range f.fake.Requests() {
		switch {
		case r.RunID != "":
			t.by[r.Header.Get("User-Agent")]++
		case r.StatusCode == http.StatusTooManyRequests:
			t.refused++
		}
	}
	runs, acknowledged := map[string]string{}, map[string]bool{}
	for _, r := range f.fake.Runs() {
		order := orderOf(r.Request)
		t.accepted++
		if runs[order] != "" {
			t.twice++
		}
		runs[order] = r.ID
		for _, d := range r.Deliveries {
			if d.Status == helios.StatusCompleted && d.StatusCode == http.StatusOK {
				acknowledged[order] = true
			}
		}
	}
	for i := range orders {
		order := key(i + 1)
		s, err := f.eng.Status(ctx, order)
		if err != nil {
			return t, err
		}
		_, err = s.Result()
		kept := err == nil && s.RunID == runs[order]
		if kept {
			t.kept++
		}
		if acknowledged[order] && (!kept || !f.handled(order)) {
			t.lost++
		}
	}
	return t, nil
}

// orderOf reads the order from a request.
func orderOf(request []byte) string {
	var r helios.LabResultsRequest
	if json.Unmarshal(request, &r) != nil || len(r.LabResults) == 0 {
		return ""
	}
	return r.LabResults[0].Name
}

// countRuns looks at the service every millisecond, which is far less than a
// run takes.
func (f *fleet) countRuns(ctx context.Context) {
	ticker := time.NewTicker(time.Millisecond)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
			f.most.Store(max(f.most.Load(), int64(f.fake.Active(agent))))
		case <-ctx.Done():
			return
		}
	}
}
