package emulator

import (
	"encoding/json"
	"errors"
	"net"
	"net/http"
	"strings"
	"syscall"
	"time"
)

var errNotLoopback = errors.New("not delivered: the host is not this machine, see --any-host")

// transport returns what delivers webhooks. Without anyHost nothing leaves the
// machine, whatever a name resolves to.
func transport(anyHost bool) http.RoundTripper {
	dialer := &net.Dialer{Timeout: 10 * time.Second}
	t := &http.Transport{MaxIdleConnsPerHost: 64, IdleConnTimeout: time.Minute}
	if anyHost {
		t.Proxy = http.ProxyFromEnvironment
	} else {
		dialer.Control = func(_, address string, _ syscall.RawConn) error {
			host, _, err := net.SplitHostPort(address)
			if err != nil || !net.ParseIP(host).IsLoopback() {
				return errNotLoopback
			}
			return nil
		}
	}
	t.DialContext = dialer.DialContext
	return t
}

// courier delivers webhooks and tells what became of each.
type courier struct {
	emulator *Emulator
	next     http.RoundTripper
}

func (c *courier) RoundTrip(r *http.Request) (*http.Response, error) {
	h := Happening{Type: "delivery", Host: r.URL.Host, RunID: r.Header.Get("X-Helios-Run-Id")}
	h.Event, h.SequenceNumber = eventOf(r)

	start := time.Now()
	resp, err := c.next.RoundTrip(r)
	h.Duration = time.Since(start)

	switch {
	case err == nil:
		h.StatusCode = resp.StatusCode
	case errors.Is(err, errNotLoopback):
		h.Error = errNotLoopback.Error()
	case errors.Is(err, syscall.ECONNREFUSED):
		h.Error = "nothing listens there"
	default:
		h.Error = "no answer"
		if text := err.Error(); strings.Contains(text, "certificate") {
			h.Error = "its certificate is not trusted"
		}
	}
	c.emulator.happened(h)
	return resp, err
}

// eventOf reads which event a delivery carries.
func eventOf(r *http.Request) (status string, number int64) {
	if r.GetBody == nil {
		return "", 0
	}
	body, err := r.GetBody()
	if err != nil {
		return "", 0
	}
	defer func() { _ = body.Close() }()

	var event struct {
		Status         string
		SequenceNumber int64
	}
	_ = json.NewDecoder(body).Decode(&event)
	return event.Status, event.SequenceNumber
}
