package durable

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/heliosai/helios-go"
)

func TestSubmitToResult(t *testing.T) {
	onEachStore(t, func(t *testing.T, k kind) {
		srv := newService(t)
		e := srv.open(t, k)
		var handled calls
		e.HandleFunc(handled.handle)
		run(t, e)

		s, err := e.SubmitLabResults(t.Context(), "order-4711", labs())
		require.NoError(t, err)
		assert.Equal(t, "order-4711", s.Key)
		assert.Equal(t, Queued, s.State)
		_, err = e.SubmitAgent(t.Context(), "order-4712", record())
		require.NoError(t, err)

		s = waitFor(t, e, "order-4711", Completed)
		result, err := s.Result()
		require.NoError(t, err)
		require.Len(t, result.LabResults, 1)
		assert.Equal(t, secretValue, result.LabResults[0].Value)
		assert.Equal(t, helios.StatusCompleted, s.Event().Status)
		assert.Equal(t, 1, s.Attempts)
		waitFor(t, e, "order-4712", Completed)
		eventually(t, func() bool { return len(handled.finals()) == 2 }, func() string { return "not handled" })
		assert.Equal(t, map[string]int{"order-4711": 1, "order-4712": 1}, handled.finals())
		assert.Len(t, srv.Runs(), 2)
	})
}
