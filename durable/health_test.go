package durable

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/heliosai/helios-go"
)

// TestHealth: it says what keeps a webhook or a submission from working.
func TestHealth(t *testing.T) {
	onEachStore(t, func(t *testing.T, k kind) {
		srv := newService(t)
		e := srv.open(t, k)
		e.HandleFunc(nothing)
		require.ErrorIs(t, e.Health(t.Context()), ErrNotRunning)
		require.NotErrorIs(t, e.Health(t.Context()), helios.ErrUnavailable, "webhooks can be received")
		stop := run(t, e)
		eventually(t, func() bool {
			return e.Health(t.Context()) == nil
		}, func() string { return fmt.Sprint(e.Health(t.Context())) })
		stop()
		require.ErrorIs(t, e.Health(t.Context()), ErrNotRunning)

		e.store = readOnlyStore{e.store}
		require.ErrorIs(t, e.Health(t.Context()), helios.ErrUnavailable)
	})
}

// TestHealth_RefusedKey: a key that the service refuses is told.
func TestHealth_RefusedKey(t *testing.T) {
	onEachStore(t, func(t *testing.T, k kind) {
		srv := newService(t)
		client, err := helios.NewClient(helios.WithAPIKey("sk_live_wrong"), helios.WithBaseURL(srv.URL),
			helios.WithWebhookURL(srv.hook.URL))
		require.NoError(t, err)
		t.Cleanup(client.CloseIdleConnections)
		e := k.open(t, client, srv.receiver)
		e.HandleFunc(nothing)
		run(t, e)
		_, err = e.SubmitLabResults(t.Context(), "k", labs())
		require.NoError(t, err)
		eventually(t, func() bool {
			return errors.Is(e.Health(t.Context()), ErrPaused)
		}, func() string { return "nothing is told" })
		assert.ErrorContains(t, e.Health(t.Context()),
			"lab-results: Helios answered 401 Unauthorized: the API key was refused")
	})
}

// TestHealth_ReadOnly: PostgreSQL that takes no writes, a replica say, is
// found.
func TestHealth_ReadOnly(t *testing.T) {
	t.Parallel()
	k := kind{pool: testPool(t, databaseURL()), schema: testSchema(t)}
	srv := newService(t)
	srv.open(t, k)
	cfg := k.pool.Config()
	cfg.ConnConfig.RuntimeParams["default_transaction_read_only"] = "on"
	writing := k
	e := writing.open(t, srv.client, srv.receiver)
	pg, ok := e.store.(*postgresStore)
	require.True(t, ok)
	pg.pool = poolOf(t, cfg)
	require.ErrorIs(t, e.Health(t.Context()), helios.ErrUnavailable)
}

// readOnlyStore takes no writes.
type readOnlyStore struct{ store }

func (readOnlyStore) write(context.Context, func(transaction) error) error {
	return errors.New("attempt to write a readonly database")
}

func TestStatusCode(t *testing.T) {
	t.Parallel()
	for want, errs := range map[int][]error{
		200: {nil},
		400: {&helios.ValidationError{}, checkKey(""), invalid("limit", "is wrong")},
		404: {ErrNotFound, fmt.Errorf("%w: k", ErrNotFound), helios.ErrNoResult},
		409: {ErrKeyConflict, ErrState},
		410: {ErrDeleted},
		503: {&storeError{cause: errConnection}, helios.ErrUnavailable, &codecError{cause: errConnection}},
		500: {ErrUndecodable, errConnection, &codecError{cause: ErrUndecodable}},
	} {
		for _, err := range errs {
			assert.Equal(t, want, StatusCode(err), "%v", err)
		}
	}
}
