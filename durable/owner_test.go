package durable

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/heliosai/helios-go"
)

// TestAccount: a store is not opened with another account's name or address
// while something is under way.
func TestAccount(t *testing.T) {
	onEachStore(t, func(t *testing.T, k kind) {
		srv, elsewhere := newService(t), newService(t)
		first := srv.open(t, k, idle)
		srv.open(t, k, idle, WithAccount("clinic-a")) // the first that gives a name
		_, err := first.SubmitLabResults(t.Context(), "k", labs())
		require.NoError(t, err)

		_, err = k.tryOpen(t.Context(), srv.client, srv.receiver, WithAccount("clinic-b"))
		require.ErrorIs(t, err, ErrOtherAccount)
		require.EqualError(t, err,
			ErrOtherAccount.Error()+`: account "clinic-a", not "clinic-b"; see WithAccount`)
		_, err = k.tryOpen(t.Context(), srv.client, srv.receiver)
		require.ErrorIs(t, err, ErrOtherAccount)
		_, err = k.tryOpen(t.Context(), elsewhere.client, srv.receiver, WithAccount("clinic-a"))
		require.ErrorIs(t, err, ErrOtherAccount)
		require.ErrorContains(t, err, "base URL "+srv.URL)

		require.NoError(t, first.Cancel(t.Context(), "k"))
		moved := elsewhere.open(t, k, idle, WithAccount("clinic-a"))
		_, err = moved.SubmitLabResults(t.Context(), "k2", labs())
		require.NoError(t, err)
		_, err = k.tryOpen(t.Context(), srv.client, srv.receiver, WithAccount("clinic-a"))
		require.ErrorIs(t, err, ErrOtherAccount)
		require.NotErrorIs(t, err, helios.ErrUnavailable)
	})
}
