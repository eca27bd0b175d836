package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"github.com/heliosai/helios-go"
	"github.com/heliosai/helios-go/heliostest"
)

// checkWebhookURL checks its form as a client does: nothing is sent.
func (d *doctor) checkWebhookURL(context.Context) check {
	raw := d.app.webhook()
	if raw == "" {
		return bad("is missing: set HELIOS_WEBHOOK_URL or --webhook-url, or no result arrives")
	}
	base := d.clientOptions(d.app.base())
	if _, err := helios.NewClient(base...); err != nil {
		return skipped("what it may be depends on the base URL, which has to be right first")
	}
	client, err := helios.NewClient(append(base, helios.WithWebhookURL(raw))...)
	if err != nil {
		return bad("%s", describe(err))
	}
	if d.webhook, err = url.Parse(client.WebhookURL()); err != nil {
		return bad("is no URL")
	}
	return good("%s", withoutQuery(client.WebhookURL()))
}

// local reports whether the webhook may stay on this machine or in its network,
// because the API does.
func (d *doctor) local() bool { return isLoopback(d.app.base()) || d.app.plainHTTP }

// checkHost resolves the host, of which every address has to be public.
func (d *doctor) checkHost(ctx context.Context) check {
	if d.webhook == nil {
		return skipped("there is no usable webhook URL")
	}
	ctx, cancel := context.WithTimeout(ctx, checkTimeout)
	defer cancel()

	host := d.webhook.Hostname()
	addrs, err := d.resolver.LookupNetIP(ctx, "ip", host)
	if err != nil || len(addrs) == 0 {
		return bad("%s has no address: add a DNS record that the internet can see", host)
	}
	for _, addr := range addrs {
		if !public(addr) && !d.local() {
			return bad("%s is %s, which the internet cannot reach: use a public name, or a tunnel", host, addr.Unmap())
		}
	}
	return good("%s is %s", host, addrs[0].Unmap())
}

// notPublic are networks that the methods of netip.Addr do not name.
var notPublic = []netip.Prefix{
	netip.MustParsePrefix("0.0.0.0/8"),
	netip.MustParsePrefix("100.64.0.0/10"), // carrier-grade NAT
	netip.MustParsePrefix("192.0.0.0/24"),
	netip.MustParsePrefix("192.0.2.0/24"), // documentation
	netip.MustParsePrefix("198.18.0.0/15"),
	netip.MustParsePrefix("198.51.100.0/24"),
	netip.MustParsePrefix("203.0.113.0/24"),
	netip.MustParsePrefix("240.0.0.0/4"),
	netip.MustParsePrefix("2001:db8::/32"),
	netip.MustParsePrefix("100::/64"),
}

// public reports whether the internet can reach addr.
func public(addr netip.Addr) bool {
	addr = addr.Unmap()
	if !addr.IsGlobalUnicast() || addr.IsPrivate() {
		return false
	}
	for _, network := range notPublic {
		if network.Contains(addr) {
			return false
		}
	}
	return true
}

// checkCertificate makes a TLS connection.
func (d *doctor) checkCertificate(ctx context.Context) check {
	switch {
	case d.webhook == nil:
		return skipped("there is no usable webhook URL")
	case d.webhook.Scheme != "https":
		return good("is not needed: the webhook is http and stays in your own network")
	}
	ctx, cancel := context.WithTimeout(ctx, checkTimeout)
	defer cancel()

	port := d.webhook.Port()
	if port == "" {
		port = "443"
	}
	dialer := &tls.Dialer{NetDialer: d.dialer, Config: &tls.Config{RootCAs: d.roots, MinVersion: tls.VersionTLS12}}
	conn, err := dialer.DialContext(ctx, "tcp", net.JoinHostPort(d.webhook.Hostname(), port))
	if err != nil {
		text := reach(err)
		if errors.As(err, new(*tls.CertificateVerificationError)) {
			text += ". Install one of a public authority, with its intermediates"
		}
		return bad("%s", text)
	}
	defer func() { _ = conn.Close() }()

	leaf := conn.(*tls.Conn).ConnectionState().PeerCertificates[0]
	day := leaf.NotAfter.Format(time.DateOnly)
	if time.Until(leaf.NotAfter) < expiryLimit {
		return bad("ends on %s: renew it", day)
	}
	return good("is trusted, and ends on %s", day)
}

// reach says why a server could not be reached, and nothing of the request.
func reach(err error) string {
	var unknown *tls.CertificateVerificationError
	var dns *net.DNSError
	switch {
	case errors.As(err, &unknown):
		return "its certificate is not trusted: " + oneLine(unknown.Err.Error())
	case errors.As(err, &dns):
		return "its name has no address"
	case errors.Is(err, errRefused):
		return "nothing listens there"
	case errors.Is(err, context.DeadlineExceeded), isTimeout(err):
		return "it does not answer in time, as where a firewall is in between"
	default:
		return oneLine(withoutURL(err).Error())
	}
}

func isTimeout(err error) bool {
	var timeout net.Error
	return errors.As(err, &timeout) && timeout.Timeout()
}

// checkDelivery sends a small status update, signed.
func (d *doctor) checkDelivery(ctx context.Context) check {
	body := updateOf(1, 0)
	c, status := d.deliver(ctx, body, d.app.secrets)
	if status == 0 {
		return c
	}
	switch {
	case status/100 == 2:
		d.signed = true
		return good("answered with %d", status)
	case status == http.StatusUnauthorized:
		return bad("401: the handler has another secret, or the body or the headers were changed on the way. " +
			"Run helios verify on what arrives there to see which")
	case status == http.StatusNotFound:
		return bad("404: no handler is at this path")
	case status/100 == 3:
		return bad("%d: the URL redirects, and webhooks follow no redirect: use the address that it leads to", status)
	case status == http.StatusBadGateway || status == http.StatusGatewayTimeout:
		return bad("%d: the proxy does not reach the handler", status)
	default:
		return bad("%d: the handler should answer 2xx to a status update", status)
	}
}

// checkLargeDelivery sends a status update of d.size bytes.
func (d *doctor) checkLargeDelivery(ctx context.Context) check {
	if !d.signed {
		return skipped("a small one is not accepted")
	}
	c, status := d.deliver(ctx, updateOf(2, d.size), d.app.secrets)
	switch {
	case status == 0:
		return c
	case status/100 == 2:
		return good("%d bytes, answered with %d", d.size, status)
	case status == http.StatusRequestEntityTooLarge:
		return bad("413: a proxy or the handler does not accept a body of %d bytes: in nginx "+
			"set client_max_body_size 16m;", d.size)
	default:
		return bad("%d, to a body of %d bytes: a limit or a timeout of a proxy or of the handler", status, d.size)
	}
}

// checkForgery sends what is signed with another secret.
func (d *doctor) checkForgery(ctx context.Context) check {
	c, status := d.deliver(ctx, updateOf(1, 0), func() ([]string, error) { return []string{randomHex(32)}, nil })
	switch {
	case status == 0:
		return c
	case status/100 == 2:
		return bad("%d: the handler accepts what anyone sends. Verify the signature before anything else", status)
	case !d.signed:
		return skipped("answered with %d, but a signed one is not accepted either", status)
	default:
		return good("refused with %d", status)
	}
}

// doctorRun is the run of the test deliveries.
var doctorRun = "doctor-" + randomHex(8)

// updateOf is a status update of at least size bytes.
func updateOf(step, size int) []byte {
	body := heliostest.UpdateEvent(doctorRun, step)
	if missing := size - len(body); missing > 0 {
		end := bytes.LastIndexByte(body, '}')
		const field = `,"padding":""`
		padding := strings.Repeat(" ", max(missing-len(field), 0))
		body = []byte(string(body[:end]) + `,"padding":"` + padding + `"` + string(body[end:]))
	}
	return body
}

// deliver sends a test delivery and returns the status of the answer, or 0 and
// why there is none.
func (d *doctor) deliver(ctx context.Context, body []byte, secrets func() ([]string, error)) (check, int) {
	if d.webhook == nil {
		return skipped("there is no usable webhook URL"), 0
	}
	list, err := secrets()
	if err != nil {
		return skipped("there is no webhook secret to sign with"), 0
	}
	ctx, cancel := context.WithTimeout(ctx, answerTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, d.webhook.String(), bytes.NewReader(body))
	if err != nil {
		return bad("%s", describe(withoutURL(err))), 0
	}
	req.Header = heliostest.Sign(list[0], body, time.Now())

	resp, err := d.client().Do(req)
	if err != nil {
		return bad("%s", reach(err)), 0
	}
	_ = resp.Body.Close()
	return check{}, resp.StatusCode
}
