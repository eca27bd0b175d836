package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/heliosai/helios-go"
	"github.com/heliosai/helios-go/heliostest"
)

func parseEvent(t *testing.T, raw []byte) *helios.Event {
	t.Helper()
	event, err := helios.ParseEvent(raw)
	require.NoError(t, err)
	return event
}

func TestArchive_EachEventHasItsOwnFile(t *testing.T) {
	t.Parallel()
	events, err := newArchive(t.TempDir())
	require.NoError(t, err)

	names := map[string]bool{}
	for _, raw := range [][]byte{
		heliostest.CompletedEvent("r-1"),
		heliostest.CompletedEvent("r-2"),
		heliostest.ErrorEvent("r-1", "a"),
		heliostest.CompletedEvent("../../etc/passwd"),
		heliostest.CompletedEvent(".."),
		heliostest.CompletedEvent("a:b\x00\n"),
	} {
		name, err := events.save(parseEvent(t, raw))
		require.NoError(t, err)
		assert.Equal(t, events.dir, filepath.Dir(name))
		names[name] = true

		kept, err := os.ReadFile(name)
		require.NoError(t, err)
		assert.Equal(t, string(raw), string(kept))
	}
	assert.Len(t, names, 6)
}

func TestArchive_NeverOverwrites(t *testing.T) {
	t.Parallel()
	events, err := newArchive(t.TempDir())
	require.NoError(t, err)
	event := parseEvent(t, heliostest.CompletedEvent("r-1"))

	name, err := events.save(event)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(name, []byte("by hand"), 0o600))
	again, err := events.save(event)
	require.NoError(t, err)

	assert.Equal(t, name, again)
	kept, err := os.ReadFile(name)
	require.NoError(t, err)
	assert.Equal(t, "by hand", string(kept))
}

func TestArchive_SaysThatItCannotSave(t *testing.T) {
	t.Parallel()
	events, err := newArchive(t.TempDir())
	require.NoError(t, err)
	events.removeIfEmpty()

	_, err = events.save(parseEvent(t, heliostest.CompletedEvent("r-1")))
	assert.ErrorIs(t, err, os.ErrNotExist)

	_, err = newArchive(filepath.Join(t.TempDir(), "missing"))
	assert.ErrorIs(t, err, os.ErrNotExist)
}
