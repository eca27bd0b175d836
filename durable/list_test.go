package durable

import (
	"encoding/json"
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/heliosai/helios-go"
)

// keysOf walks through all pages.
func keysOf(t *testing.T, e *Engine, filter Filter) []string {
	t.Helper()
	var keys []string
	for {
		page, err := e.Submissions(t.Context(), filter)
		require.NoError(t, err)
		if len(page) == 0 {
			return keys
		}
		for _, s := range page {
			keys = append(keys, s.Key)
		}
		filter.After = page[len(page)-1].Key
	}
}

func TestSubmissions(t *testing.T) {
	onEachStore(t, func(t *testing.T, k kind) {
		srv := newService(t)
		e := srv.open(t, k, idle)
		for i := range 12 {
			_, err := e.SubmitLabResults(t.Context(), fmt.Sprintf("k%02d", i), labs())
			require.NoError(t, err)
			_, err = e.SubmitAgent(t.Context(), fmt.Sprintf("r%02d", i), record())
			require.NoError(t, err)
		}
		for _, key := range []string{"k03", "r05"} {
			require.NoError(t, e.Cancel(t.Context(), key))
		}

		assert.Len(t, keysOf(t, e, Filter{Limit: 7}), 24)
		assert.Len(t, keysOf(t, e, Filter{State: Queued, Limit: 5}), 22)
		assert.Equal(t, []string{"k03", "r05"}, keysOf(t, e, Filter{State: Canceled, Limit: 1}))
		assert.Len(t, keysOf(t, e, Filter{Agent: "deep"}), 12)
		assert.Equal(t, []string{"r05"}, keysOf(t, e, Filter{Agent: "deep", State: Canceled}))
		assert.Empty(t, keysOf(t, e, Filter{State: Unknown}))
		assert.Empty(t, keysOf(t, e, Filter{After: "z"}))

		page, err := e.Submissions(t.Context(), Filter{State: Canceled})
		require.NoError(t, err)
		full, err := e.Status(t.Context(), "k03")
		require.NoError(t, err)
		assert.Equal(t, *full, page[0])

		for _, filter := range []Filter{{Limit: -1}, {Limit: 1001}, {State: "lost"}} {
			_, err := e.Submissions(t.Context(), filter)
			var invalid *helios.ValidationError
			require.ErrorAs(t, err, &invalid)
		}
	})
}

// TestSubmission_Encoded: fields have names of their own, what has not happened
// is left out, and so is whatever may be health data.
func TestSubmission_Encoded(t *testing.T) {
	t.Parallel()
	s := Submission{Key: "k", Agent: "deep", State: Queued, Message: secretValue,
		Event: &helios.Event{Raw: []byte(secretValue)}}
	encoded, err := json.Marshal(s)
	require.NoError(t, err)
	assert.JSONEq(t, `{"key":"k","agent":"deep","state":"queued","attempts":0,"createdAt":"0001-01-01T00:00:00Z"}`,
		string(encoded))
}
