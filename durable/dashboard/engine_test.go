package dashboard

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/heliosai/helios-go"
	"github.com/heliosai/helios-go/durable"
	"github.com/heliosai/helios-go/heliostest"
)

// The engines can be watched and ruled by the dashboard.
var (
	_ Engine = (*durable.Engine)(nil)
	_ Engine = (*durable.SQLiteEngine)(nil)
	_ Engine = (*durable.PostgresEngine)(nil)
)

// opener opens a real engine on a store of the test's own.
type opener func(*testing.T, *helios.Client, *helios.Receiver, ...durable.Option) *durable.Engine

func openSQLite(
	t *testing.T, client *helios.Client, receiver *helios.Receiver, opts ...durable.Option,
) *durable.Engine {
	t.Helper()
	path := filepath.Join(t.TempDir(), "helios.db")
	eng, err := durable.OpenSQLite(t.Context(), path, client, receiver, opts...)
	require.NoError(t, err)
	return eng.Engine
}

// openPostgres skips the test where there is no PostgreSQL, but fails where
// CI=true.
func openPostgres(
	t *testing.T, client *helios.Client, receiver *helios.Receiver, opts ...durable.Option,
) *durable.Engine {
	t.Helper()
	url := cmp.Or(os.Getenv("HELIOS_TEST_DATABASE_URL"), "postgres://postgres@127.0.0.1:5432/test")
	pool, err := pgxpool.New(t.Context(), url)
	require.NoError(t, err)
	t.Cleanup(pool.Close)
	if err := pool.Ping(t.Context()); err != nil {
		require.NotEqual(t, "true", os.Getenv("CI"), "CI needs PostgreSQL: %v", err)
		t.Skip("no PostgreSQL; set HELIOS_TEST_DATABASE_URL")
	}

	schema := "helios_test_" + strings.ToLower(rand.Text())
	t.Cleanup(func() {
		_, err := pool.Exec(context.Background(), "DROP SCHEMA IF EXISTS "+schema+" CASCADE")
		assert.NoError(t, err)
	})
	eng, err := durable.OpenPostgres(t.Context(), pool, client, receiver, append(opts, durable.WithSchema(schema))...)
	require.NoError(t, err)
	return eng.Engine
}

// TestHandler_RealEngine decides about real submissions on each store, with a
// fake service behind it.
func TestHandler_RealEngine(t *testing.T) {
	t.Parallel()
	for name, open := range map[string]opener{"sqlite": openSQLite, "postgres": openPostgres} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			testRealEngine(t, open)
		})
	}
}

func testRealEngine(t *testing.T, open opener) {
	t.Helper()
	fake := heliostest.New(t, heliostest.WithStepInterval(time.Millisecond))
	mux := http.NewServeMux()
	hook := httptest.NewServer(mux)
	t.Cleanup(hook.Close)
	client, err := helios.NewClient(
		helios.WithAPIKey(fake.APIKey),
		helios.WithBaseURL(fake.URL),
		helios.WithWebhookURL(hook.URL+"/webhook"),
	)
	require.NoError(t, err)
	receiver, err := helios.NewReceiver(helios.WithWebhookSecret(fake.WebhookSecret))
	require.NoError(t, err)
	eng := open(t, client, receiver, durable.WithMaxAttempts(1))
	t.Cleanup(func() { assert.NoError(t, eng.Close()) })
	mux.Handle("POST /webhook", eng.WebhookHandler())

	var broken atomic.Bool
	broken.Store(true)
	eng.HandleFunc(func(context.Context, *helios.Event) error {
		if broken.Load() {
			return errors.New("the archive is down")
		}
		return nil
	})

	c := newConsole()
	c.Handler = Handler(eng, Options{
		Authorize: func(*http.Request) (string, bool) { return "m.garcia", true }, ShowResults: true,
		Logger: slog.New(slog.NewTextHandler(c.log, nil)),
	})
	submit := func(key string) {
		t.Helper()
		_, err := eng.SubmitLabResults(
			t.Context(),
			key,
			&helios.LabResultsRequest{LabResults: []helios.LabResult{{Name: "Creatinine", Value: "1.8 mg/dL"}}},
		)
		require.NoError(t, err)
	}
	state := func(key string) durable.State {
		s, err := eng.Status(t.Context(), key)
		assert.NoError(t, err)
		return s.State
	}
	decide := func(query string) {
		t.Helper()
		got := c.post(t, c.confirmed(t, query))
		require.Equal(t, http.StatusSeeOther, got.StatusCode, got.text)
		target, _, _ := strings.Cut(strings.TrimPrefix(got.Header.Get("Location"), "./"), "#")
		assert.Equal(t, http.StatusOK, c.get(t, target).StatusCode)
	}

	decide("action=pause&agent=lab-results")
	assert.Contains(t, c.get(t, "").text, "paused (manually)")
	submit("wrong")
	submit("lost")
	decide("action=cancel&key=wrong")
	assert.Equal(t, durable.Canceled, state("wrong"))
	assert.Contains(t, c.get(t, "submissions?state=queued").text, "lost queued lab-results")

	ctx, stop := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() { assert.NoError(t, eng.Run(ctx)) })
	t.Cleanup(func() { stop(); running.Wait() })
	eventually := func(done func() bool, what string) {
		t.Helper()
		require.Eventually(t, done, 3*time.Minute, 10*time.Millisecond, what)
	}

	// An answer that is lost, and no webhook either: 500, and nothing runs.
	fake.Inject(heliostest.Status(http.StatusInternalServerError))
	decide("action=resume&agent=lab-results")
	eventually(func() bool { return state("lost") == durable.Unknown }, "its outcome is unknown")
	assert.Contains(t, c.get(t, "").text, "1 unknown submission")
	decide("action=resubmit&key=lost")
	eventually(func() bool { return state("lost") == durable.Completed }, "it was sent again")

	backlog := func() (pending, dead int) {
		stats, err := eng.Stats(t.Context())
		assert.NoError(t, err)
		return stats.PendingEvents, stats.DeadLetters
	}
	eventually(
		func() bool { pending, dead := backlog(); return pending == 0 && dead > 0 },
		"the handler has failed at all events",
	)
	assert.Contains(t, c.get(t, "dead-letters").text, "lost run")
	assert.Contains(t, c.get(t, "dead-letters").text, "an error 1")
	broken.Store(false)
	letters, err := eng.DeadLetters(t.Context(), 0, 100)
	require.NoError(t, err)
	for _, l := range letters {
		decide("action=replay&id=" + strconv.FormatInt(l.ID, 10))
	}
	eventually(func() bool { pending, dead := backlog(); return pending == 0 && dead == 0 }, "they were replayed")

	assert.Contains(t, c.get(t, "submission?key=lost").text, "For the clinician")
	decide("action=forget&key=lost")
	c.log.Reset()
	after := c.get(t, "submission?key=lost").text
	assert.NotContains(t, c.log.String(), "result shown", "nothing is left")
	assert.NotContains(t, after, "For the clinician")
	assert.Contains(t, after, "Completed the result is stored")
}
