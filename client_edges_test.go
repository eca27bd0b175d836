package helios_test

import (
	"context"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/heliosai/helios-go"
)

func TestWithHTTPClient_WithoutATimeoutKeepsTheDefault(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var left time.Duration
		client := newClient(t, "https://api.example", withTransport(func(req *http.Request) (*http.Response, error) {
			deadline, ok := req.Context().Deadline()
			require.True(t, ok, "an attempt is bounded")
			left = time.Until(deadline)
			return answer(200, acceptedBody)(req)
		}))
		_, err := client.LabResults.Submit(t.Context(), labs())
		require.NoError(t, err)
		assert.Equal(t, 30*time.Second, left)
	})
}

func TestWithHTTPClient_CookiesStayWithTheirCall(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	var seen []string
	note := transportFunc(func(req *http.Request) (*http.Response, error) {
		mu.Lock()
		seen = append(seen, req.Header.Get("Cookie"))
		mu.Unlock()
		return answer(200, acceptedBody)(req)
	})
	with := newClient(t, "https://api.example", helios.WithHTTPClient(&http.Client{Transport: note, Jar: jar{}}))
	without := newClient(t, "https://api.example", withTransport(note))
	for _, client := range []*helios.Client{with, with, without} {
		_, err := client.LabResults.Submit(t.Context(), labs())
		require.NoError(t, err)
	}
	assert.Equal(t, []string{"a=b", "a=b", ""}, seen)
}

func TestClient_Do_AcceptsEveryUpperCaseMethod(t *testing.T) {
	t.Parallel()
	for method, ok := range map[string]bool{
		"GET": true, "PATCH": true, "AZ": true, "": false, "get": false, "G@T": false, "G[T": false, "GET ": false,
	} {
		var sent string
		client := newClient(t, "https://api.example", withTransport(func(req *http.Request) (*http.Response, error) {
			sent = req.Method
			return answer(200, "")(req)
		}))
		_, err := client.Do(t.Context(), method, "/a", nil, nil, nil)
		if ok {
			require.NoError(t, err, method)
			assert.Equal(t, method, sent)
		} else {
			require.ErrorContains(t, err, "helios: method", method)
			assert.Empty(t, sent)
		}
	}
}

func TestSubmit_ContextThatEndsWhileTheKeyIsFetchedSendsNothing(t *testing.T) {
	t.Parallel()
	server := newRecorder(t, 200, acceptedBody)
	ctx, cancel := context.WithCancel(t.Context())
	client := newClient(t, server.URL, helios.WithAPIKeySource(func(context.Context) (string, error) {
		cancel()
		return testKey, nil
	}))
	_, err := client.LabResults.Submit(ctx, labs())
	require.ErrorIs(t, err, context.Canceled)
	require.NotErrorIs(t, err, helios.ErrOutcomeUnknown, "no connection was asked for")
	assert.Empty(t, server.method)
}
