package main

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/google/go-github/v88/github"
	"github.com/openai/openai-go/v3/option"
	"github.com/openai/openai-go/v3/webhooks"
	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
	stripe "github.com/stripe/stripe-go/v85/webhook"
	svix "github.com/svix/svix-webhooks/go"

	"github.com/heliosai/helios-go"
	"github.com/heliosai/helios-go/heliostest"
)

const secret = "whsec_bench_0123456789abcdef0123"

var errMismatch = errors.New("signature does not match")

// event is a completed event whose body has about size bytes.
func event(size int) []byte {
	const frame = `{"runId":"550e8400-e29b-41d4-a716-446655440000","status":"completed","agent":"light",` +
		`"timestamp":"2025-01-15T12:01:30.000Z","sequenceNumber":7,"result":{"selectedElements":[%s],` +
		`"patientResponse":"Your results. [1]","clinicianResponse":"The patient presents. [1]","citations":{` +
		`"patient":{"1":{"url":"https://pubmed.ncbi.nlm.nih.gov/12345678/","title":"A title",` +
		`"metadata":{"type":"pubmed"}}},"clinician":{}}}}`
	const element = `{"item":"Hemoglobin A1c","category":"Laboratory Value","patient_value":"7.2%",` +
		`"matching_reason":"Elevated HbA1c indicates suboptimal glycemic control"}`

	var elements []string
	for n := len(frame); n < size; n += len(element) {
		elements = append(elements, element)
	}

	return fmt.Appendf(nil, frame, strings.Join(elements, ","))
}

// verify measures the check of a signature with its headers, on a body in
// memory.
func verify(m *meter) error {
	receiver, err := helios.NewReceiver(helios.WithWebhookSecret(secret))
	if err != nil {
		return err
	}
	for _, size := range []int{1 << 10, 16 << 10, 64 << 10, 1 << 20} {
		body := event(size)
		candidates, err := verifiers(receiver, body)
		if err != nil {
			return err
		}
		rows, err := m.compare(candidates...)
		if err != nil {
			return err
		}

		title("Verify a signature, %d KiB", size>>10)
		for _, r := range rows {
			r.print()
		}
	}
	return nil
}

func verifiers(receiver *helios.Receiver, body []byte) ([]candidate, error) {
	now := time.Now()
	sum := hmac.New(sha256.New, []byte(secret))
	sum.Write(body)
	want := sum.Sum(nil)
	pool := sync.Pool{New: func() any { return hmac.New(sha256.New, []byte(secret)) }}
	header := heliostest.Sign(secret, body, now)

	raw := []byte(strings.Repeat("k", 32))
	sv, err := svix.NewWebhookRaw(raw)
	if err != nil {
		return nil, err
	}
	svixHeader := http.Header{"Svix-Id": {"msg_1"}, "Svix-Timestamp": {strconv.FormatInt(now.Unix(), 10)}}
	if svixHeader["Svix-Signature"], err = signed(sv.Sign("msg_1", now, body)); err != nil {
		return nil, err
	}

	std, err := standardwebhooks.NewWebhookRaw(raw)
	if err != nil {
		return nil, err
	}
	stdHeader := http.Header{"Webhook-Id": {"msg_1"}, "Webhook-Timestamp": {strconv.FormatInt(now.Unix(), 10)}}
	if stdHeader["Webhook-Signature"], err = signed(std.Sign("msg_1", now, body)); err != nil {
		return nil, err
	}

	openai := webhooks.NewWebhookService(option.WithWebhookSecret("whsec_" + base64.StdEncoding.EncodeToString(raw)))
	stripeSignature := hex.EncodeToString(stripe.ComputeSignature(now, body, secret))
	stripeHeader := fmt.Sprintf("t=%d,v1=%s", now.Unix(), stripeSignature)
	githubSignature := "sha256=" + hex.EncodeToString(want)

	var got [sha256.Size]byte
	return []candidate{
		{"pooled HMAC-SHA256 (floor)", times(func() error {
			h := pool.Get().(hash.Hash)
			h.Reset()
			h.Write(body)
			ok := hmac.Equal(h.Sum(got[:0]), want)
			pool.Put(h)
			if !ok {
				return errMismatch
			}
			return nil
		})},
		{"**helios** VerifySignature", times(func() error { return receiver.VerifySignature(body, header) })},
		{"fresh HMAC-SHA256", times(func() error {
			h := hmac.New(sha256.New, []byte(secret))
			h.Write(body)
			if !hmac.Equal(h.Sum(nil), want) {
				return errMismatch
			}
			return nil
		})},
		{"go-github ValidateSignature", times(func() error {
			return github.ValidateSignature(githubSignature, body, []byte(secret))
		})},
		{"stripe-go ValidatePayload", times(func() error {
			return stripe.ValidatePayload(body, stripeHeader, secret)
		})},
		{"svix Verify", times(func() error { return sv.Verify(body, svixHeader) })},
		{"standard-webhooks Verify", times(func() error { return std.Verify(body, stdHeader) })},
		{"openai-go VerifySignature", times(func() error { return openai.VerifySignature(body, stdHeader) })},
	}, nil
}

func signed(signature string, err error) ([]string, error) { return []string{signature}, err }
