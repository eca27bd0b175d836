package durable_test

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/heliosai/helios-go"
	"github.com/heliosai/helios-go/durable"
	"github.com/heliosai/helios-go/heliostest"
)

// service is what the examples run against: a fake Helios and a web server, so
// that they need no key and no network. A real program takes all settings from
// the environment, and has a file that stays.
type service struct {
	*heliostest.Server
	client   *helios.Client
	receiver *helios.Receiver
	mux      *http.ServeMux
	file     string
	stop     func()
}

func newService() *service {
	dir, _ := os.MkdirTemp("", "helios-example-")
	s := &service{Server: heliostest.NewServer(heliostest.WithStepInterval(time.Millisecond)),
		mux: http.NewServeMux(), file: filepath.Join(dir, "helios.db")}
	web := httptest.NewServer(s.mux)
	s.client, _ = helios.NewClient(helios.WithAPIKey(s.APIKey), helios.WithBaseURL(s.URL),
		helios.WithWebhookURL(web.URL+"/webhook/helios"))
	s.receiver, _ = helios.NewReceiver(helios.WithWebhookSecret(s.WebhookSecret))
	s.stop = func() {
		s.client.CloseIdleConnections()
		s.Close()
		web.Close()
		_ = os.RemoveAll(dir)
	}
	return s
}

// start runs the engine in the background, as a program's main does until it is
// told to stop.
func start(eng *durable.SQLiteEngine) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() {
		if err := eng.Run(ctx); err != nil {
			fmt.Println(err)
		}
	})
	return func() { cancel(); running.Wait() }
}

// await waits until a submission is in a state.
func await(ctx context.Context, eng *durable.SQLiteEngine, key string, state durable.State) {
	until(func() bool {
		job, err := eng.Status(ctx, key)
		return err != nil || job.State == state
	})
}

func awaitDeadLetter(ctx context.Context, eng *durable.SQLiteEngine) {
	until(func() bool {
		stats, err := eng.Stats(ctx)
		return err != nil || stats.DeadLetters > 0
	})
}

func until(done func() bool) {
	for !done() {
		<-time.After(5 * time.Millisecond)
	}
}

func secrets() (old, current []byte) {
	old, current = make([]byte, 32), make([]byte, 32)
	_, _ = rand.Read(old)
	_, _ = rand.Read(current)
	return old, current
}

var panel = &helios.LabResultsRequest{LabResults: []helios.LabResult{
	{Name: "Creatinine", Value: "1.8 mg/dL", Flag: helios.FlagHigh, ReferenceRange: "0.7-1.3 mg/dL",
		Date: "2025-01-15"},
}}

func Example() {
	srv := newService()
	defer srv.stop()
	ctx := context.Background()

	eng, err := durable.OpenSQLite(ctx, srv.file, srv.client, srv.receiver)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer eng.Close()
	handled := make(chan string, 1)
	eng.HandleFunc(func(ctx context.Context, ev *helios.Event) error { // at least once, until it returns nil
		if ev.Status == helios.StatusCompleted {
			handled <- durable.KeyFrom(ctx)
		}
		return nil
	})
	srv.mux.Handle("POST /webhook/helios", eng.WebhookHandler()) // verify, commit, then 200
	defer start(eng)()

	job, err := eng.SubmitLabResults(ctx, "order-4711", panel) // stored when it returns
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(job.Key, "is", job.State)
	fmt.Println(<-handled, "is handled")

	job, err = eng.SubmitLabResults(ctx, "order-4711", panel) // the same again: nothing is sent
	if err != nil {
		fmt.Println(err)
		return
	}
	result, err := job.Result()
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(job.Key, "is", job.State+":", result.LabResults[0].Name)
	fmt.Println("runs paid:", len(srv.Runs()))
	// Output:
	// order-4711 is queued
	// order-4711 is handled
	// order-4711 is completed: Creatinine
	// runs paid: 1
}

func ExampleSQLiteEngine_InTx() {
	srv := newService()
	defer srv.stop()
	ctx := context.Background()
	eng, err := durable.OpenSQLite(ctx, srv.file, srv.client, srv.receiver)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer eng.Close()

	order := func(id string, check error) error {
		return eng.InTx(ctx, func(tx *sql.Tx) error {
			if _, err := tx.ExecContext(ctx, `CREATE TABLE IF NOT EXISTS orders (id TEXT PRIMARY KEY)`); err != nil {
				return err
			}
			if _, err := tx.ExecContext(ctx, `INSERT INTO orders (id) VALUES (?)`, id); err != nil {
				return err
			}
			if _, err := eng.SubmitLabResultsTx(ctx, tx, id, panel); err != nil {
				return err
			}
			return check // an error rolls both back
		})
	}
	fmt.Println(order("order-4711", nil))
	fmt.Println(order("order-4712", errors.New("no stock of tubes")))
	for _, id := range []string{"order-4711", "order-4712"} {
		_, err := eng.Status(ctx, id)
		fmt.Println(id, "exists:", !errors.Is(err, durable.ErrNotFound))
	}
	// Output:
	// <nil>
	// no stock of tubes
	// order-4711 exists: true
	// order-4712 exists: false
}

func ExamplePostgresEngine_SubmitLabResultsTx() {
	ctx := context.Background()
	client, err := helios.NewClient() // HELIOS_API_KEY, HELIOS_WEBHOOK_URL
	if err != nil {
		fmt.Println(err)
		return
	}
	receiver, err := helios.NewReceiver() // HELIOS_WEBHOOK_SECRET
	if err != nil {
		fmt.Println(err)
		return
	}
	pool, err := pgxpool.New(ctx, os.Getenv("DATABASE_URL"))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer pool.Close()
	eng, err := durable.OpenPostgres(ctx, pool, client, receiver)
	if err != nil {
		fmt.Println(err)
		return
	}
	err = pgx.BeginFunc(ctx, pool, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, `INSERT INTO orders (id) VALUES ($1)`, "order-4711"); err != nil {
			return err
		}
		_, err := eng.SubmitLabResultsTx(ctx, tx, "order-4711", panel) // exists if and when tx is committed
		return err
	})
	if err != nil {
		fmt.Println(err)
	}
}

func ExampleNewAESGCM() {
	srv := newService()
	defer srv.stop()
	ctx := context.Background()

	secret2025, secret2026 := secrets() // 32 random bytes each, from where the program keeps its secrets
	codec, err := durable.NewAESGCM(
		durable.Key{ID: "2026", Secret: secret2026}, // encrypts from now on
		durable.Key{ID: "2025", Secret: secret2025}, // decrypts what it encrypted before
	)
	if err != nil {
		fmt.Println(err)
		return
	}
	eng, err := durable.OpenSQLite(ctx, srv.file, srv.client, srv.receiver, durable.WithCodec(codec))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer eng.Close()
	job, err := eng.SubmitLabResults(ctx, "order-4711", panel) // its request is stored encrypted
	fmt.Println(job, err)
	fmt.Println(codec) // never prints a secret
	// Output:
	// durable.Submission{order-4711, lab-results, queued} <nil>
	// durable.AESGCM{2026}
}

func ExampleEngine_DeadLetters() {
	srv := newService()
	defer srv.stop()
	ctx := context.Background()
	eng, err := durable.OpenSQLite(ctx, srv.file, srv.client, srv.receiver,
		durable.WithMaxAttempts(1)) // by default 100, over about four days
	if err != nil {
		fmt.Println(err)
		return
	}
	defer eng.Close()
	srv.mux.Handle("POST /webhook/helios", eng.WebhookHandler())
	eng.HandleFunc(func(_ context.Context, ev *helios.Event) error {
		if ev.Final() {
			return errors.New("the archive is full")
		}
		return nil
	})
	defer start(eng)()
	if _, err := eng.SubmitLabResults(ctx, "order-4711", panel); err != nil {
		fmt.Println(err)
		return
	}
	awaitDeadLetter(ctx, eng)

	// Once the cause is gone:
	handled := make(chan string, 1)
	eng.HandleFunc(func(ctx context.Context, ev *helios.Event) error {
		if ev.Final() {
			handled <- durable.KeyFrom(ctx)
		}
		return nil
	})
	letters, err := eng.DeadLetters(ctx, 0, 100)
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, letter := range letters {
		fmt.Println("dead:", letter.Key, "final:", letter.Final, "failure:", letter.Failure)
		if err := eng.Replay(ctx, letter.ID); err != nil {
			fmt.Println(err)
		}
	}
	fmt.Println("handled:", <-handled)
	// Output:
	// dead: order-4711 final: true failure: error
	// handled: order-4711
}

func ExampleWithOnUnknown() {
	srv := newService()
	defer srv.stop()
	ctx := context.Background()

	// An urgent order is rather paid twice than late; all others wait for
	// somebody to look. Resubmit is given once, or it might be sent for ever.
	decide := func(_ context.Context, job *durable.Submission) durable.Decision {
		if job.Key == "urgent-1" && job.Attempts == 1 {
			return durable.Resubmit
		}
		return durable.Hold
	}
	eng, err := durable.OpenSQLite(ctx, srv.file, srv.client, srv.receiver,
		durable.WithUnknownDeadline(20*time.Minute), durable.WithOnUnknown(decide))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer eng.Close()

	fmt.Println(decide(ctx, &durable.Submission{Key: "urgent-1", State: durable.Unknown, Attempts: 1}))
	fmt.Println(decide(ctx, &durable.Submission{Key: "urgent-1", State: durable.Unknown, Attempts: 2}))
	fmt.Println(decide(ctx, &durable.Submission{Key: "order-4711", State: durable.Unknown, Attempts: 1}))
	// Output:
	// resubmit
	// hold
	// hold
}

func ExampleEngine_Resolve() {
	srv := newService()
	defer srv.stop()
	srv.Inject(heliostest.Reset()) // the first submission is read and not accepted, which nobody can see
	ctx := context.Background()
	eng, err := durable.OpenSQLite(ctx, srv.file, srv.client, srv.receiver)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer eng.Close()
	eng.HandleFunc(func(context.Context, *helios.Event) error { return nil })
	srv.mux.Handle("POST /webhook/helios", eng.WebhookHandler())
	defer start(eng)()
	if _, err := eng.SubmitLabResults(ctx, "order-4711", panel); err != nil {
		fmt.Println(err)
		return
	}

	await(ctx, eng, "order-4711", durable.Unknown)
	fmt.Println("unknown, paid:", len(srv.Runs()))
	// Helios' support says that there is no such run, so it is safe to send it
	// again.
	if err := eng.Resolve(ctx, "order-4711", durable.Resubmit); err != nil {
		fmt.Println(err)
		return
	}
	await(ctx, eng, "order-4711", durable.Completed)
	fmt.Println("completed, paid:", len(srv.Runs()))
	// Output:
	// unknown, paid: 0
	// completed, paid: 1
}

func ExampleEngine_Stats() {
	srv := newService()
	defer srv.stop()
	ctx := context.Background()
	eng, err := durable.OpenSQLite(ctx, srv.file, srv.client, srv.receiver,
		durable.WithMaxSlots(5)) // others use the account too
	if err != nil {
		fmt.Println(err)
		return
	}
	defer eng.Close()
	for _, key := range []string{"order-4711", "order-4712"} {
		if _, err := eng.SubmitLabResults(ctx, key, panel); err != nil {
			fmt.Println(err)
			return
		}
	}
	stats, err := eng.Stats(ctx)
	if err != nil {
		fmt.Println(err)
		return
	}
	slots := stats.Slots["lab-results"]
	fmt.Printf("%d queued, %d running, %d unknown, %d dead letters, %d of %d slots in use\n",
		stats.Queued, stats.Running, stats.Unknown, stats.DeadLetters, slots.InUse, slots.Limit)
	fmt.Println("the oldest waits longer than an hour:", stats.OldestQueued > time.Hour)
	// Output:
	// 2 queued, 0 running, 0 unknown, 0 dead letters, 0 of 5 slots in use
	// the oldest waits longer than an hour: false
}

func ExampleKeyFrom() {
	srv := newService()
	defer srv.stop()
	ctx := context.Background()
	eng, err := durable.OpenSQLite(ctx, srv.file, srv.client, srv.receiver)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer eng.Close()
	handled := make(chan string)
	eng.HandleFunc(func(ctx context.Context, ev *helios.Event) error {
		if ev.Final() {
			handled <- durable.KeyFrom(ctx) // the order, so that no table from run ids to orders is needed
		}
		return nil
	})
	srv.mux.Handle("POST /webhook/helios", eng.WebhookHandler())
	defer start(eng)()
	if _, err := eng.SubmitLabResults(ctx, "order-4711", panel); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("the result is of", <-handled)
	// Output: the result is of order-4711
}
