package helios

import (
	"bytes"
	"errors"
	"io"
	"math"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestReadBounded(t *testing.T) {
	t.Parallel()
	errBroken := errors.New("broken pipe")
	large := strings.Repeat("0123456789abcdef", 3<<16) // 3 MiB, beyond the megabyte that is allocated on trust
	text := func(s string) io.Reader { return strings.NewReader(s) }
	broken := iotest.ErrReader(errBroken)
	oneByte := func(s string) io.Reader { return iotest.OneByteReader(text(s)) }
	withEnd := func(s string) io.Reader { return iotest.DataErrReader(text(s)) }
	for name, c := range map[string]struct {
		reader       io.Reader
		length, most int64
		want         string
		err          error
	}{
		"empty":                             {text(""), 0, 8, "", nil},
		"empty of unknown length":           {text(""), -1, 8, "", nil},
		"length as announced":               {text("abcd"), 4, 8, "abcd", nil},
		"longer than announced":             {text("abcdefgh"), 2, 8, "abcdefgh", nil},
		"shorter than announced":            {text("ab"), 8, 8, "ab", nil},
		"unknown length":                    {text("abcd"), -1, 8, "abcd", nil},
		"exactly at the limit":              {text("abcdefgh"), 8, 8, "abcdefgh", nil},
		"at the limit, of unknown length":   {text("abcdefgh"), -1, 8, "abcdefgh", nil},
		"at the limit, byte by byte":        {oneByte("abcdefgh"), -1, 8, "abcdefgh", nil},
		"at the limit, end with the data":   {withEnd("abcdefgh"), 8, 8, "abcdefgh", nil},
		"one beyond":                        {text("abcdefghi"), -1, 8, "abcdefgh", ErrBodyTooLarge},
		"one beyond, announced less":        {text("abcdefghi"), 3, 8, "abcdefgh", ErrBodyTooLarge},
		"one beyond, end with the data":     {withEnd("abcdefghi"), 9, 8, "abcdefgh", ErrBodyTooLarge},
		"far beyond, byte by byte":          {oneByte(large), -1, 8, large[:8], ErrBodyTooLarge},
		"announced without bounds":          {text("ab"), math.MaxInt64, math.MaxInt64, "ab", nil},
		"large":                             {text(large), int64(len(large)), 16 << 20, large, nil},
		"large, of unknown length":          {iotest.HalfReader(text(large)), -1, 16 << 20, large, nil},
		"an error at once":                  {iotest.ErrReader(errBroken), 4, 8, "", errBroken},
		"an error later keeps what came":    {io.MultiReader(text("ab"), broken), 4, 8, "ab", errBroken},
		"an endless body ends at the limit": {endless{}, -1, 8, "zzzzzzzz", ErrBodyTooLarge},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := readBounded(c.reader, c.length, c.most)
			assert.Equal(t, c.want, string(got))
			assert.ErrorIs(t, err, c.err)
			most := max(1<<20+64<<10, 2*len(c.want))
			assert.LessOrEqual(t, cap(got), most, "memory follows what arrives, not what is announced")
		})
	}
}

type endless struct{}

func (endless) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = 'z'
	}
	return len(p), nil
}

// stutter gives at most n bytes at a time, now and then none, and its end with
// or after the last of them.
type stutter struct {
	data    []byte
	n       int
	calls   int
	endLate bool
	end     error
}

func (s *stutter) Read(p []byte) (int, error) {
	if s.calls++; s.calls%3 == 0 {
		return 0, nil
	}
	n := copy(p[:min(len(p), s.n)], s.data)
	s.data = s.data[n:]
	if len(s.data) == 0 && (n == 0 || !s.endLate) {
		return n, s.end
	}
	return n, nil
}

func FuzzReadBounded(f *testing.F) {
	event := []byte(`{"runId":"550e8400-e29b-41d4-a716-446655440000","status":"completed"}`)
	f.Add(event, int64(70), int64(16<<20), uint8(255), false, false)
	f.Add([]byte("abcdefgh"), int64(-1), int64(8), uint8(1), true, false)
	f.Add([]byte("abcdefghi"), int64(math.MaxInt64), int64(8), uint8(3), false, false)
	f.Add([]byte(""), int64(math.MinInt64), int64(math.MaxInt64), uint8(0), true, true)
	f.Add(bytes.Repeat([]byte("x"), 5000), int64(512), int64(4999), uint8(200), true, true)
	errBroken := errors.New("broken pipe")
	f.Fuzz(func(t *testing.T, data []byte, length, most int64, chunk uint8, endLate, broken bool) {
		if most <= 0 {
			most = 1 - max(most, -1<<20) // WithMaxBodySize takes positive numbers only
		}
		end := io.EOF
		if broken {
			end = errBroken
		}
		got, err := readBounded(&stutter{data: data, n: int(chunk) + 1, endLate: endLate, end: end}, length, most)
		require.LessOrEqual(t, int64(len(got)), most)
		require.LessOrEqual(t, cap(got), max(1<<20+64<<10, 4*len(data)+1024))
		if int64(len(data)) > most {
			require.ErrorIs(t, err, ErrBodyTooLarge)
			require.Equal(t, string(data[:most]), string(got))
			return
		}
		require.Equal(t, string(data), string(got))
		if broken {
			require.ErrorIs(t, err, errBroken)
		} else {
			require.NoError(t, err)
		}
	})
}
