package hl7v2

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/heliosai/helios-go/clinical"
)

// lost returns how many OBX of an input are read, and neither sent nor
// reported.
func lost(in []byte) (int, error) {
	r := newReader(bytes.NewReader(in), &Options{}, true)
	observations, others := 0, 0
	for {
		seg, err := r.scan.next()
		if errors.Is(err, io.EOF) {
			break
		}
		before, wasSkipped := r.report.Dropped(), r.skipped
		isResult := seg.kind == "OBX" && !r.skipped && r.message > 0
		if isResult {
			observations++
		}
		if seg.kind == "MSH" {
			if r.untyped && r.obxs == 0 {
				others++
			}
			r.endMessage()
			before = r.report.Dropped()
		}
		if err := r.segment(seg); err != nil {
			return 0, err
		}
		if isResult && r.skipped { // the message is refused, which is one entry
			observations--
		}
		if seg.stray || r.skipped && !wasSkipped && seg.kind != "MSH" {
			others++
			continue
		}
		if seg.kind == "MSH" || seg.kind == "OBR" && seg.tooLarge {
			others += r.report.Dropped() - before // entries that are about no result
		}
	}
	if r.untyped && r.obxs == 0 {
		others++
	}
	r.endMessage()
	sent := 0
	if len(r.patients) > 0 {
		if req, err := r.patients[0].request(r.opts); err == nil {
			sent = len(req.LabResults)
		}
	}
	return observations - sent - (r.report.Dropped() - others), nil
}

func FuzzNothingIsLost(f *testing.F) {
	const head = "MSH|^~\\&|||||||ORU\rPID|1||7\rOBR|1||F8|1^P^L|||20240305\r"
	for _, in := range []string{
		head + "OBX|1|NM|1^T^L||5|g|1-9|H|||F\rOBX|2|ST|1^T^L||x||||||C\rOBX|3|ED|1^T^L||x\r" +
			"OBX|4|NM|1^T^L||5|g|||||W\rOBX|5||||||\r",
		head + strings.Repeat("OBX|1|NM|1^T^L||5|g|1-9|H|||F\r", 300),
		head + "OBX|1|TX|1^T^L||one\rOBX|1|TX|1^T^L||two\rSPM|1||||||||||Q\rOBX\r" +
			"ZZZ|1\rMSH|^~\\&|||||||ADT\rOBX|1\rjunk",
		"junk\r" + head + head,
		"MSH|^~\\&|||||||\rPID|1||7\rMSH|^~\\&|||||||\rPID|1||7\rOBX|1|NM|1^T^L||5\rOBR|1\rOBX|2|NM|1^T^L||5\r",
		strings.Replace(head, "|7", "|7"+strings.Repeat("|", 32)+"DOG", 1) + "OBX|1|NM|1^T^L||5|g",
		head + "OBX|1|ED|1^T^L||x||||||C\rOBX|2|NM|1^T^L||5|g\rOBX|3|NM|X^\x83|^L||5\rOBX|3|NM|1^T^L||5\r",
	} {
		f.Add([]byte(in))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		if n, err := lost(in); err == nil && n != 0 {
			t.Fatalf("%d results are neither sent nor reported", n)
		}
	})
}

func TestBoundsWithinAMessage(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	b.WriteString("MSH|^~\\&|||||||ORU\rPID|1||7\r")
	for i := range 3 * maxPending {
		b.WriteString("OBR|1||F" + strings.Repeat("8", i%7) +
			"|1^P^L|||20240305\rOBX|1|ST|1^T^L||Negative||||||F\rOBX|2|CE|2^U^L||1^Yes^L||||||F\rSPM|1||||||||||Q\r")
	}
	in := b.String()
	r := newReader(strings.NewReader(in), &Options{}, true)
	require.NoError(t, r.all())
	assert.Equal(t, 6*maxPending, r.report.Count(clinical.QualityControl))
	assert.LessOrEqual(t, cap(r.pending), 2*maxPending)
	assert.LessOrEqual(t, len(r.parents), maxParents)
}

func TestIdentifiersOfAPatientAreBounded(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	for i := range 100 {
		b.WriteString("MSH|^~\\&|||||||ORU\rPID|1||7~" + strings.Repeat("x", i+1) + "~" +
			strings.Repeat("y", 1000+i) + "||A^B||19700101\rOBX|1|NM|1^T^L||5|g||N|||F\r")
	}
	r := newReader(strings.NewReader(b.String()), &Options{}, true)
	require.NoError(t, r.all())
	assert.Len(t, r.patients, 1)
	assert.LessOrEqual(t, len(r.byID), maxIDs+1)
	assert.Len(t, r.patients[0].messages, 1)
}

// endless writes a message with ever different results.
type endless struct {
	buf  []byte
	n    int
	left int
}

func (e *endless) Read(p []byte) (int, error) {
	if e.left <= 0 {
		return 0, io.EOF
	}
	for len(e.buf) < len(p) {
		e.n++
		e.buf = fmt.Appendf(e.buf,
			"OBR|%d||F%d|1^P^L|||20240305\rOBX|1|NM|%d^Test %d^L|%d|%d|g|1-9|H|||F|||%d0305\r"+
				"OBX|2|ST|N%d^Note^L||text %d||||||F\r", e.n, e.n, e.n, e.n, e.n,
			e.n, 1900+e.n%100, e.n, e.n)
	}
	n := copy(p, e.buf)
	e.buf = append(e.buf[:0], e.buf[n:]...)
	e.left -= n
	return n, nil
}

func TestMemoryOfManyResultsIsBounded(t *testing.T) {
	r := newReader(io.MultiReader(strings.NewReader("MSH|^~\\&|||||||ORU\rPID|1||7\r"), &endless{left: 4 << 20}),
		&Options{}, true)
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	require.NoError(t, r.all())
	runtime.GC()
	runtime.ReadMemStats(&after)
	assert.Less(t, int64(after.HeapAlloc)-int64(before.HeapAlloc), int64(8<<20))
	t.Logf("%d results, %d bytes kept", r.added, int64(after.HeapAlloc)-int64(before.HeapAlloc))
	req, err := r.patients[0].request(r.opts)
	require.NoError(t, err)
	assert.Len(t, req.LabResults, 200)
}
