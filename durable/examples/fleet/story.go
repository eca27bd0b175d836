package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/heliosai/helios-go/durable"
	"github.com/heliosai/helios-go/heliostest"
)

// tell makes the story happen.
func (f *fleet) tell(ctx context.Context, out io.Writer) error {
	for range stuck - 1 {
		f.fake.Inject()
	}
	f.fake.Inject(heliostest.Delay(time.Hour)) // it waits for its answer until its process dies, and is accepted then
	for _, name := range []string{"process 1", "process 2"} {
		if err := f.start(ctx, name); err != nil {
			return err
		}
	}
	fmt.Fprintf(out, "%d orders of one kind, of which Helios runs %d at once. "+
		"Process 1 (pid %d) and process 2 (pid %d) share them in the schema %s.\n",
		orders, slots, f.processes[0].cmd.Process.Pid, f.processes[1].cmd.Process.Pid, f.schema)
	if err := f.begin(); err != nil {
		return err
	}

	// While no webhook comes no slot becomes free: then it can be seen who is
	// sending what.
	if err := f.until(ctx, func() (bool, error) { return len(f.fake.Requests()) >= stuck, nil }); err != nil {
		return err
	}
	if err := f.standStill(ctx); err != nil {
		return err
	}

	victim, cut := f.sending()
	if victim == nil {
		return errors.New("nobody is sending the order that should be stuck")
	}
	survivor := f.processes[0]
	if victim == survivor {
		survivor = f.processes[1]
	}

	// The archive lets everyone wait, so that the victim is handling something
	// too.
	f.change(func() { f.archiveOpen, f.webhooksOpen = false, true })
	if err := f.until(ctx, func() (bool, error) { return len(f.handling(victim)) > 0, nil }); err != nil {
		return err
	}
	if err := f.standStill(ctx); err != nil {
		return err
	}
	begun := f.handling(victim)
	fmt.Fprintf(out, "  %d are submitted. %s is sending %s and has no answer yet, and is handling the result of %s.\n",
		len(f.fake.Requests()), title(victim.name), cut, strings.Join(begun, ", "))

	killed := time.Now()
	if err := f.kill(ctx, victim); err != nil {
		return err
	}
	fmt.Fprintf(out, "%s is killed with SIGKILL. %s goes on alone.\n", title(victim.name), title(survivor.name))

	f.change(func() { f.archiveOpen, f.webhooksOpen = true, true })
	if err := f.until(ctx, f.runs(ctx, cut)); err != nil {
		return err
	}
	fmt.Fprintf(out, "  %s: was accepted, as its first webhook proves. It is not sent again.\n", cut)

	if err := f.until(ctx, func() (bool, error) { return f.archived() >= orders-len(begun), nil }); err != nil {
		return err
	}
	fmt.Fprintf(out, "  %d results are handled. Waiting for %d that %s was handling: "+
		"it counts as dead after 30 s without a sign of life...\n",
		f.archived(), orders-f.archived(), victim.name)

	if err := f.until(ctx, func() (bool, error) { return f.archived() == orders, nil }); err != nil {
		return err
	}
	fmt.Fprintf(out, "  %.0f s after the kill %s has handled the rest.\n", time.Since(killed).Seconds(), survivor.name)
	if err := f.until(ctx, f.nothingPending(ctx)); err != nil {
		return err
	}
	return f.stop(ctx, survivor)
}

func title(name string) string { return strings.ToUpper(name[:1]) + name[1:] }

// standStill lets webhooks wait, and returns when nothing moves any more: all
// slots are taken, one submission is under way, and all results that have come
// are being handled.
func (f *fleet) standStill(ctx context.Context) error {
	f.change(func() { f.webhooksOpen = false })
	times := 0
	return f.until(ctx, func() (bool, error) {
		stats, err := f.eng.Stats(ctx)
		if err != nil {
			return false, err
		}
		full := stats.Queued == 0 || stats.Slots[agent].InUse == slots
		if f.passing() == 0 && full && stats.Submitting == 1 && stats.PendingEvents == f.inHand() {
			times++
		} else {
			times = 0
		}
		return times == 2, nil // the numbers of one look are not of one moment
	})
}

// runs reports whether a submission is known to have been accepted.
func (f *fleet) runs(ctx context.Context, order string) func() (bool, error) {
	return func() (bool, error) {
		s, err := f.eng.Status(ctx, order)
		return err == nil && (s.State == durable.Accepted || s.State == durable.Completed), err
	}
}

func (f *fleet) nothingPending(ctx context.Context) func() (bool, error) {
	return func() (bool, error) {
		stats, err := f.eng.Stats(ctx)
		return stats.PendingEvents == 0, err
	}
}

// sending returns who is sending which order, and has no answer.
func (f *fleet) sending() (*process, string) {
	for _, r := range f.fake.Requests() {
		if r.StatusCode != 0 {
			continue
		}
		for _, p := range f.processes {
			if p.name == r.Header.Get("User-Agent") {
				return p, orderOf(r.Body)
			}
		}
	}
	return nil, ""
}
