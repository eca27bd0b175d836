package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/heliosai/helios-go/durable"
	"github.com/heliosai/helios-go/heliostest"
)

// tell makes the story happen.
func (w *world) tell(ctx context.Context, out io.Writer) error {
	w.fake.Inject() // the record
	// The first lab results to arrive are accepted, and their answer is lost.
	// The second wait for their answer until the process dies, and are accepted
	// then.
	w.fake.Inject(heliostest.DropAnswer())
	w.fake.Inject(heliostest.Delay(time.Hour))
	w.proxy.admit(func(d delivery) bool { return d.order == record && !d.final })

	first, err := w.start(ctx, "process 1", busyVariable+"=yes")
	if err != nil {
		return err
	}
	fmt.Fprintf(out,
		"Process 1 (pid %d) stores %d orders in one SQLite file and submits them; Helios runs 7 of a kind at once.\n",
		first.cmd.Process.Pid, orders)

	const whenKilled = "2 queued, 1 submitting, 6 accepted, 1 unknown"
	if err := w.await(ctx, first, func() bool { return describe(first.states) == whenKilled }); err != nil {
		return err
	}
	unanswered, cut := first.in(durable.Unknown), first.in(durable.Submitting)
	fmt.Fprintf(out, "  %s: its answer was lost. Unknown whether it was accepted, so it is not sent again.\n",
		unanswered)

	w.proxy.admit(func(d delivery) bool { return (d.order == record || d.order == unanswered) && !d.final })
	if err := w.await(ctx, first, func() bool { return first.states[unanswered] == durable.Accepted }); err != nil {
		return err
	}
	fmt.Fprintf(out, "  %s: accepted. Its first webhook carries its reference, and proves it.\n", unanswered)
	fmt.Fprintf(out, "  %s: is being sent, and has no answer yet.\n", cut)

	w.proxy.killOnFinal(first)
	w.proxy.admit(func(d delivery) bool { return d.order == record })
	if err := w.awaitDeath(ctx, first); err != nil {
		return err
	}
	if w.handled[record] {
		return errors.New("process 1 has handled the result before it was killed")
	}
	fmt.Fprintf(out,
		"  %s: its result has come, and is acknowledged with 200. The handler is busy, and has not seen it.\n", record)
	fmt.Fprintln(out, "Process 1 is killed with SIGKILL.")

	w.proxy.admit(func(delivery) bool { return true })
	second, err := w.start(ctx, "process 2")
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "Process 2 (pid %d) opens the file and finds: %s. It submits all %d again, under the same keys.\n",
		second.cmd.Process.Pid, describe(second.found), orders)

	if err := w.await(ctx, second, func() bool { return w.handled[record] }); err != nil {
		return err
	}
	fmt.Fprintf(out, "  %s: the result that process 1 had acknowledged is handled.\n", record)

	if err := w.await(ctx, second, func() bool { return second.states[cut] != durable.Submitting }); err != nil {
		return err
	}
	fmt.Fprintf(out, "  %s: was accepted after all, as its first webhook proves.\n", cut)
	if err := w.await(ctx, second, func() bool {
		return len(w.handled) == orders && len(second.states.keys(durable.Completed)) == orders
	}); err != nil {
		return err
	}
	fmt.Fprintln(out, "  All results are handled.")
	return second.stop()
}
