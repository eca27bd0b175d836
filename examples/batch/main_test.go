package main

import (
	"bytes"
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestEveryOrderIsPaidOnceAndCompleted(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	require.NoError(t, demonstrate(t.Context(), &out))

	assert.Contains(t, out.String(), "Orders: 100, of which completed: 100, failed: 0. Runs paid: 100.\n")
	assert.Contains(t, out.String(), "\norder-021: the answer was lost, but a webhook shows that run ")
	assert.Contains(t, out.String(), "turned away by a 429: 1. Unknown outcomes resolved by a webhook: 1.\n")
}

func TestInterrupted(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	out := writerFunc(func(p []byte) (int, error) {
		if bytes.Contains(p, []byte(" 20 of 100")) {
			cancel()
		}
		return len(p), nil
	})
	assert.ErrorIs(t, demonstrate(ctx, out), context.Canceled)
}

func TestOutputThatIsLostIsAnError(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct{ failsAt, want string }{
		"from the start": {"Sending", "nothing was submitted, because nothing can be printed: no space left"},
		"on the way":     {" 20 of 100", "the report could not be printed: no space left"},
		"at the end":     {"Orders:", "the report could not be printed: no space left"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			full := false
			out := writerFunc(func(p []byte) (int, error) {
				full = full || bytes.Contains(p, []byte(tt.failsAt))
				if full {
					return 0, errors.New("no space left")
				}
				return len(p), nil
			})
			assert.EqualError(t, demonstrate(t.Context(), out), tt.want)
		})
	}
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }
