package main

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/heliosai/helios-go"
)

const (
	secret       = "whsec_bench_0123456789abcdef0123"
	eventsPerRun = 8
)

// runID looks like the service's: the runs of an index lie all over it, not at
// its end.
func runID(label string, run int) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%s %d", label, run))
	return fmt.Sprintf("%x-%x-%x-%x-%x", sum[:4], sum[4:6], sum[6:8], sum[8:10], sum[10:16])
}

// referenceOf is the reference of the submission with a key.
func referenceOf(key string) string {
	sum := sha256.Sum256([]byte(key))
	return hex.EncodeToString(sum[:16])
}

// bodies writes events like the service's. All but their first fields is made
// once.
type bodies struct{ update, final string }

func newBodies(updateSize, finalSize int) *bodies {
	b := &bodies{
		update: `"step":3,"totalSteps":8,"stepName":"Selecting relevant elements",` +
			`"data":{"selectedElements":[%s],"note":"%s"}}`,
		final: `"result":{"patientResponse":"Your results. [1]","citations":{"patient":{"1":{` +
			`"url":"https://pubmed.ncbi.nlm.nih.gov/12345678/","title":"A title",` +
			`"metadata":{"type":"pubmed"}}},"clinician":{}},"selectedElements":[%s],"clinicianResponse":"%s"}}`,
	}
	b.update = fill(b.update, updateSize-len(head(runID("", 0), 1)))
	b.final = fill(b.final, finalSize-len(head(runID("", 0), eventsPerRun)))
	return b
}

func (b *bodies) write(run string, number int) []byte {
	rest := b.update
	if number == eventsPerRun {
		rest = b.final
	}
	start := head(run, number)
	body := make([]byte, 0, len(start)+len(rest))
	return append(append(body, start...), rest...)
}

// status of the event with a number: a run ends with its last one.
func status(number int) string {
	if number == eventsPerRun {
		return helios.StatusCompleted
	}
	return "processing"
}

func head(run string, number int) string {
	return fmt.Sprintf(`{"runId":%q,"status":%q,"agent":"lab-results",`+
		`"timestamp":"2025-01-15T12:01:30.000Z","sequenceNumber":%d,`, run, status(number), number)
}

// fill fills a frame with elements, and what then lacks of size with text.
func fill(frame string, size int) string {
	const element = `{"item":"%s","category":"Laboratory Value","patient_value":"%d.%d mg/dL",` +
		`"matching_reason":"%s is outside of its reference range for the %dth time"}`
	items := []string{
		"Hemoglobin A1c", "LDL cholesterol", "Creatinine", "Potassium", "Alanine aminotransferase", "Thyrotropin",
		"Ferritin", "C-reactive protein",
	}
	var elements []string
	left := size - len(fmt.Sprintf(frame, "", ""))
	for n := 0; ; n++ {
		item := items[n*5%len(items)]
		next := fmt.Sprintf(element, item, n*37%200, n%10, item, n)
		if left -= len(next) + 1; left < 0 {
			left += len(next) + 1
			break
		}
		elements = append(elements, next)
	}
	const text = "The patient presents with values that ask for a second look. "
	return fmt.Sprintf(frame, strings.Join(elements, ","), strings.Repeat(text, 1+left/len(text))[:max(left, 0)])
}

// webhook makes a signed delivery. It does not use heliostest, which reads the
// whole body for its run id: thousands are made.
func webhook(ctx context.Context, body []byte, run, reference string) (*http.Request, error) {
	target := "/webhook/helios"
	if reference != "" {
		target += "?helios_ref=" + reference
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, target, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write(body)
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("X-Helios-Signature", "sha256="+hex.EncodeToString(mac.Sum(nil)))
	r.Header.Set("X-Helios-Timestamp", strconv.FormatInt(time.Now().Unix(), 10))
	r.Header.Set("X-Helios-Run-ID", run)
	return r, nil
}

// deliver hands a delivery to a handler as a server would, without the network.
func deliver(h http.Handler, r *http.Request) error {
	w := answer{header: http.Header{}}
	h.ServeHTTP(&w, r)
	if w.code != http.StatusOK {
		return fmt.Errorf("a webhook was answered with status %d", w.code)
	}
	return nil
}

// answer keeps the status of an answer, and nothing else of it.
type answer struct {
	header http.Header
	code   int
}

func (a *answer) Header() http.Header         { return a.header }
func (a *answer) WriteHeader(code int)        { a.code = code }
func (a *answer) Write(b []byte) (int, error) { return len(b), nil }
