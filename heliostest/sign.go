package heliostest

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Sign returns the headers of a webhook with this body, sent at this time:
// X-Helios-Signature, X-Helios-Timestamp, X-Helios-Run-ID and Content-Type.
// The run id is the body's runId; without one that header is left out.
func Sign(secret string, body []byte, at time.Time) http.Header {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write(body)

	h := make(http.Header)
	h.Set("Content-Type", "application/json")
	h.Set("X-Helios-Signature", "sha256="+hex.EncodeToString(mac.Sum(nil)))
	h.Set("X-Helios-Timestamp", strconv.FormatInt(at.Unix(), 10))

	// A body that is no event can still be signed: a handler must cope with it.
	var event struct {
		RunID string `json:"runId"`
	}
	if err := json.Unmarshal(body, &event); err == nil && event.RunID != "" {
		h.Set("X-Helios-Run-ID", event.RunID)
	}
	return h
}

// NewWebhookRequest returns a signed webhook delivery, as [Sign] signs it. It
// can be passed to an [http.Handler] as well as sent with an [http.Client]. For
// a handler the path is enough as url. It panics if url cannot be parsed.
//
// [CompletedEvent], [ErrorEvent] and [UpdateEvent] return bodies in the usual
// shape. For an odd delivery pass any other bytes, which are signed as they
// are: a list, an event behind a byte order mark, or one whose runId is a
// number. To forge a delivery, sign with another secret or change the Header
// afterwards.
func NewWebhookRequest(url, secret string, body []byte, at time.Time) *http.Request {
	r, err := http.NewRequest(http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		panic(fmt.Sprintf("heliostest: bad webhook request: %v", withoutURL(err)))
	}

	r.Header = Sign(secret, body, at)
	// Handlers rely on these two; a client ignores the address. RequestURI
	// stays empty, because a client refuses a request that has one.
	r.RemoteAddr = "192.0.2.1:1234"
	if strings.HasPrefix(url, "/") {
		r.Host = "example.com"
	}
	return r
}
