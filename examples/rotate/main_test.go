package main

import (
	"bytes"
	"errors"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestRotate(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	require.NoError(t, rotate(t.Context(), &out))

	assert.Regexp(t, `the old one, revoked: helios: .*401 Unauthorized`, out.String())
	assert.Contains(t, out.String(), "the new one: accepted\n")
	assert.Regexp(t, `before +200 +401\n +in between +200 +200\n +after +401 +200\n$`, out.String())
}

func TestOutputThatIsLostIsAnError(t *testing.T) {
	t.Parallel()
	assert.EqualError(t, rotate(t.Context(), fullDisk{}), "cannot print: no space left")
}

type fullDisk struct{}

func (fullDisk) Write([]byte) (int, error) { return 0, errors.New("no space left") }
