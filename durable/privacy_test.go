package durable

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/heliosai/helios-go"
	"github.com/heliosai/helios-go/heliostest"
)

// TestEncryptedAtRest: with a codec, nothing of a body can be found in the
// store; and keys can be rotated while runs are out.
func TestEncryptedAtRest(t *testing.T) {
	onEachStore(t, func(t *testing.T, k kind) {
		srv := newService(t)
		srv.Inject(heliostest.FailRun("cannot read " + secretValue))
		srv.Inject(heliostest.Status(http.StatusBadRequest))
		e := srv.open(t, k, WithCodec(newCodec(t, oldKey)))
		e.HandleFunc(nothing)
		stop := run(t, e)
		for _, key := range []string{"failed", "refused", "ok"} {
			_, err := e.SubmitLabResults(t.Context(), key, labs(key))
			require.NoError(t, err)
			eventually(t, func() bool {
				s, err := e.Status(t.Context(), key)
				return err == nil && !s.EndedAt.IsZero()
			}, func() string { return key })
		}
		require.NoError(t, srv.Wait(t.Context()))
		stop()
		s, err := e.Status(t.Context(), "ok")
		require.NoError(t, err)
		result, err := s.Result()
		require.NoError(t, err)
		assert.Equal(t, secretValue, result.LabResults[0].Value)

		for _, text := range storedBytes(t, e) {
			assert.NotContains(t, string(text), secretValue)
			assert.NotContains(t, string(text), "injected by the test",
				"what the service wrote may repeat what was sent")
			assert.NotContains(t, string(text), "Creatinine")
		}
		if k.sqlite != "" {
			for _, suffix := range []string{"", "-wal"} {
				file, err := os.ReadFile(k.sqlite + suffix)
				require.NoError(t, err)
				assert.NotContains(t, string(file), secretValue)
			}
		}

		rotated := srv.open(t, k, WithCodec(newCodec(t, newKey, oldKey)))
		s, err = rotated.Status(t.Context(), "failed")
		require.NoError(t, err)
		assert.Equal(t, "cannot read "+secretValue, s.Message)
		s, err = rotated.Status(t.Context(), "refused")
		require.NoError(t, err)
		assert.Equal(t, "injected by the test", s.Message)
		s, err = rotated.SubmitLabResults(t.Context(), "ok", labs("ok"))
		require.NoError(t, err)
		assert.Equal(t, Completed, s.State, "the same content under another key")

		without := srv.open(t, k, WithCodec(newCodec(t, newKey)), WithMaxAttempts(1))
		_, err = without.Status(t.Context(), "ok")
		require.ErrorIs(t, err, ErrUndecodable)
		assert.NotContains(t, err.Error(), secretValue)
	})
}

// TestUndecodable: an event whose key is lost ends where it can be found; a
// request waits for a process that has the key.
func TestUndecodable(t *testing.T) {
	onEachStore(t, func(t *testing.T, k kind) {
		srv := newService(t)
		e := srv.open(t, k, WithCodec(newCodec(t, oldKey)))
		require.Equal(t, http.StatusOK, srv.deliver(t, e, "", eventBody("run-1", "completed", 9)))
		_, err := e.SubmitLabResults(t.Context(), "k", labs())
		require.NoError(t, err)

		lost := srv.open(t, k, WithCodec(newCodec(t, newKey)), WithMaxAttempts(1))
		lost.HandleFunc(nothing)
		stop := run(t, lost)
		var s *Submission
		eventually(t, func() bool {
			s, err = lost.Status(t.Context(), "k")
			return err == nil && s.Reason != ""
		}, func() string { return "not tried" })
		assert.Equal(t, Queued, s.State)
		assert.Contains(t, s.Reason, "cannot be decoded")
		assert.Empty(t, srv.Requests())
		eventually(t, func() bool {
			s, err := lost.Stats(t.Context())
			return err == nil && s.DeadLetters == 1
		}, func() string { return "no dead letter" })
		stop()
		e.HandleFunc(nothing)
		srv.handler.set(e.WebhookHandler())
		run(t, e)
		waitFor(t, e, "k", Completed)
	})
}

// TestRetention: what was handled goes, what is to be known stays.
func TestRetention(t *testing.T) {
	onEachStore(t, func(t *testing.T, k kind) {
		srv := newService(t)
		var now clock
		e := srv.open(t, k, idle, now.option, WithRetention(24*time.Hour))
		e.HandleFunc(nothing)
		run(t, e)
		_, err := e.SubmitLabResults(t.Context(), "k", labs())
		require.NoError(t, err)
		s := waitFor(t, e, "k", Completed)
		require.NoError(t, srv.Wait(t.Context()))
		eventually(t, func() bool {
			s, err := e.Stats(t.Context())
			return err == nil && s.PendingEvents == 0
		}, func() string { return "events wait" })
		change(t, e, `UPDATE {events} SET state = 'dead' WHERE sequence_number = 1`)

		now.forward(23 * time.Hour)
		sweepNow(t, e)
		_, err = e.Status(t.Context(), "k")
		require.NoError(t, err)
		assert.NotEmpty(t, bodies(t, e))

		now.forward(2 * time.Hour)
		sweepNow(t, e)
		assert.Len(t, bodies(t, e), 1, "a dead letter's")
		after, err := e.Status(t.Context(), "k")
		require.NoError(t, err)
		assert.Equal(t, Completed, after.State)
		assert.Equal(t, s.RunID, after.RunID)
		assert.Nil(t, after.Event)
		_, err = after.Result()
		require.ErrorIs(t, err, ErrDeleted)

		again, err := e.SubmitLabResults(t.Context(), "k", labs())
		require.NoError(t, err)
		assert.Equal(t, Completed, again.State)
		_, err = e.SubmitLabResults(t.Context(), "k", labs("140"))
		require.ErrorIs(t, err, ErrKeyConflict)
		final := eventBody(s.RunID, "completed", 9)
		require.Equal(t, http.StatusOK, srv.deliver(t, e, "", final))
		assert.Len(t, read[int64](t, e, `SELECT id FROM {events} WHERE run_id = $1 AND final = 1`, s.RunID), 1,
			"a duplicate is known for ever")
		assert.Len(t, srv.Runs(), 1)
	})
}

func bodies(t *testing.T, e *Engine) [][]byte {
	t.Helper()
	return append(read[[]byte](t, e, `SELECT body FROM {events} WHERE body IS NOT NULL`),
		read[[]byte](t, e, `SELECT request FROM {submissions} WHERE request IS NOT NULL`)...)
}

// storedBytes reads all that the tables hold of bodies.
func storedBytes(t *testing.T, e *Engine) [][]byte {
	t.Helper()
	all := bodies(t, e)
	for _, sql := range []string{
		`SELECT message FROM {submissions} WHERE message IS NOT NULL`, `SELECT digest FROM {submissions}`,
		`SELECT reason FROM {submissions}`, `SELECT discriminator FROM {events}`,
	} {
		all = append(all, read[[]byte](t, e, sql)...)
	}
	return all
}

// TestNothingLeaks: logs, errors, River's tables and what types print hold
// nothing of a body.
func TestNothingLeaks(t *testing.T) {
	onEachStore(t, func(t *testing.T, k kind) {
		var logged bytes.Buffer
		srv := newService(t)
		srv.Inject(heliostest.FailRun("cannot read " + secretValue))
		srv.Inject(heliostest.Status(http.StatusBadRequest))
		srv.Inject(heliostest.Status(http.StatusServiceUnavailable))
		srv.Inject(heliostest.Status(http.StatusUnauthorized))
		srv.Inject(heliostest.DropAnswer())
		e := srv.open(t, k, WithMaxAttempts(2), WithLogger(slog.New(slog.NewJSONHandler(&locked{w: &logged},
			&slog.HandlerOptions{Level: slog.LevelDebug}))))
		e.HandleFunc(func(ctx context.Context, ev *helios.Event) error {
			return fmt.Errorf("%s: %w", ev.Raw,
				errHandler)
		})
		stop := run(t, e)
		var submissions []*Submission
		for i := range 6 {
			key := fmt.Sprint("order-", i)
			_, err := e.SubmitLabResults(t.Context(), key, labs(key))
			require.NoError(t, err)
			eventually(t, func() bool {
				s, err := e.Status(t.Context(), key)
				if err != nil || s.State != Unknown && s.EndedAt.IsZero() {
					return false
				}
				submissions = append(submissions, s)
				return true
			}, func() string { return key })
		}
		eventually(t, func() bool {
			s, err := e.Stats(t.Context())
			return err == nil && s.PendingEvents == 0
		}, func() string { return "events wait" })
		stop()

		hidden := []string{secretValue, "Creatinine", srv.APIKey, srv.WebhookSecret, "injected by the test"}
		shown := logged.String()
		for _, text := range read[[]byte](t, e, riverTexts(k)) {
			shown += string(text)
		}
		for _, s := range submissions {
			encoded, err := json.Marshal(s)
			require.NoError(t, err)
			shown += fmt.Sprintf("%v %+v %#v %s", s, *s, s, s.LogValue()) + string(encoded) + s.Reason
		}
		shown += fmt.Sprintf("%v %+v %#v %s", e, e, e, e.LogValue())
		assert.Contains(t, shown, "submission accepted")
		for _, text := range hidden {
			assert.NotContains(t, shown, text)
		}
	})
}
