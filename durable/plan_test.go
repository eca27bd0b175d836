package durable

import (
	"context"
	"database/sql"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/heliosai/helios-go"
)

// TestSQLitePlans explains every statement that SQLite was given with arguments
// while the engine did all that it can. None may read through a table that
// grows with what was ever submitted.
func TestSQLitePlans(t *testing.T) {
	t.Parallel()
	s := newService(t)
	k := kind{sqlite: testFile(t)}
	engine, err := OpenSQLite(t.Context(), k.sqlite, s.client, s.receiver, quick, idle,
		WithRetention(time.Millisecond), WithSpendLimit(1000, time.Hour), WithMaxAttempts(1))
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, engine.Close()) })
	s.handler.set(engine.WebhookHandler())
	doAll(t, s, engine.Engine)

	explained := 0
	for text := range preparedTexts(t, engine.store) {
		if !strings.Contains(text, "helios_") {
			continue // River's
		}
		explained++
		subqueries := map[string]bool{}
		for _, step := range explain(t, engine.store, text) {
			words := strings.Fields(step)
			switch {
			case words[0] == "CO-ROUTINE" || words[0] == "MATERIALIZE":
				subqueries[words[1]] = true
			case words[0] == "SCAN" && !subqueries[words[1]] && growing(words[1]) && !strings.Contains(step, "USING"),
				strings.Contains(step, "(rowid>") || strings.Contains(step, "(rowid<"):
				assert.Fail(t, "it reads through a table", "%s\n%s", step, text)
			}
		}
	}
	assert.Greater(t, explained, 50)
}

// growing reports whether a name in a plan may be a table that grows.
func growing(name string) bool {
	switch name {
	case "helios_agents", "helios_workers", "helios_sweeps", "helios_settings", "helios_migrations", "CONSTANT",
		"a", "w", "g":
		return false
	}
	return true
}

// doAll calls everything that runs statements, and sweeps.
func doAll(t *testing.T, s *service, e *Engine) {
	t.Helper()
	ctx := t.Context()
	e.HandleFunc(func(_ context.Context, ev *helios.Event) error {
		if ev.Status == helios.StatusError {
			return errHandler
		}
		return nil
	})
	e.HandleEnd(func(context.Context, *Submission) error { return nil })
	run(t, e)
	_, err := e.SubmitLabResults(ctx, "completed", labs("1"))
	require.NoError(t, err)
	_, err = e.SubmitAgent(ctx, "deep", record())
	require.NoError(t, err)
	waitFor(t, e, "completed", Completed)
	waitFor(t, e, "deep", Completed)

	require.NoError(t, e.Pause(ctx, agentLabResults))
	_, err = e.SubmitLabResults(ctx, "canceled", labs("2"))
	require.NoError(t, err)
	_, err = e.SubmitLabResults(ctx, "canceled", labs("2"))
	require.NoError(t, err)
	require.NoError(t, e.Cancel(ctx, "canceled"))
	require.NoError(t, e.Resume(ctx, agentLabResults))
	require.ErrorIs(t, e.Resolve(ctx, "completed", Resubmit), ErrState)
	require.ErrorIs(t, e.Resolve(ctx, "completed", Fail), ErrState)

	require.Equal(t, 200, s.deliver(t, e, "", eventBody("dead", helios.StatusError, 1)))
	var letters []DeadLetter
	eventually(t, func() bool {
		letters, err = e.DeadLetters(ctx, 0, 10)
		return err == nil && len(letters) == 1
	}, func() string { return "no dead letter" })
	require.NoError(t, e.Replay(ctx, letters[0].ID))

	for _, filter := range []Filter{{}, {State: Queued}, {Agent: "deep"}, {State: Completed, Agent: "deep"}} {
		_, err = e.Submissions(ctx, filter)
		require.NoError(t, err)
	}
	require.NoError(t, e.Health(ctx))
	sweepNow(t, e)
	eventually(t, func() bool { return !errors.Is(e.Forget(ctx, "completed"), ErrState) },
		func() string { return "its events still wait" })
}

// preparedTexts returns the statements that the store's connections keep.
func preparedTexts(t *testing.T, s *sqliteStore) map[string]bool {
	t.Helper()
	texts := map[string]bool{}
	for _, db := range []*sql.DB{s.db, s.readers} {
		var held []*sql.Conn // all at once: else the same one would come again
		for range db.Stats().OpenConnections {
			conn, err := db.Conn(t.Context())
			require.NoError(t, err)
			held = append(held, conn)
			require.NoError(t, conn.Raw(func(c any) error {
				for text := range c.(*preparedConn).statements {
					texts[text] = true
				}
				return nil
			}))
		}
		for _, conn := range held {
			require.NoError(t, conn.Close())
		}
	}
	return texts
}

// explain returns the steps of a statement's plan.
func explain(t *testing.T, s *sqliteStore, text string) []string {
	t.Helper()
	args := make([]any, 0, 9)
	for n := 1; n <= 9 && strings.Contains(text, "?"+string(rune('0'+n))); n++ {
		args = append(args, 1)
	}
	rows, err := s.db.QueryContext(t.Context(), "EXPLAIN QUERY PLAN "+text, args...)
	require.NoError(t, err, text)
	defer rows.Close()
	var steps []string
	for rows.Next() {
		var id, parent, unused int
		var step string
		require.NoError(t, rows.Scan(&id, &parent, &unused, &step))
		steps = append(steps, step)
	}
	require.NoError(t, rows.Err())
	return steps
}
