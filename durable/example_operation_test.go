package durable_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/heliosai/helios-go"
	"github.com/heliosai/helios-go/durable"
	"github.com/heliosai/helios-go/heliostest"
)

func ExampleEngine_Submissions() {
	srv := newService()
	defer srv.stop()
	ctx := context.Background()
	eng, err := durable.OpenSQLite(ctx, srv.file, srv.client, srv.receiver)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer eng.Close()
	for _, key := range []string{"order-4711", "order-4712", "order-4713"} {
		if _, err := eng.SubmitLabResults(ctx, key, panel); err != nil {
			fmt.Println(err)
			return
		}
	}

	// The second was a mistake: it is canceled before it is sent.
	if err := eng.Cancel(ctx, "order-4712"); err != nil {
		fmt.Println(err)
		return
	}
	filter := durable.Filter{State: durable.Queued, Limit: 1}
	for {
		page, err := eng.Submissions(ctx, filter)
		if err != nil {
			fmt.Println(err)
			return
		}
		if len(page) == 0 {
			break
		}
		for _, job := range page {
			fmt.Println(job.Key, "is", job.State)
		}
		filter.After = page[len(page)-1].Key
	}
	job, err := eng.Status(ctx, "order-4712")
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(job.Key, "is", job.State+":", job.Reason)
	// Output:
	// order-4711 is queued
	// order-4713 is queued
	// order-4712 is canceled: canceled before it was sent
}

func ExampleEngine_Pause() {
	srv := newService()
	defer srv.stop()
	ctx := context.Background()
	eng, err := durable.OpenSQLite(ctx, srv.file, srv.client, srv.receiver)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer eng.Close()

	if err := eng.Pause(ctx, "deep"); err != nil { // over all processes
		fmt.Println(err)
		return
	}
	stats, err := eng.Stats(ctx)
	if err != nil {
		fmt.Println(err)
		return
	}
	pause := stats.Paused["deep"]
	fmt.Printf("deep: %s (by hand: %t)\n", pause.Reason, pause.ByHand)
	fmt.Println(eng.Resume(ctx, "deep"))
	// Output:
	// deep: paused until it is resumed (by hand: true)
	// <nil>
}

func ExampleEngine_Forget() {
	srv := newService()
	defer srv.stop()
	ctx := context.Background()
	eng, err := durable.OpenSQLite(ctx, srv.file, srv.client, srv.receiver)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer eng.Close()
	if _, err := eng.SubmitLabResults(ctx, "order-4711", panel); err != nil {
		fmt.Println(err)
		return
	}

	// The patient asks for erasure.
	err = eng.Forget(ctx, "order-4711")
	fmt.Println("while it is queued:", errors.Is(err, durable.ErrState))
	// Output: while it is queued: true
}

func ExampleEngine_HandleEnd() {
	srv := newService()
	defer srv.stop()
	srv.Inject(heliostest.Status(http.StatusUnprocessableEntity)) // the service refuses the first one
	ctx := context.Background()
	eng, err := durable.OpenSQLite(ctx, srv.file, srv.client, srv.receiver,
		durable.WithResultDeadline(time.Hour),
		durable.WithHandlerErrors(func(_ context.Context, f durable.HandlerFailure) {
			fmt.Println("attempt", f.Attempt, "failed:", f.Err) // to a log that may hold health data
		}))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer eng.Close()
	eng.HandleFunc(ignore)
	ended := make(chan string)
	eng.HandleEnd(func(_ context.Context, job *durable.Submission) error {
		ended <- fmt.Sprintf("%s is %s: %s", job.Key, job.State, job.Reason)
		return nil
	})
	srv.mux.Handle("POST /webhook/helios", eng.WebhookHandler())
	defer start(eng)()
	if _, err := eng.SubmitLabResults(ctx, "order-4711", panel); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(<-ended)
	// Output: order-4711 is failed: Helios answered 422 Unprocessable Entity
}

func ExamplePrice() {
	usd, known := durable.Price("deep")
	fmt.Printf("%.2f %t\n", usd, known)
	// Output: 3.50 true
}

func ExampleWithSpendLimit() {
	srv := newService()
	defer srv.stop()
	ctx := context.Background()
	eng, err := durable.OpenSQLite(ctx, srv.file, srv.client, srv.receiver,
		durable.WithSpendLimit(200, 24*time.Hour), // a loop in the program spends no more in a night
		durable.WithAccount("clinic-a"))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer eng.Close()

	stats, err := eng.Stats(ctx)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("$%.2f of $%.2f spent in %s, %d submissions wait for more\n",
		stats.Spend.Spent, stats.Spend.Limit, stats.Spend.Per, stats.Spend.Waiting)
	// Output: $0.00 of $200.00 spent in 24h0m0s, 0 submissions wait for more
}

func ExampleEngine_Health() {
	srv := newService()
	defer srv.stop()
	ctx := context.Background()
	eng, err := durable.OpenSQLite(ctx, srv.file, srv.client, srv.receiver)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer eng.Close()

	fmt.Println(eng.Health(ctx)) // Run is not called here, nor by another process
	// Output: helios: durable: no process is running the engine
}

func ExampleStatusCode() {
	srv := newService()
	defer srv.stop()
	ctx := context.Background()
	eng, err := durable.OpenSQLite(ctx, srv.file, srv.client, srv.receiver)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer eng.Close()

	_, err = eng.SubmitLabResults(ctx, "order-4711", nil)
	fmt.Println(durable.StatusCode(err), err)
	_, err = eng.Status(ctx, "order-4711")
	fmt.Println(durable.StatusCode(err), err)
	// Output:
	// 400 helios: invalid request: request: is nil
	// 404 helios: durable: not found: order-4711
}

func ExampleWithObserver() {
	srv := newService()
	defer srv.stop()
	ctx := context.Background()
	accepted := make(chan durable.Activity, 1)
	type traceKey struct{}
	eng, err := durable.OpenSQLite(ctx, srv.file, srv.client, srv.receiver,
		durable.WithObserver(func(_ context.Context, a durable.Activity) {
			if a.Outcome == durable.ActivityAccepted {
				accepted <- a // a counter by a.Kind, a.Outcome and a.Agent, and a histogram of a.Duration
			}
		}),
		durable.WithTraceContext(
			func(ctx context.Context) map[string]string {
				parent, _ := ctx.Value(traceKey{}).(string)
				return map[string]string{"traceparent": parent}
			},
			func(ctx context.Context, carried map[string]string) context.Context {
				return context.WithValue(ctx, traceKey{}, carried["traceparent"])
			}))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer eng.Close()
	eng.HandleFunc(ignore)
	srv.mux.Handle("POST /webhook/helios", eng.WebhookHandler())
	defer start(eng)()
	if _, err := eng.SubmitLabResults(ctx, "order-4711", panel); err != nil {
		fmt.Println(err)
		return
	}
	a := <-accepted
	fmt.Println(a.Kind, a.Outcome, a.Agent, "attempt", a.Attempt)
	// Output: submission accepted lab-results attempt 1
}

// ignore handles events by doing nothing.
func ignore(context.Context, *helios.Event) error { return nil }
