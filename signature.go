package helios

import (
	"crypto/hmac"
	"crypto/sha256"
	"hash"
	"net/http"
	"strings"
	"sync"
	"time"
)

// The headers in net/http's canonical form, to be indexed: Get would allocate for the last.
const (
	signatureHeader = "X-Helios-Signature"
	timestampHeader = "X-Helios-Timestamp"
	runIDHeader     = "X-Helios-Run-Id"

	signaturePrefix = "sha256="
)

var (
	errSignatureHeader = &invalidWebhook{"the request must have one X-Helios-Signature header of the form sha256=<64 hex digits>"}
	errTimestampHeader = &invalidWebhook{"the request must have one X-Helios-Timestamp header of Unix seconds"}
	errRunIDHeader     = &invalidWebhook{"the request must have one X-Helios-Run-ID header"}
	errStale           = &invalidWebhook{"the timestamp is outside the tolerance"}
	errSignature       = &invalidWebhook{"the signature does not match"}
	errEmptyBody       = &invalidWebhook{"the signature does not match: the body is empty, was it read before?"}
	errRunID           = &invalidWebhook{"the run id of the header is not the body's"}
	errEventAge        = &invalidWebhook{"the event's signed timestamp is missing or outside the allowed age"}
	errNotAnEvent      = &malformedEvent{"the body is not a JSON object"}
	errEventWithoutID  = &malformedEvent{"the body has no runId"}
)

// deliveryHeaders are the three headers, parsed.
type deliveryHeaders struct {
	signature [sha256.Size]byte
	runID     string
}

func (r *Receiver) checkHeaders(header http.Header) (h deliveryHeaders, err error) {
	if len(r.signers) == 0 {
		return h, ErrMissingWebhookSecret // of a Receiver that NewReceiver did not make
	}
	signature, ok := single(header, signatureHeader)
	if !ok || !decodeSignature(&h.signature, signature) {
		return h, errSignatureHeader
	}
	timestamp, ok := single(header, timestampHeader)
	if !ok {
		return h, errTimestampHeader
	}
	sent, ok := decodeTimestamp(timestamp)
	if !ok {
		return h, errTimestampHeader
	}
	if h.runID, ok = single(header, runIDHeader); !ok || h.runID == "" {
		return h, errRunIDHeader
	}
	now, tolerance := r.now().Unix(), int64(r.tolerance/time.Second)
	if r.tolerance%time.Second > 0 {
		tolerance++
	}
	if sent < now-tolerance || sent > now+tolerance { // sent is never negative, so nothing here overflows
		return h, errStale
	}
	return h, nil
}

func (r *Receiver) checkSignature(body []byte, h *deliveryHeaders) error {
	for _, s := range r.signers {
		if s.signed(body, &h.signature) {
			return nil
		}
	}
	if len(body) == 0 {
		return errEmptyBody
	}
	return errSignature
}

// single returns the value of a header that is there once.
func single(header http.Header, name string) (string, bool) {
	values := header[name]
	if len(values) != 1 {
		return "", false
	}
	return values[0], true
}

// canonical returns the three headers under their canonical names. Maps that net/http did not make, as in AWS Lambda, may spell them in any case, or in several.
func canonical(header http.Header) http.Header {
	h := make(http.Header, 3)
	for name, values := range header {
		for _, ours := range [...]string{signatureHeader, timestampHeader, runIDHeader} {
			if strings.EqualFold(name, ours) {
				h[ours] = append(h[ours], values...)
			}
		}
	}
	return h
}

func decodeSignature(dst *[sha256.Size]byte, s string) bool {
	if len(s) != len(signaturePrefix)+2*len(dst) || s[:len(signaturePrefix)] != signaturePrefix {
		return false
	}
	s = s[len(signaturePrefix):]
	for i := range dst {
		high, low := nibble(s[2*i]), nibble(s[2*i+1])
		if high > 0xf || low > 0xf {
			return false
		}
		dst[i] = high<<4 | low
	}
	return true
}

func nibble(c byte) byte {
	switch {
	case c >= '0' && c <= '9':
		return c - '0'
	case c >= 'a' && c <= 'f':
		return c - 'a' + 10
	default:
		return 0xff
	}
}

// decodeTimestamp takes digits only, where strconv would also take a sign.
func decodeTimestamp(s string) (int64, bool) {
	const digits = 18 // cannot overflow, and lasts for longer than the sun
	if s == "" || len(s) > digits {
		return 0, false
	}
	var n int64
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return 0, false
		}
		n = n*10 + int64(s[i]-'0')
	}
	return n, true
}

// signer computes HMAC-SHA256 under one secret, with hashes that are set up once and used again.
type signer struct{ pool sync.Pool }

type mac struct {
	hash hash.Hash
	sum  [sha256.Size]byte
}

func newSigner(secret string) *signer {
	key := []byte(secret)
	return &signer{sync.Pool{New: func() any { return &mac{hash: hmac.New(sha256.New, key)} }}}
}

// signed reports, in constant time, whether signature is the body's.
func (s *signer) signed(body []byte, signature *[sha256.Size]byte) bool {
	m := s.pool.Get().(*mac)
	m.hash.Reset()
	m.hash.Write(body)
	ok := hmac.Equal(m.hash.Sum(m.sum[:0]), signature[:])
	s.pool.Put(m)
	return ok
}
