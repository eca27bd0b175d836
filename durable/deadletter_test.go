package durable

import (
	"context"
	"net/http"
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/heliosai/helios-go"
)

// TestDeadLetter_Failure: a dead letter says how its handler has failed, and
// nothing of what it wrote. Replay forgets it.
func TestDeadLetter_Failure(t *testing.T) {
	onEachStore(t, func(t *testing.T, k kind) {
		for want, handler := range map[FailureKind]func(context.Context) error{
			FailureError: func(context.Context) error { return errHandler },
			FailurePanic: func(context.Context) error { panic(secretValue) },
			FailureGoexit: func(context.Context) error {
				runtime.Goexit()
				return nil
			},
			FailureDeadline: func(ctx context.Context) error {
				<-ctx.Done()
				return errHandler
			},
			FailureUndecodable: nil,
			FailureCrash:       nil,
		} {
			t.Run(string(want), func(t *testing.T) {
				srv := newService(t)
				k := k.another(t)
				told := make(chan FailureKind, 1)
				opts := []Option{idle, WithMaxAttempts(1), WithHandlerErrors(func(_ context.Context, f HandlerFailure) {
					told <- f.Kind
				})}
				if want == FailureDeadline {
					opts = append(opts, WithHandlerTimeout(time.Second))
				}
				e := srv.open(t, k, opts...)
				require.Equal(t, http.StatusOK, srv.deliver(t, e, "", eventBody("run-1", "completed", 7)))
				switch want {
				case FailureUndecodable:
					change(t, e, `UPDATE {events} SET body = $1`, []byte("not JSON"))
				case FailureCrash:
					change(t, e, `UPDATE {events} SET attempts = 1`)
					change(t, e, `DELETE FROM {river_job}`)
					sweepNow(t, e)
				default: // the handler makes it
				}
				e.HandleFunc(func(ctx context.Context, _ *helios.Event) error { return handler(ctx) })
				run(t, e)

				var letters []DeadLetter
				var err error
				eventually(t, func() bool {
					letters, err = e.DeadLetters(t.Context(), 0, 10)
					return err == nil && len(letters) == 1
				}, func() string { return "no dead letter" })
				assert.Equal(t, want, letters[0].Failure)
				if want != FailureCrash {
					assert.Equal(t, want, <-told)
				}

				e.HandleFunc(nothing)
				if want != FailureUndecodable {
					require.NoError(t, e.Replay(t.Context(), letters[0].ID))
					assert.Equal(t, []string{""}, read[string](t, e, `SELECT coalesce(failure, '') FROM {events}`))
				}
			})
		}
	})
}
