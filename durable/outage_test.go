package durable

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/heliosai/helios-go"
)

// What happens while something that the engine depends on does not work: the
// codec, the service, the network, the store.

// moodyCodec works, fails or panics, as a service that keeps keys may.
type moodyCodec struct{ mood atomic.Int32 }

const (
	works = iota
	fails
	panics
)

func (m *moodyCodec) Encode(body, _ []byte) ([]byte, error) {
	switch m.mood.Load() {
	case fails:
		return nil, errors.New("key service: timeout for " + secretValue)
	case panics:
		panic(secretValue)
	}
	return append([]byte("coded"), body...), nil
}

func (m *moodyCodec) Decode(stored, _ []byte) ([]byte, error) {
	if _, err := m.Encode(nil, nil); err != nil {
		return nil, err
	}
	return stored[len("coded"):], nil
}

// TestCodecOutage: while the codec does not work submissions wait, webhooks are
// answered with 503, and nothing of its errors is told.
func TestCodecOutage(t *testing.T) {
	onEachStore(t, func(t *testing.T, k kind) {
		for _, mood := range []int32{fails, panics} {
			srv := newService(t)
			var codec moodyCodec
			var log safeBuffer
			e := srv.open(t, k.another(t), WithCodec(&codec), WithLogger(slog.New(slog.NewTextHandler(&log, nil))),
				func(c *config) error {
					c.patience = 100 * time.Millisecond
					return nil
				})
			e.HandleFunc(nothing)
			_, err := e.SubmitLabResults(t.Context(), "k", labs())
			require.NoError(t, err)
			codec.mood.Store(mood)
			stop := run(t, e)
			var s *Submission
			eventually(t, func() bool {
				s, err = e.Status(t.Context(), "k")
				return err == nil && s.Attempts > 1
			}, func() string { return "not tried again" })
			_, err = e.SubmitLabResults(t.Context(), "another", labs())
			require.ErrorIs(t, err, helios.ErrUnavailable)
			assert.NotContains(t, err.Error(), secretValue)
			assert.Equal(t, http.StatusServiceUnavailable, srv.deliver(t, e, "", eventBody("run-9", "completed", 9)))
			assert.Empty(t, srv.Requests())
			codec.mood.Store(works)
			waitFor(t, e, "k", Completed)
			delivered := func() bool {
				return srv.deliver(t, e, "",
					eventBody("run-9", "completed", 9)) == http.StatusOK
			}
			eventually(t, delivered, func() string { return "not stored" })
			stop()
			assert.NotContains(t, s.Reason+log.String(), secretValue)
			assert.Contains(t, log.String(), "the codec failed")
		}
	})
}

// safeBuffer is a log that several goroutines write.
type safeBuffer struct {
	mu   sync.Mutex
	text strings.Builder
}

func (b *safeBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *safeBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}

// TestRefusedKey: with a key that is refused, what is queued waits together. It
// is not sent one after the other.
func TestRefusedKey(t *testing.T) {
	onEachStore(t, func(t *testing.T, k kind) {
		srv := newService(t)
		client, err := helios.NewClient(helios.WithAPIKey("sk_live_revoked"), helios.WithBaseURL(srv.URL),
			helios.WithWebhookURL(srv.hook.URL+"/webhook"))
		require.NoError(t, err)
		e := k.open(t, client, srv.receiver, func(c *config) error {
			c.backoff = func(int) time.Duration { return time.Hour }
			return nil
		})
		for i := range 40 {
			_, err := e.SubmitLabResults(t.Context(), fmt.Sprint("k", i), labs())
			require.NoError(t, err)
		}
		e.HandleFunc(nothing)
		stop := run(t, e)
		eventually(t, func() bool {
			stats, err := e.Stats(t.Context())
			return err == nil && len(srv.Requests()) > 0 && stats.Submitting == 0
		}, func() string { return "not sent" })
		stop()
		assert.LessOrEqual(t, len(srv.Requests()), 7, "as many as were under way when the first answer came")
		reasons := read[string](t, e, `SELECT reason FROM {submissions} WHERE reason <> ''`)
		assert.Len(t, reasons, len(srv.Requests()))
		assert.Contains(t, reasons[0], "401")
	})
}

// TestDrain_IsNoFailure: a handler that the end of its process cuts off has not
// failed.
func TestDrain_IsNoFailure(t *testing.T) {
	onEachStore(t, func(t *testing.T, k kind) {
		srv := newService(t)
		e := srv.open(t, k, WithMaxAttempts(1), WithDrainTimeout(10*time.Millisecond))
		began := make(chan struct{})
		e.HandleFunc(func(ctx context.Context, _ *helios.Event) error {
			close(began)
			<-ctx.Done()
			return ctx.Err()
		})
		stop := run(t, e)
		require.Equal(t, http.StatusOK, srv.deliver(t, e, "", eventBody("run-1", "completed", 7)))
		<-began
		stop()
		assert.Equal(t, []string{"pending"}, read[string](t, e, `SELECT state FROM {events}`))
		var handled calls
		e.HandleFunc(handled.handle)
		run(t, e)
		eventually(t, func() bool { return len(handled.all()) == 1 }, func() string { return "not handled" })
	})
}

// wire passes bytes on to PostgreSQL until it is cut, and then keeps
// connections open and silent, as a network does that drops packets.
type wire struct {
	listener net.Listener
	cut      chan struct{}
	pumps    sync.WaitGroup
}

func newWire(t *testing.T, to string) *wire {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	w := &wire{listener: listener, cut: make(chan struct{})}
	var mu sync.Mutex
	var conns []net.Conn
	w.pumps.Go(func() {
		for {
			down, err := listener.Accept()
			if err != nil {
				return
			}
			up, err := net.Dial("tcp", to)
			if err != nil {
				_ = down.Close()
				continue
			}
			mu.Lock()
			conns = append(conns, down, up)
			mu.Unlock()
			w.pumps.Go(func() { w.pump(up, down) })
			w.pumps.Go(func() { w.pump(down, up) })
		}
	})
	t.Cleanup(func() {
		_ = listener.Close()
		mu.Lock()
		for _, conn := range conns {
			_ = conn.Close()
		}
		mu.Unlock()
		w.pumps.Wait()
	})
	return w
}

func (w *wire) pump(to io.WriteCloser, from io.Reader) {
	defer to.Close()
	buffer := make([]byte, 32<<10)
	for {
		n, err := from.Read(buffer)
		select {
		case <-w.cut:
			_, _ = io.Copy(io.Discard, from)
			return
		default:
		}
		if n > 0 {
			if _, err := to.Write(buffer[:n]); err != nil {
				return
			}
		}
		if err != nil {
			return
		}
	}
}

// TestSilentPostgres: with a database that does not answer any more, webhooks
// are answered with 503, and Run ends.
func TestSilentPostgres(t *testing.T) {
	t.Parallel()
	direct := testPool(t, databaseURL())
	server := direct.Config().ConnConfig
	w := newWire(t, net.JoinHostPort(server.Host, fmt.Sprint(server.Port)))
	cfg := direct.Config()
	host, port, err := net.SplitHostPort(w.listener.Addr().String())
	require.NoError(t, err)
	cfg.ConnConfig.Host = host
	_, err = fmt.Sscan(port, &cfg.ConnConfig.Port)
	require.NoError(t, err)
	srv := newService(t)
	e := srv.open(t, kind{pool: poolOf(t, cfg), schema: testSchema(t)}, WithDrainTimeout(100*time.Millisecond),
		func(c *config) error {
			c.patience, c.drainGrace = 200*time.Millisecond, 100*time.Millisecond
			return nil
		})
	e.HandleFunc(nothing)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- e.Run(ctx) }()
	delivered := func() bool { return srv.deliver(t, e, "", eventBody("run-1", "completed", 7)) == http.StatusOK }
	eventually(t, delivered, func() string { return "not stored" })
	close(w.cut)
	assert.Equal(t, http.StatusServiceUnavailable, srv.deliver(t, e, "", eventBody("run-2", "completed", 7)))
	cancel()
	select {
	case <-ended: // with an error or without: River may find its connections closed in time
	case <-time.After(patience):
		require.FailNow(t, "Run does not end")
	}
}

func TestOpen_MadeByALaterVersion(t *testing.T) {
	onEachStore(t, func(t *testing.T, k kind) {
		srv := newService(t)
		e := srv.open(t, k)
		later := len(migrations) + 1
		change(t, e, insertMigration, later, 1)
		change(t, e, updateOldest, later, len(migrations))
		again, err := k.tryOpen(t.Context(), srv.client, srv.receiver)
		require.NoError(t, err, "the later version lets this one work on")
		require.NoError(t, again.Close())

		change(t, e, updateOldest, later, later)
		_, err = k.tryOpen(t.Context(), srv.client, srv.receiver)
		require.ErrorContains(t, err, "this one is too old to use them")
	})
}

// TestAbortedTransaction: PostgreSQL answers the commit of a transaction in
// which something has failed without an error.
func TestAbortedTransaction(t *testing.T) {
	t.Parallel()
	k := kind{pool: testPool(t, databaseURL()), schema: testSchema(t)}
	e := newService(t).open(t, k, idle)
	for _, failing := range []*statement{nonsense,
		query(func(row) error { return nil }, `SELECT 1 / (count(*) - count(*)) FROM {references}`)} {
		require.Error(t, e.store.write(t.Context(), func(tx transaction) error {
			_ = tx.run(t.Context(), insertReferenceOf("a"), failing) // as a caller that overlooks it
			return nil
		}))
		assert.Empty(t, read[string](t, e, `SELECT reference FROM {references}`))
	}
}

// TestIntake_OneIsRefused: one delivery that the store does not take does not
// use up the others' patience.
func TestIntake_OneIsRefused(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		refused := errors.New("refused")
		in := (&Engine{config: &config{patience: time.Minute}, store: &sqliteStore{}}).newIntake()
		in.commit = func(ctx context.Context, batch []*delivery) error {
			for _, d := range batch {
				if d.runID == "poison" {
					return refused
				}
			}
			return ctx.Err()
		}
		begun := time.Now()
		var batch []*groupMember[*delivery]
		for _, run := range []string{"poison", "good", "good"} {
			batch = append(batch, &groupMember[*delivery]{item: &delivery{runID: run}, arrived: begun})
		}
		errs := in.commitAll(t.Context(), batch)
		require.ErrorIs(t, errs[0], refused)
		require.NoError(t, errs[1])
		require.NoError(t, errs[2])
		assert.Equal(t, in.patience, time.Since(begun))
	})
}

// TestRetention_Overwrites: what is deleted from a SQLite file cannot be read
// from it any more.
func TestRetention_Overwrites(t *testing.T) {
	t.Parallel()
	srv := newService(t)
	var now clock
	k := kind{sqlite: t.TempDir() + "/helios.db"}
	e := srv.open(t, k, idle, now.option, WithRetention(time.Hour))
	for i := range 20 {
		body := eventBody(fmt.Sprint("run-", i), "completed", 7)
		body = append(body[:len(body)-1], []byte(`,"more":"`+strings.Repeat(secretValue+" ", 1000)+`"}`)...)
		require.Equal(t, http.StatusOK, srv.deliver(t, e, "", body))
	}
	change(t, e, `UPDATE {events} SET state = 'handled', settled_at = 1`)
	sweepNow(t, e)
	require.NoError(t, e.Close())
	content, err := os.ReadFile(k.sqlite)
	require.NoError(t, err)
	assert.NotContains(t, string(content), secretValue)
}

func TestKey_JSON(t *testing.T) {
	t.Parallel()
	b, err := json.Marshal(Key{ID: "k1", Secret: []byte("0123456789abcdef")})
	require.NoError(t, err)
	assert.JSONEq(t, `{"ID":"k1"}`, string(b))
}
