package helios_test

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/heliosai/helios-go"
)

func TestClient_Do(t *testing.T) {
	t.Parallel()
	t.Run("encodes and decodes", func(t *testing.T) {
		t.Parallel()
		server := newRecorder(t, 201, `{"name":"x"}`)
		client := newClient(t, server.URL+"/base")
		var out struct{ Name string }
		resp, err := client.Do(t.Context(), "PUT", "/api/v1/things/a%2Fb", struct {
			Page int      `url:"page"`
			Tags []string `url:"tag"`
		}{2, []string{"a b", "c&d"}}, map[string]int{"n": 1}, &out)
		require.NoError(t, err)

		assert.Equal(t, "PUT", server.method)
		assert.Equal(t, "/base/api/v1/things/a%2Fb?page=2&tag=a+b&tag=c%26d", server.uri)
		assert.JSONEq(t, `{"n":1}`, string(server.body))
		assert.Equal(t, "x", out.Name)
		assert.Equal(t, 201, resp.StatusCode)
		assert.Equal(t, `{"name":"x"}`, string(resp.Body))
		assert.Equal(t, helios.Concurrency{Limit: 7, Active: 3, Remaining: 4}, resp.Concurrency)
		assert.Equal(t, "7", resp.Header.Get("X-Concurrent-Limit"))
	})
	t.Run("without body and answer", func(t *testing.T) {
		t.Parallel()
		server := newRecorder(t, 204, "")
		var out any
		resp, err := newClient(t, server.URL).Do(t.Context(), "DELETE", "/api/v1/things/1", nil, nil, &out)
		require.NoError(t, err)
		assert.Equal(t, 204, resp.StatusCode)
		assert.Empty(t, server.body)
		assert.NotContains(t, server.header, "Content-Type")
		assert.Nil(t, out)
	})
	t.Run("an answer of another shape", func(t *testing.T) {
		t.Parallel()
		client := newClient(t, newRecorder(t, 200, `[]`).URL)
		var out struct{}
		_, err := client.Do(t.Context(), "POST", "/a", nil, nil, &out)
		require.ErrorIs(t, err, helios.ErrOutcomeUnknown)
		_, err = client.Do(t.Context(), "GET", "/a", nil, nil, &out)
		var api *helios.APIError
		require.ErrorAs(t, err, &api)
		require.NotErrorIs(t, err, helios.ErrOutcomeUnknown)
	})
	t.Run("a submission without a body may have arrived", func(t *testing.T) {
		t.Parallel()
		server := newSocketServer(t, func(c *socketConn) { c.read() })
		require.ErrorIs(t, postNothing(t, newClient(t, server.url)), helios.ErrOutcomeUnknown)
		assert.EqualValues(t, 1, server.whole.Load())
	})
}

func TestClient_Do_Refuses(t *testing.T) {
	t.Parallel()
	client := newClient(t, "https://api.example", sendsNothing(t))
	for _, path := range []string{
		"", "api", "https://evil.example/", "//evil.example/x", "/a?b=secret", "/a#secret", "/a/../b", "/%2e%2e/b",
		"/./a", "/%zz", "/a\nsecret",
	} {
		_, err := client.Do(t.Context(), "GET", path, nil, nil, nil)
		require.ErrorContains(t, err, "helios: path", path)
		assertErrorHides(t, err, "secret")
	}

	_, err := client.Do(t.Context(), "GET", "/a", "no struct", nil, nil)
	require.EqualError(t, err, "helios: query: cannot be encoded")
	_, err = client.Do(t.Context(), "POST", "/a", nil, func() {}, nil)
	require.ErrorContains(t, err, "helios: encode request")
	_, err = client.Do(nil, "POST", "/a", nil, nil, nil) //nolint:staticcheck // nil is what is tested
	require.EqualError(t, err, "helios: nil context")
}

func TestClient_Do_AcceptsEveryUpperCaseMethod(t *testing.T) {
	t.Parallel()
	for method, ok := range map[string]bool{
		"GET": true, "PATCH": true, "AZ": true,
		"": false, "get": false, "G@T": false, "G[T": false, "GET ": false, "BAD METHOD": false,
	} {
		var sent string
		client := newClient(t, "https://api.example",
			withTransport(func(req *http.Request) (*http.Response, error) {
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

func TestClient_Do_GETIsSentAgainWhereASubmissionIsNot(t *testing.T) {
	t.Parallel()
	for name, first := range map[string]roundTrip{
		"502": answer(502, ""), "503": answer(503, ""), "504": answer(504, ""),
		"broken": brokenAfterWrite, "half an answer": halfAnswer,
	} {
		attempts := 0
		client := newClient(t, "https://api.example", quickly(),
			withTransport(answering(&attempts, first, answer(200, ""))))
		_, err := client.Do(t.Context(), "GET", "/a", nil, nil, nil)
		require.NoError(t, err, name)
		assert.Equal(t, 2, attempts, name)
	}
	for text, only := range map[string]roundTrip{
		"helios: GET /a: 500 Internal Server Error": answer(500, ""),
		"helios: GET /a: 303 See Other":             answer(303, ""),
	} {
		attempts := 0
		client := newClient(t, "https://api.example", withTransport(answering(&attempts, only)))
		_, err := client.Do(t.Context(), "GET", "/a", nil, nil, nil)
		require.EqualError(t, err, text)
		assert.Equal(t, 1, attempts)
	}
}
