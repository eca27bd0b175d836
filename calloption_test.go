package helios_test

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/heliosai/helios-go"
)

func TestCallTimeout(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		client []helios.ClientOption
		call   []helios.CallOption
		left   time.Duration // 0: not bounded
	}{
		"the client's without it": {[]helios.ClientOption{helios.WithTimeout(time.Minute)}, nil, time.Minute},
		"shorter":                 {nil, []helios.CallOption{helios.CallTimeout(time.Second)}, time.Second},
		"longer":                  {nil, []helios.CallOption{helios.CallTimeout(time.Hour)}, time.Hour},
		"none":                    {nil, []helios.CallOption{helios.CallTimeout(0)}, 0},
		"the later one wins": {
			nil, []helios.CallOption{helios.CallTimeout(1), helios.CallTimeout(time.Hour)}, time.Hour,
		},
		"a nil option changes nothing": {nil, []helios.CallOption{nil, helios.CallTimeout(time.Hour), nil}, time.Hour},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				var left time.Duration
				client := newClient(t, "https://api.example", append(tt.client,
					withTransport(func(req *http.Request) (*http.Response, error) {
						if deadline, ok := req.Context().Deadline(); ok {
							left = time.Until(deadline)
						}
						return answer(200, acceptedBody)(req)
					}))...)
				require.NoError(t, submitLabs(t, client, tt.call...))
				assert.Equal(t, tt.left, left)
			})
		})
	}
}

func TestCallTimeout_BoundsEachAttempt(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		attempts := 0
		client := newClient(t, "https://api.example", quickly(),
			withTransport(func(req *http.Request) (*http.Response, error) {
				attempts++
				<-req.Context().Done() // nothing was read, so nothing was sent
				return nil, req.Context().Err()
			}))
		start := time.Now()
		err := submitLabs(t, client, helios.CallTimeout(time.Minute), helios.CallMaxRetries(2))
		require.ErrorIs(t, err, context.DeadlineExceeded)
		assert.Equal(t, 3, attempts)
		assert.GreaterOrEqual(t, time.Since(start), 3*time.Minute)
	})
}

func TestCallMaxRetries(t *testing.T) {
	t.Parallel()
	for retries, call := range map[int][]helios.CallOption{
		3: nil,
		0: {helios.CallMaxRetries(0)},
		1: {helios.CallMaxRetries(1)},
		7: {helios.CallMaxRetries(0), helios.CallMaxRetries(7)},
	} {
		attempts := 0
		client := newClient(t, "https://api.example", quickly(), withTransport(answering(&attempts, refusedDial)))
		require.ErrorIs(t, submitLabs(t, client, call...), errRefused)
		assert.Equal(t, retries+1, attempts)
		attempts = 0
		require.ErrorIs(t, postNothing(t, client, call...), errRefused)
		assert.Equal(t, retries+1, attempts)
	}
}

func TestCallHeader(t *testing.T) {
	t.Parallel()
	var seen []http.Header
	client := newClient(t, "https://api.example", quickly(),
		withTransport(func(req *http.Request) (*http.Response, error) {
			seen = append(seen, req.Header.Clone())
			if len(seen) == 1 {
				return refusedDial(req)
			}
			return answer(200, acceptedBody)(req)
		}))
	require.NoError(t, submitLabs(t, client,
		helios.CallHeader("x-tenant", "a"), helios.CallHeader("X-TENANT", "b"), helios.CallHeader("X-Empty", "")))
	require.NoError(t, submitLabs(t, client))
	require.NoError(t, postNothing(t, client, helios.CallHeader("X-Note", "a note ~")))

	require.Len(t, seen, 4)
	for _, header := range seen[:2] {
		assert.Equal(t, []string{"a", "b"}, header.Values("X-Tenant"), "with each attempt")
		assert.Equal(t, []string{""}, header.Values("X-Empty"))
		assert.Equal(t, testKey, header.Get("X-Api-Key"))
		assert.Equal(t, "application/json", header.Get("Content-Type"))
	}
	assert.NotContains(t, seen[2], "X-Tenant", "of its call only")
	assert.Equal(t, "a note ~", seen[3].Get("X-Note"))
}

// TestCallOptions_Refused: a bad option ends the call before anything is sent.
func TestCallOptions_Refused(t *testing.T) {
	t.Parallel()
	client := newClient(t, "https://api.example", sendsNothing(t))
	tests := map[string]struct {
		option helios.CallOption
		text   string
	}{
		"negative timeout": {helios.CallTimeout(-1), "helios: CallTimeout: negative duration"},
		"negative retries": {helios.CallMaxRetries(-1), "helios: CallMaxRetries: negative number"},
		"no header name":   {helios.CallHeader("", "secret"), "helios: CallHeader: the key is not a header name"},
		"a name with a space": {
			helios.CallHeader("X secret", "secret"), "helios: CallHeader: the key is not a header name",
		},
		"a name with a colon": {
			helios.CallHeader(":path", "secret"), "helios: CallHeader: the key is not a header name",
		},
		"a name with a line break": {
			helios.CallHeader("X-A: b\r\nX-Api-Key", "secret"), "helios: CallHeader: the key is not a header name",
		},
		"a name beyond ASCII": {
			helios.CallHeader("X-Größe", "secret"), "helios: CallHeader: the key is not a header name",
		},
		"a value with a line break": {
			helios.CallHeader("x-a", "secret\r\nX-Api-Key: b"), "helios: CallHeader: X-A: not a header value",
		},
		"a value beyond ASCII": {helios.CallHeader("X-A", "secret é"), "helios: CallHeader: X-A: not a header value"},
	}
	for _, name := range []string{
		"X-Api-Key", "Idempotency-Key", "X-Idempotency-Key", "Accept", "Content-Type", "User-Agent", "Cookie",
		"Authorization", "Host", "Content-Length", "Transfer-Encoding", "Content-Encoding", "Accept-Encoding",
		"Connection", "Keep-Alive", "Proxy-Connection", "Proxy-Authorization", "Te", "Trailer", "Upgrade", "Expect",
	} {
		for _, spelling := range []string{name, strings.ToLower(name), strings.ToUpper(name)} {
			tests[spelling] = struct {
				option helios.CallOption
				text   string
			}{helios.CallHeader(spelling, "secret"), "helios: CallHeader: " + name + ": cannot be set by a call"}
		}
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			err := submitLabs(t, client, helios.CallHeader("X-Good", "secret"), tt.option)
			require.EqualError(t, err, tt.text)
			assertErrorHides(t, err, "secret")
			require.EqualError(t, postNothing(t, client, tt.option), tt.text)
		})
	}
}
