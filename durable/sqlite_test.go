package durable

import (
	"context"
	"database/sql"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/heliosai/helios-go"
)

// TestSQLite_FileGone: with the file moved, deleted or replaced while it was
// open, webhooks were answered with 200 and lost, and Health was nil.
func TestSQLite_FileGone(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		file string
		gone func(t *testing.T, path string)
	}{
		"moved":        {"", move},
		"deleted":      {"", remove},
		"log moved":    {"-wal", move},
		"log deleted":  {"-wal", remove},
		"replaced":     {"", replace},
		"log replaced": {"-wal", replace},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			srv := newService(t)
			k := kind{sqlite: testFile(t)}
			e := srv.open(t, k)
			require.Equal(t, http.StatusOK, srv.deliver(t, e, "", eventBody("run-1", helios.StatusCompleted, 7)))
			require.EqualError(t, e.Health(t.Context()), ErrNotRunning.Error(), "the store works")

			test.gone(t, k.sqlite+test.file)
			e.intake.patience = 10 * time.Millisecond

			answer := srv.deliver(t, e, "", eventBody("run-2", helios.StatusCompleted, 7))
			assert.Equal(t, http.StatusServiceUnavailable, answer)
			_, err := e.SubmitLabResults(t.Context(), "k", labs())
			require.ErrorIs(t, err, helios.ErrUnavailable)
			require.ErrorContains(t, err, "was moved, deleted or replaced")
			require.ErrorIs(t, e.Health(t.Context()), helios.ErrUnavailable)
		})
	}
}

func move(t *testing.T, path string)   { require.NoError(t, os.Rename(path, path+".moved")) }
func remove(t *testing.T, path string) { require.NoError(t, os.Remove(path)) }

// replace does what restoring a backup does.
func replace(t *testing.T, path string) {
	content, err := os.ReadFile(path)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(path+".new", content, 0o600))
	require.NoError(t, os.Rename(path+".new", path))
}

// TestSQLite_FileComesBack: a file that was put back is used again.
func TestSQLite_FileComesBack(t *testing.T) {
	t.Parallel()
	srv := newService(t)
	k := kind{sqlite: testFile(t)}
	e := srv.open(t, k)
	move(t, k.sqlite)
	require.Error(t, e.Health(t.Context()))
	require.NoError(t, os.Rename(k.sqlite+".moved", k.sqlite))
	require.EqualError(t, e.Health(t.Context()), ErrNotRunning.Error(), "the store works")
	assert.Equal(t, http.StatusOK, srv.deliver(t, e, "", eventBody("run-1", helios.StatusCompleted, 7)))
}

// TestSQLite_RetentionEmptiesTheLog: what was deleted stood in plain text in
// the write-ahead log until the file was closed.
func TestSQLite_RetentionEmptiesTheLog(t *testing.T) {
	t.Parallel()
	srv := newService(t)
	k := kind{sqlite: testFile(t)}
	e := srv.open(t, k, idle, WithRetention(time.Hour))
	for i := range 20 {
		body := eventBody(fmt.Sprint("run-", i), helios.StatusCompleted, 7)
		body = append(body[:len(body)-1], []byte(`,"more":"`+strings.Repeat(secretValue+" ", 100)+`"}`)...)
		require.Equal(t, http.StatusOK, srv.deliver(t, e, "", body))
	}
	files := func() string {
		var all strings.Builder
		for _, suffix := range []string{"", "-wal"} {
			content, err := os.ReadFile(k.sqlite + suffix)
			require.NoError(t, err)
			all.Write(content)
		}
		return all.String()
	}
	require.Contains(t, files(), secretValue)
	change(t, e, `UPDATE {events} SET state = 'handled', settled_at = 1`)

	// A reader keeps the log from being emptied. The next sweep does it.
	reader, err := e.store.(*sqliteStore).readers.BeginTx(t.Context(), &sql.TxOptions{ReadOnly: true})
	require.NoError(t, err)
	var count int
	require.NoError(t, reader.QueryRowContext(t.Context(), `SELECT count(*) FROM helios_events`).Scan(&count))
	sweepNow(t, e)
	require.NoError(t, reader.Rollback())
	sweepNow(t, e)

	assert.NotContains(t, files(), secretValue)
	assert.Equal(t, http.StatusOK, srv.deliver(t, e, "", eventBody("run-new", helios.StatusCompleted, 7)))
}

// TestSQLite_MethodWithoutTxInsideInTx: it waited for ever.
func TestSQLite_MethodWithoutTxInsideInTx(t *testing.T) {
	t.Parallel()
	srv := newService(t)
	e, err := OpenSQLite(t.Context(), testFile(t), srv.client, srv.receiver)
	require.NoError(t, err)
	defer func() { require.NoError(t, e.Close()) }()
	err = e.InTx(t.Context(), func(*sql.Tx) error {
		e.store.turnTimeout = 10 * time.Millisecond
		defer func() { e.store.turnTimeout = turnTimeout }()
		_, err := e.SubmitLabResults(t.Context(), "k", labs())
		return err
	})
	require.ErrorIs(t, err, helios.ErrUnavailable)
	require.ErrorContains(t, err, "a method of the engine that takes no tx waits for InTx itself")

	require.NoError(t, e.InTx(t.Context(), func(tx *sql.Tx) error {
		_, err := e.SubmitLabResultsTx(t.Context(), tx, "k", labs())
		return err
	}))
}

// TestSQLite_AnotherProcessWrites: a transaction waits for that of another
// process, as long as its context lets it.
func TestSQLite_AnotherProcessWrites(t *testing.T) {
	t.Parallel()
	srv := newService(t)
	k := kind{sqlite: testFile(t)}
	e, other := srv.open(t, k, idle), srv.open(t, k, idle)
	began, release, ended := make(chan struct{}), make(chan struct{}), make(chan error, 1)
	go func() {
		ended <- other.store.write(context.Background(), func(transaction) error {
			close(began)
			<-release
			return nil
		})
	}()
	<-began

	impatient, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	require.Error(t, e.beat(impatient))
	patient := make(chan error, 1)
	go func() { patient <- e.beat(context.Background()) }()
	close(release)
	require.NoError(t, <-ended)
	require.NoError(t, <-patient)
}

// TestHealth_ReadOnlyStore: Health tells of a store that cannot be written to.
func TestHealth_ReadOnlyStore(t *testing.T) {
	onEachStore(t, func(t *testing.T, k kind) {
		e := newService(t).open(t, k)
		require.EqualError(t, e.Health(t.Context()), ErrNotRunning.Error(), "the store works")
		switch s := e.store.(type) {
		case *sqliteStore:
			_, err := s.db.ExecContext(t.Context(), `PRAGMA query_only(1)`)
			require.NoError(t, err)
		case *postgresStore:
			cfg := k.pool.Config()
			cfg.ConnConfig.RuntimeParams["default_transaction_read_only"] = "on"
			s.pool.Close()
			s.pool = poolOf(t, cfg)
		}
		require.ErrorIs(t, e.Health(t.Context()), helios.ErrUnavailable)
	})
}

// TestSQLite_SettleWritesNoBody: what became of an event is written down
// without its body being written again.
func TestSQLite_SettleWritesNoBody(t *testing.T) {
	t.Parallel()
	k := kind{sqlite: testFile(t)}
	e := newService(t).open(t, k, idle)
	const size = 1 << 20
	d := deliveryOf(t, "k")
	d.body = make([]byte, size)
	require.NoError(t, e.commit(t.Context(), []*delivery{d}))
	require.NoError(t, e.store.erase(t.Context())) // the log is empty now

	job := read[int64](t, e, `SELECT job_id FROM {events}`)[0]
	id := read[int64](t, e, `SELECT id FROM {events}`)[0]
	require.NoError(t, e.settleEvent(t.Context(), &storedEvent{id: id, job: job}, eventHandled))
	assert.Equal(t, []string{eventHandled}, read[string](t, e, `SELECT state FROM {events}`))
	log, err := os.Stat(k.sqlite + "-wal")
	require.NoError(t, err)
	assert.Less(t, log.Size(), int64(size/4))
}

// TestSQLiteURL: SQLite refuses a URL with a host, for which it would take the
// drive of a path of Windows.
func TestSQLiteURL(t *testing.T) {
	t.Parallel()
	for path, want := range map[string]string{
		"/var/lib/helios.db":   "file:///var/lib/helios.db?mode=rw",
		"/var/lib/a b?#%.db":   "file:///var/lib/a%20b%3F%23%25.db?mode=rw",
		"C:/ProgramData/h.db":  "file:///C:/ProgramData/h.db?mode=rw",
		"//server/share/hs.db": "file:////server/share/hs.db?mode=rw",
	} {
		assert.Equal(t, want, sqliteURL(path, url.Values{"mode": {"rw"}}))
	}
}
