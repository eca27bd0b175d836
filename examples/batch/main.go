// Batch sends a hundred panels through the account's slots, seven at a time, as
// fast as the service takes them and no faster.
//
//	go run ./examples/batch
//
// It runs against a fake Helios on this machine, which also loses an answer and
// turns a submission away, to show what to do then:
//
//   - The X-Concurrent headers of every answer say how many slots are left.
//     Start that many runs; then wait until one ends.
//   - An answer 429 costs nothing. Wait as long as it says, or until a run
//     ends, and send again.
//   - After an unknown outcome the run may exist, and be paid. Do not send
//     again: every order has a parameter of its own in its webhook URL, and the
//     first webhook with it proves that the run exists. If none has come after
//     the longest time that a run takes, it probably does not exist, and a
//     person or a rule of your own decides.
//
// A process that dies in the middle forgets what it has sent. Where that
// matters, keep the orders in a database and write them before each submission.
package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/heliosai/helios-go"
	"github.com/heliosai/helios-go/heliostest"
)

const (
	orders      = 100
	webhookPath = "/webhook/helios"
)

func main() {
	// A pipe that its reader has closed must not end the process while it waits
	// for results that are paid.
	signal.Ignore(syscall.SIGPIPE)
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()

	if err := demonstrate(ctx, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// demonstrate sends the batch. It fails if an order was not sent, or if what it
// prints was lost.
func demonstrate(ctx context.Context, stdout io.Writer) error {
	fake := newFake()
	defer fake.Close()
	receiver, err := helios.NewReceiver(helios.WithWebhookSecret(fake.WebhookSecret))
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	defer listener.Close()
	client, err := helios.NewClient(helios.WithAPIKey(fake.APIKey), helios.WithBaseURL(fake.URL),
		helios.WithMaxRetries(0)) // this program does the waiting
	if err != nil {
		return err
	}
	defer client.CloseIdleConnections()

	// It keeps its first error, which Flush returns from then on.
	out := bufio.NewWriter(stdout)
	fmt.Fprintf(out, "Sending %d orders to a fake Helios on this machine: "+
		"nothing leaves it and nothing is paid.\n", orders)
	if err := out.Flush(); err != nil {
		return fmt.Errorf("nothing was submitted, because nothing can be printed: %w", err)
	}

	b := newBatch(client, "http://"+listener.Addr().String()+webhookPath, out)
	mux := http.NewServeMux()
	mux.HandleFunc("POST "+webhookPath, func(w http.ResponseWriter, r *http.Request) {
		receiver.Handler(b.handle(r.URL.Query().Get("order"))).ServeHTTP(w, r)
	})
	server := &http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second}
	go server.Serve(listener)
	defer server.Close()

	if err := b.submitAll(ctx); err != nil {
		return err
	}
	fmt.Fprintf(out, "Orders: %d, of which completed: %d, failed: %d. Runs paid: %d.\n",
		orders, b.completed, b.failed, len(fake.Runs()))
	fmt.Fprintf(out, "Submissions turned away by a 429: %d. Unknown outcomes resolved by a webhook: %d.\n",
		b.turnedAway, b.resolved)
	if err := out.Flush(); err != nil {
		return fmt.Errorf("the report could not be printed: %w", err)
	}
	return nil
}

// newFake returns a Helios that loses the answer to one order and turns another
// away.
func newFake() *heliostest.Server {
	fake := heliostest.NewServer(heliostest.WithStepInterval(5*time.Millisecond),
		heliostest.WithRetryAfter(time.Second))
	for i := range orders {
		switch i {
		case 20:
			fake.Inject(heliostest.DropAnswer())
		case 40:
			fake.Inject(heliostest.Status(http.StatusTooManyRequests))
		default:
			fake.Inject()
		}
	}
	return fake
}
