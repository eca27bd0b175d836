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

// The headers in net/http's canonical form, to be indexed.
const (
	signatureHeader = "X-Helios-Signature"
	timestampHeader = "X-Helios-Timestamp"

	signaturePrefix = "sha256="
)

// invalidWebhook is one reason to refuse a delivery. Its values are made once,
// so that a refusal costs no memory.
type invalidWebhook struct {
	reason Reason
	text   string
}

func (e *invalidWebhook) Error() string { return "helios: invalid webhook: " + e.text }

func (e *invalidWebhook) Is(target error) bool { return target == ErrInvalidWebhook }

var (
	errSignatureHeader = &invalidWebhook{ReasonHeaders,
		"the request must have one X-Helios-Signature header of the form sha256=<64 hex digits>"}
	errTimestampHeader = &invalidWebhook{ReasonHeaders,
		"the request must have one X-Helios-Timestamp header of Unix seconds"}
	errStale     = &invalidWebhook{ReasonStale, "the timestamp is outside the tolerance"}
	errEventAge  = &invalidWebhook{ReasonEventAge, "the event's signed timestamp is missing or outside the allowed age"}
	errSignature = &invalidWebhook{ReasonSignature, "the signature does not match"}
	errEmptyBody = &invalidWebhook{ReasonSignature,
		"the signature does not match: the body is empty, was it read before?"}
)

// signature is the HMAC-SHA256 that a delivery claims.
type signature [sha256.Size]byte

// checkHeaders returns the signature of a delivery whose two headers are in
// order.
func (r *Receiver) checkHeaders(header http.Header) (claimed signature, err error) {
	value, ok := single(header, signatureHeader)
	if !ok || !claimed.decode(value) {
		return claimed, errSignatureHeader
	}

	value, ok = single(header, timestampHeader)
	if !ok {
		return claimed, errTimestampHeader
	}
	sent, ok := decodeTimestamp(value)
	if !ok {
		return claimed, errTimestampHeader
	}

	now, tolerance := r.now().Unix(), int64(r.tolerance/time.Second)
	if r.tolerance%time.Second > 0 {
		tolerance++ // the header has whole seconds only
	}
	if sent < now-tolerance || sent > now+tolerance { // sent is never negative, so nothing here overflows
		return claimed, errStale
	}
	return claimed, nil
}

func checkSignature(signers []*signer, body []byte, claimed *signature) error {
	for _, s := range signers {
		if s.signed(body, claimed) {
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

// canonical returns the headers that are read, under their canonical names.
// Maps that net/http did not make, as in AWS Lambda, may spell them in any
// case, or in several.
func canonical(header http.Header) http.Header {
	h := make(http.Header, 2)
	for name, values := range header {
		for _, read := range [...]string{signatureHeader, timestampHeader} {
			if strings.EqualFold(name, read) {
				h[read] = append(h[read], values...)
			}
		}
	}
	return h
}

// decode reads the value of the header. It reports false for anything but the
// documented form.
func (s *signature) decode(value string) bool {
	digits, ok := strings.CutPrefix(value, signaturePrefix)
	if !ok || len(digits) != 2*len(s) {
		return false
	}

	for i := range s {
		high, low := nibble(digits[2*i]), nibble(digits[2*i+1])
		if high > 0xf || low > 0xf {
			return false
		}
		s[i] = high<<4 | low
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

// signer computes HMAC-SHA256 under one secret, with hashes that are set up
// once and used again.
type signer struct{ pool sync.Pool }

type mac struct {
	hash hash.Hash
	sum  signature
}

func newSigner(secret string) *signer {
	key := []byte(secret)
	return &signer{sync.Pool{New: func() any { return &mac{hash: hmac.New(sha256.New, key)} }}}
}

// signed reports, in constant time, whether claimed is the body's signature.
func (s *signer) signed(body []byte, claimed *signature) bool {
	m := s.pool.Get().(*mac)
	m.hash.Reset()
	m.hash.Write(body)
	ok := hmac.Equal(m.hash.Sum(m.sum[:0]), claimed[:])
	s.pool.Put(m)
	return ok
}
