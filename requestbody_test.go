package helios

import (
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestRequestBody(t *testing.T) {
	t.Parallel()
	const text = "0123456789"
	for name, tt := range map[string]struct {
		length int64
		read   int
		whole  bool
	}{
		"nothing was read":                     {10, 0, false},
		"all but a byte was read":              {10, 9, false},
		"all was read, its end was not":        {10, 10, true},
		"of unknown length, its end was not":   {-1, 10, false},
		"of unknown length, to its end":        {-1, 11, true},
		"the first byte of an unknown length":  {-1, 1, false},
		"a length of zero says nothing either": {0, 1, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			body := new(requestBody)
			req := &http.Request{Body: io.NopCloser(strings.NewReader(text)), ContentLength: tt.length}
			body.watch(req, func() bool { return true })
			for range tt.read { // a byte at a time
				_, _ = req.Body.Read(make([]byte, 1))
			}

			assert.Equal(t, tt.whole, body.wasRead())
			assert.Equal(t, tt.whole, body.seal())
			_, err := req.Body.Read(make([]byte, 1))
			assert.ErrorIs(t, err, errSealed)
			assert.Nil(t, req.GetBody, "there was none")
		})
	}
}

func TestRequestBody_Again(t *testing.T) {
	t.Parallel()
	gone := errors.New("gone")
	body, again, failure := new(requestBody), true, error(nil)
	req := &http.Request{Body: http.NoBody, ContentLength: 2, GetBody: func() (io.ReadCloser, error) {
		return io.NopCloser(strings.NewReader("ab")), failure
	}}
	body.watch(req, func() bool { return again })

	second, err := req.GetBody()
	require.NoError(t, err)
	_, err = io.ReadFull(second, make([]byte, 2))
	require.NoError(t, err)
	assert.True(t, body.wasRead(), "whoever reads it")

	failure = gone
	_, err = req.GetBody()
	require.ErrorIs(t, err, gone)
	again = false
	_, err = req.GetBody()
	require.ErrorIs(t, err, errReplayed)
}
