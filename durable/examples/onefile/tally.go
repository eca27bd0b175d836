package main

import (
	"context"
	"fmt"
	"net/http"
	"net/url"

	"github.com/heliosai/helios-go"
)

// tally is what the program promises something about.
type tally struct{ orders, accepted, twice, kept, lost int }

func (t tally) String() string {
	return fmt.Sprintf("%d orders, %d runs accepted by the server, %d paid twice, %d results kept, %d lost", t.orders,
		t.accepted, t.twice, t.kept, t.lost)
}

func (t tally) asPromised() bool {
	return t == tally{orders: t.orders, accepted: t.orders, kept: t.orders}
}

// count asks the server what it has accepted and delivered, and the file what
// it has. A result is lost that was acknowledged and is not in the file, or was
// not handled.
func (w *world) count(ctx context.Context) (tally, error) {
	t := tally{orders: orders}
	if err := w.fake.Wait(ctx); err != nil {
		return t, err
	}
	runs, acknowledged := map[string]string{}, map[string]bool{}
	for _, r := range w.fake.Runs() {
		order := orderOf(r.WebhookURL)
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

	eng, err := w.open(ctx)
	if err != nil {
		return t, err
	}
	defer eng.Close()
	for i := range orders {
		order := key(i + 1)
		s, err := eng.Status(ctx, order)
		if err != nil {
			return t, err
		}
		_, err = s.Result()
		kept := err == nil && s.RunID == runs[order]
		if kept {
			t.kept++
		}
		if acknowledged[order] && (!kept || !w.handled[order]) {
			t.lost++
		}
	}
	return t, nil
}

// orderOf reads the order from a run's webhook URL.
func orderOf(webhookURL string) string {
	u, err := url.Parse(webhookURL)
	if err != nil {
		return ""
	}
	return u.Query().Get("order")
}
