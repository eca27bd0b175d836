package capture

import (
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/heliosai/helios-go"
)

func TestSaveAndLoad(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "made")
	at := time.Date(2025, time.January, 15, 12, 1, 30, 0, time.UTC)
	header := http.Header{"X-Helios-Signature": {"sha256=00"}, "Authorization": {"Bearer hidden"}, "Cookie": {"hidden"}}

	second, err := Save(dir, at.Add(time.Second), nil, http.Header{}, []byte("no\r\nevent\n"))
	require.NoError(t, err)
	event := &helios.Event{RunID: "../r 1", Status: "completed", SequenceNumber: 7}
	first, err := Save(dir, at, event, header, []byte("{}"))
	require.NoError(t, err)
	assert.Equal(t, "20250115T120130.000000000Z-___r_1-7-completed.json", filepath.Base(first))

	list, err := Load(dir)
	require.NoError(t, err)
	require.Len(t, list, 2)
	assert.Equal(t, "{}", string(list[0].Body))
	assert.Equal(t, http.Header{"X-Helios-Signature": {"sha256=00"}}, list[0].Header)
	assert.Equal(t, "no\r\nevent\n", string(list[1].Body), "byte for byte")

	if runtime.GOOS != "windows" {
		for path, mode := range map[string]os.FileMode{dir: 0o700 | os.ModeDir, first: 0o600, second: 0o600} {
			info, err := os.Stat(path)
			require.NoError(t, err)
			assert.Equal(t, mode, info.Mode(), path)
		}
	}
}

func TestSaveLeavesNothingHalf(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	require.NoError(t, os.Mkdir(filepath.Join(dir, "taken"), 0o700))

	require.Error(t, WriteFile(filepath.Join(dir, "taken"), []byte("{}")))
	require.Error(t, WriteFile(filepath.Join(dir, "nowhere", "file"), []byte("{}")))
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	assert.Len(t, entries, 1, "a temporary file is left")
}

func TestPrepare(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "a", "b")
	require.NoError(t, Prepare(dir))
	require.NoError(t, Prepare(dir), "again")
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	assert.Empty(t, entries, "the probe is left")

	file := filepath.Join(dir, "file")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	require.Error(t, Prepare(file))
	require.Error(t, Prepare(filepath.Join(file, "below")))
	require.ErrorContains(t, WriteFile(filepath.Join(dir, "nowhere", "file"), nil), filepath.Join("nowhere", "file:"),
		"the name is that of the file, not of a temporary one")
}

func TestLoadFails(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	_, err := Load(filepath.Join(dir, "nowhere"))
	require.ErrorIs(t, err, os.ErrNotExist)

	require.NoError(t, os.WriteFile(filepath.Join(dir, "a.json"), []byte("{}"), 0o600))
	list, err := Load(dir)
	require.NoError(t, err)
	assert.Empty(t, list[0].Header)

	require.NoError(t, os.WriteFile(filepath.Join(dir, "a.header"), []byte("nonsense"), 0o600))
	_, err = Load(dir)
	require.ErrorContains(t, err, "these are no header lines")
}

func TestReadHeader(t *testing.T) {
	t.Parallel()
	want := http.Header{"X-Helios-Timestamp": {"1"}, "X-Helios-Signature": {"sha256=00"}}
	const lines = "x-helios-timestamp: 1\nX-Helios-Signature: sha256=00\n"
	for name, text := range map[string]string{
		"lines":     lines,
		"CRLF":      strings.ReplaceAll(lines, "\n", "\r\n"),
		"a request": "POST /webhook HTTP/1.1\r\n" + strings.ReplaceAll(lines, "\n", "\r\n") + "\r\n",
		"an answer": "HTTP/1.1 200 OK\n" + lines,
	} {
		got, err := ReadHeader(strings.NewReader(text))
		require.NoError(t, err, name)
		assert.Equal(t, want, got, name)
	}

	_, err := ReadHeader(strings.NewReader(strings.Repeat("a", maxHeader+1)))
	require.ErrorContains(t, err, "larger than 1 MiB")
}

func FuzzReadHeader(f *testing.F) {
	f.Add("X-Helios-Timestamp: 1\r\n\r\n")
	f.Add("POST / HTTP/1.1\na: b")
	f.Fuzz(func(t *testing.T, text string) {
		header, err := ReadHeader(strings.NewReader(text))
		if err == nil {
			_ = headerText(header)
		}
	})
}
