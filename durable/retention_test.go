package durable

import (
	"fmt"
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/heliosai/helios-go"
	"github.com/heliosai/helios-go/heliostest"
)

// TestForget: the data of what has ended goes, dead letters included; its key
// stays used, and duplicates stay known.
func TestForget(t *testing.T) {
	onEachStore(t, func(t *testing.T, k kind) {
		srv := newService(t)
		srv.Inject(heliostest.Status(http.StatusBadRequest))
		e := srv.open(t, k, idle, WithMaxAttempts(1))
		e.HandleFunc(nothing)
		require.ErrorIs(t, e.Forget(t.Context(), "refused"), ErrNotFound)
		submit := func(key string) {
			_, err := e.SubmitLabResults(t.Context(), key, labs(key))
			require.NoError(t, err)
		}
		submit("refused")
		require.ErrorIs(t, e.Forget(t.Context(), "refused"), ErrState, "it is queued")
		stop := run(t, e)
		waitFor(t, e, "refused", Failed)
		submit("k")
		submit("other")
		s := waitFor(t, e, "k", Completed)
		waitFor(t, e, "other", Completed)
		require.NoError(t, srv.Wait(t.Context()))
		eventually(t, func() bool {
			stats, err := e.Stats(t.Context())
			return err == nil && stats.PendingEvents == 0 && stats.PendingEnds == 0
		}, func() string { return "events wait" })
		stop()
		change(t, e, `UPDATE {events} SET state = 'dead' WHERE run_id = $1 AND final = 1`, s.RunID)
		change(t, e, `UPDATE {events} SET state = 'pending' WHERE run_id = $1 AND sequence_number = 1`, s.RunID)
		require.ErrorIs(t, e.Forget(t.Context(), "k"), ErrState, "an event waits for the handler")
		change(t, e, `UPDATE {events} SET state = 'handled' WHERE run_id = $1 AND sequence_number = 1`, s.RunID)

		for _, key := range []string{"refused", "k", "k"} {
			require.NoError(t, e.Forget(t.Context(), key), key)
		}
		assert.Equal(t, []string{"other"}, read[string](t, e,
			`SELECT key FROM {submissions} WHERE request IS NOT NULL`))
		assert.Empty(t, read[string](t, e, `SELECT key FROM {submissions} WHERE message IS NOT NULL`))
		assert.Empty(t, read[int64](t, e, `SELECT id FROM {events} WHERE run_id = $1 AND body IS NOT NULL`, s.RunID))
		letters, err := e.DeadLetters(t.Context(), 0, 10)
		require.NoError(t, err)
		assert.Empty(t, letters)

		forgotten, err := e.Status(t.Context(), "k")
		require.NoError(t, err)
		assert.Equal(t, Completed, forgotten.State)
		_, err = forgotten.Result()
		require.ErrorIs(t, err, ErrDeleted)
		_, err = e.SubmitLabResults(t.Context(), "k", labs("k"))
		require.ErrorIs(t, err, ErrDeleted)
		require.NotErrorIs(t, err, helios.ErrUnavailable)
		require.ErrorIs(t, e.Resolve(t.Context(), "refused", Resubmit), ErrState, "there is nothing to send")

		final := eventBody(s.RunID, "completed", int(read[int64](t, e,
			`SELECT sequence_number FROM {events} WHERE run_id = $1 AND final = 1`, s.RunID)[0]))
		require.Equal(t, http.StatusOK, srv.deliver(t, e, "", final))
		assert.Empty(t, read[int64](t, e, `SELECT id FROM {events} WHERE run_id = $1 AND body IS NOT NULL`, s.RunID),
			"a duplicate")
		assert.Len(t, srv.Runs(), 2, fmt.Sprint(srv.Runs()))
	})
}
