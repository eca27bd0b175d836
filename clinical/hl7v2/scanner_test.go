package hl7v2

import (
	"errors"
	"io"
	"runtime"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// scanAll returns the segments of an input as text.
func scanAll(t *testing.T, r io.Reader) []string {
	t.Helper()
	s := newScanner(r)
	var all []string
	for {
		seg, err := s.next()
		if errors.Is(err, io.EOF) {
			return all
		}
		require.NoError(t, err)
		switch {
		case seg.stray:
			all = append(all, "stray")
		case seg.tooLarge:
			all = append(all, "too large")
		case seg.attachment != "":
			all = append(all, seg.attachment)
		case seg.kind == "":
			all = append(all, "other")
		default:
			all = append(all, string(seg.data))
		}
	}
}

func TestScanner(t *testing.T) {
	t.Parallel()
	const head = "MSH|^~\\&|A"
	tests := map[string]struct {
		in   string
		want []string
	}{
		"empty":            {"", nil},
		"only line breaks": {"\r\n\r\n\x1c\r", nil},
		"carriage returns": {head + "\rPID|1\rOBX|1\r", []string{head, "PID|1", "OBX|1"}},
		"line feeds":       {head + "\nPID|1\nOBX|1", []string{head, "PID|1", "OBX|1"}},
		"both":             {head + "\r\nPID|1\r\n\r\nOBX|1\r\n", []string{head, "PID|1", "OBX|1"}},
		"mixed":            {head + "\rPID|1\nOBX|1\r\nOBX|2", []string{head, "PID|1", "OBX|1", "OBX|2"}},
		"framed": {"\x0b" + head + "\rPID|1\r\x1c\r\x0b" + head + "\rPID|2\x1c\r",
			[]string{head, "PID|1", head, "PID|2"}},
		"byte order marks": {"\xef\xbb\xbf" + head + "\r\n\xef\xbb\xbf" + head, []string{head, head}},
		"indented":         {"  " + head + "\n  PID|1\n\tOBX|1", []string{head, "PID|1", "OBX|1"}},
		"batch": {"FHS|^~\\&\rBHS|^~\\&\r" + head + "\rPID|1\rBTS|1\rFTS|1\r",
			[]string{"other", "other", head, "PID|1", "other", "other"}},
		"trailer of another batch": {"MSH*^~\\&*A\rOBX*1\rBTS|1\rFTS|1",
			[]string{"MSH*^~\\&*A", "OBX*1", "other", "other"}},
		"small letters": {head + "\rpid|1\rNte|1\robx|1|NM",
			[]string{head, "pid|1", "other", "obx|1|NM"}},
		"small letters in a text": {head + "\rNTE|1||one\nsee|x\rOBX|1", []string{head, "other", "OBX|1"}},
		"bare trailers":           {head + "\rBTS\rFTS\r", []string{head, "other", "other"}},
		"line break in a text": {head + "\rOBX|1|TX|T||one\ntwo|||N\rOBX|2",
			[]string{head, "OBX|1|TX|T||one\ntwo|||N", "OBX|2"}},
		"empty line in a text": {head + "\rOBX|1|TX|T||one\n\nTwo words|||N\rOBX|2",
			[]string{head, "OBX|1|TX|T||one\n\nTwo words|||N", "OBX|2"}},
		"line break in what is skipped": {head + "\rNTE|1||one\ntwo\nthree\rOBX|2", []string{head, "other", "OBX|2"}},
		"other separator": {"MSH*^~\\&*A\rPID*1\rOBX|1\rOBX*2",
			[]string{"MSH*^~\\&*A", "PID*1\rOBX|1", "OBX*2"}},
		"separator changes": {head + "\rOBX|1\rMSH*^~\\&*A\rOBX*1",
			[]string{head, "OBX|1", "MSH*^~\\&*A", "OBX*1"}},
		"junk before":      {"Subject: results\nX|Y\n" + head, []string{"stray", head}},
		"only junk":        {"<html>\n<body>", []string{"stray"}},
		"JSON":             {`{"resourceType": "Bundle"}`, []string{"stray"}},
		"unknown segments": {head + "\rZXY|1\rSFT|A\rOBX|1", []string{head, "other", "other", "OBX|1"}},
		"documents": {head + "\rOBX|1|ED|A||X\rOBX|2|RP|A||X\rOBX|3| ed^x|A||X\rOBX|4|EDX|A",
			[]string{head, "ED", "RP", "ED", "OBX|4|EDX|A"}},
		"only a name": {"MSH", []string{"stray"}},
		"cut short":   {head + "\rOBX|1|NM|A||5", []string{head, "OBX|1|NM|A||5"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			assert.Equal(t, test.want, scanAll(t, strings.NewReader(test.in)))
			assert.Equal(t, test.want, scanAll(t, iotest.OneByteReader(strings.NewReader(test.in))), "byte by byte")
			assert.Equal(t, test.want, scanAll(t, iotest.DataErrReader(strings.NewReader(test.in))),
				"data with the end")
		})
	}
}

func TestScannerGrowsForASegment(t *testing.T) {
	t.Parallel()
	long := "OBX|1|ST|A||" + strings.Repeat("x", maxSegment-len("OBX|1|ST|A||"))
	got := scanAll(t, strings.NewReader("MSH|^~\\&\r"+long+"\rOBX|2\r"+long+"x\rOBX|4"))
	require.Len(t, got, 5)
	assert.Equal(t, maxSegment, len(got[1]))
	assert.Equal(t, "OBX|2", got[2])
	assert.Equal(t, []string{"too large", "OBX|4"}, got[3:], "one byte more")
}

// repeated reads a text again and again.
type repeated struct {
	head, text string
	left       int
}

func (r *repeated) Read(p []byte) (int, error) {
	if r.head != "" {
		n := copy(p, r.head)
		r.head = r.head[n:]
		return n, nil
	}
	if r.left <= 0 {
		return 0, io.EOF
	}
	n := 0
	for n < len(p) && r.left > 0 {
		c := copy(p[n:], r.text)
		n, r.left = n+c, r.left-c
	}
	return n, nil
}

func TestScannerMemoryIsBounded(t *testing.T) {
	const size = 16 << 20
	tests := map[string]struct{ head, text string }{
		"document":          {"MSH|^~\\&\rOBX|1|ED|A||^^^Base64^", "QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVo="},
		"note":              {"MSH|^~\\&\rNTE|1||", "abcdefghijklmnopqrstuvwxyz "},
		"text":              {"MSH|^~\\&\rOBX|1|TX|A||", "abcdefghijklmnopqrstuvwxyz "},
		"header":            {"MSH|^~\\&|", "abcdefghijklmnopqrstuvwxyz "},
		"lines of a text":   {"MSH|^~\\&\rOBX|1|TX|A||", "abcdefghijklmnopqrstuvwxyz\n"},
		"no message":        {"", "abcdefghijklmnopqrstuvwxyz\n"},
		"no line":           {"", "abcdefghijklmnopqrstuvwxyz "},
		"empty lines":       {"MSH|^~\\&\rOBX|1|TX|A||x", "\r\n\r\n\r\n"},
		"separators":        {"MSH|^~\\&\rOBX|1|TX|A||", "||||||||"},
		"spaces and breaks": {"MSH|^~\\&\rOBX|1|TX|A||x", "   \r   \n\x0b\x1c"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			scanAll(t, &repeated{test.head, test.text, size})
			runtime.ReadMemStats(&after)
			assert.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(8<<20))
		})
	}
}

func TestScannerErrors(t *testing.T) {
	t.Parallel()
	broken := errors.New("broken")
	t.Run("of the reader", func(t *testing.T) {
		t.Parallel()
		s := newScanner(io.MultiReader(strings.NewReader("MSH|^~\\&\rOBX|1\rOBX|2|cut sh"), iotest.ErrReader(broken)))
		for _, want := range []string{"MSH|^~\\&", "OBX|1"} {
			seg, err := s.next()
			require.NoError(t, err)
			assert.Equal(t, want, string(seg.data))
		}
		_, err := s.next()
		assert.ErrorIs(t, err, broken, "a segment that may be cut short is not given")
		_, err = s.next()
		assert.ErrorIs(t, err, broken)
	})
	t.Run("no progress", func(t *testing.T) {
		t.Parallel()
		_, err := newScanner(nothing{}).next()
		assert.ErrorIs(t, err, io.ErrNoProgress)
	})
}

type nothing struct{}

func (nothing) Read([]byte) (int, error) { return 0, nil }
