package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/heliosai/helios-go"
)

func doctorCommand(a *app) *cobra.Command {
	d := &doctor{app: a, resolver: net.DefaultResolver, dialer: &net.Dialer{Timeout: checkTimeout}}
	cmd := &cobra.Command{
		Use:   "doctor",
		Short: "Check the setup before the first paid run",
		Long: "Checks the form of the API key, that the API answers, and the clock; then that the webhook URL\n" +
			"leads to a public address with a trusted certificate, accepts a signed delivery through every\n" +
			"proxy, even a large one, and refuses a forged one. Each line is ok, or says what to do.\n\n" +
			"The key is not sent, so whether the API accepts it is not checked. The handler gets two status\n" +
			"updates of a run whose id starts with doctor-. Nothing is submitted, and nothing is paid. The exit\n" +
			"code is 0 if every check is ok, and 1 if not.",
		Example: "  helios doctor\n" +
			"  helios doctor --webhook-url https://api.example.com/webhook/helios --size 4194304\n" +
			"  helios doctor --json",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return d.run(cmd.Context()) },
	}

	set := cmd.Flags()
	a.apiFlags(set)
	a.secretFlags(set)
	set.IntVar(&d.size, "size", 1<<20, "size of the large test delivery, in `bytes`")
	return cmd
}

const (
	// checkTimeout bounds each thing that a check waits for.
	checkTimeout = 15 * time.Second
	// clockLimit is how far off the clock may be: a tenth of what webhooks
	// allow.
	clockLimit = 30 * time.Second
	// expiryLimit is how long before its end a certificate is reported.
	expiryLimit = 14 * 24 * time.Hour
)

// doctor runs the checks. What they learn on the way is kept for later ones.
type doctor struct {
	app      *app
	resolver *net.Resolver
	dialer   *net.Dialer
	roots    *x509.CertPool // nil means the system's
	size     int

	answered *http.Response // of the API, without its body
	began    time.Time      // when that was asked for
	took     time.Duration
	webhook  *url.URL // nil if it cannot be used
	signed   bool     // a signed delivery was taken
}

// check is one line of the result.
type check struct {
	Name string `json:"check"`
	OK   bool   `json:"ok"`
	// Skipped reports whether an earlier failure left nothing to check.
	Skipped bool   `json:"skipped,omitempty"`
	Text    string `json:"text"` // what was found, or what to do
}

func good(format string, args ...any) check {
	return check{OK: true, Text: fmt.Sprintf(format, args...)}
}
func bad(format string, args ...any) check { return check{Text: fmt.Sprintf(format, args...)} }
func skipped(format string, a ...any) check {
	return check{Skipped: true, Text: fmt.Sprintf(format, a...)}
}

// checks is the table of checks, in the order in which they are run.
var checks = []struct {
	name string
	run  func(*doctor, context.Context) check
}{
	{"API key", (*doctor).checkKey},
	{"API", (*doctor).checkAPI},
	{"clock", (*doctor).checkClock},
	{"webhook secret", (*doctor).checkSecret},
	{"webhook URL", (*doctor).checkWebhookURL},
	{"webhook host", (*doctor).checkHost},
	{"certificate", (*doctor).checkCertificate},
	{"signed delivery", (*doctor).checkDelivery},
	{"large delivery", (*doctor).checkLargeDelivery},
	{"forged delivery", (*doctor).checkForgery},
}

func (d *doctor) run(ctx context.Context) error {
	if d.size < 1024 || d.size > maxWebhook {
		return usagef("--size must be from 1024 to %d", maxWebhook)
	}

	wrong := 0
	for _, row := range checks {
		result := row.run(d, ctx)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		result.Name = row.name
		if !result.OK {
			wrong++
		}
		if err := d.app.out.result(result, d.line(result)); err != nil {
			return err
		}
	}
	if wrong > 0 {
		return failf("%s of %d not ok: do what the lines say, then run helios doctor again",
			plural(wrong, "check"), len(checks))
	}
	return nil
}

func (d *doctor) line(c check) string {
	word, code := "ok", green
	switch {
	case c.Skipped:
		word, code = "--", yellow
	case !c.OK:
		word, code = "NO", red
	}
	return fmt.Sprintf("%s  %-16s  %s", d.app.out.colour(code, word), c.Name+":", printable(c.Text))
}

// keyPrefix is how the service's keys start, as its vendor documents.
const keyPrefix = "sk_live_"

func (d *doctor) checkKey(context.Context) check {
	key, err := d.app.apiKey()
	if err == nil {
		_, err = helios.NewClient(helios.WithAPIKey(key), helios.WithBaseURL(defaultBaseURL),
			helios.WithWebhookURL(anyWebhook))
	}
	if err != nil {
		return bad("%s", describe(err))
	}
	if d.app.base() == defaultBaseURL && !strings.HasPrefix(key, keyPrefix) {
		return bad("does not start with %s, as keys of the service do: is it another service's, or the webhook secret?",
			keyPrefix)
	}
	return good("is set and well-formed; whether the API accepts it is not checked")
}

// checkAPI asks for a page without the key: any answer will do.
func (d *doctor) checkAPI(ctx context.Context) check {
	base := d.app.base()
	if _, err := helios.NewClient(d.clientOptions(base)...); err != nil {
		return bad("%s", describe(err))
	}
	ctx, cancel := context.WithTimeout(ctx, checkTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, base, nil)
	if err != nil {
		return bad("the base URL cannot be used: %s", describe(withoutURL(err)))
	}

	d.began = time.Now()
	resp, err := d.client().Do(req)
	d.took = time.Since(d.began)
	if err != nil {
		return bad("%s does not answer: %s. Is outbound https allowed, and HTTPS_PROXY right?",
			req.URL.Host, reach(err))
	}
	_ = resp.Body.Close()
	d.answered = resp

	if resp.TLS == nil {
		if !isLoopback(base) && !d.app.plainHTTP {
			return bad("%s answers without TLS", req.URL.Host)
		}
		return good("%s answers, without TLS", req.URL.Host)
	}
	return good("%s answers over %s in %s",
		req.URL.Host, tls.VersionName(resp.TLS.Version), d.took.Round(time.Millisecond))
}

// anyWebhook stands for the webhook URL where another setting is checked.
const anyWebhook = "https://webhook.example.com/"

// clientOptions are for a client that checks a setting and sends nothing.
func (d *doctor) clientOptions(base string) []helios.ClientOption {
	opts := []helios.ClientOption{
		helios.WithAPIKey("not-used"), helios.WithBaseURL(base), helios.WithWebhookURL(anyWebhook),
	}
	if d.app.plainHTTP {
		opts = append(opts, helios.WithPlainHTTP())
	}
	return opts
}

// client follows no redirect, keeps no connection and trusts d.roots.
func (d *doctor) client() *http.Client {
	return &http.Client{
		Transport: &http.Transport{
			Proxy: http.ProxyFromEnvironment, DialContext: d.dialer.DialContext, DisableKeepAlives: true,
			ForceAttemptHTTP2: true, TLSClientConfig: &tls.Config{RootCAs: d.roots, MinVersion: tls.VersionTLS12},
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// checkClock compares the clock with the API's Date header, which counts whole
// seconds.
func (d *doctor) checkClock(context.Context) check {
	if d.answered == nil {
		return skipped("the API gave no time to compare with")
	}
	date, err := http.ParseTime(d.answered.Header.Get("Date"))
	if err != nil {
		return skipped("the API's answer has no Date")
	}
	return clockCheck(d.began.Add(d.took/2).Sub(date), d.took)
}

// clockCheck judges how far this clock is ahead, which is known to a second and
// half of the time that the answer took.
func clockCheck(ahead, took time.Duration) check {
	switch {
	case ahead > clockLimit+took/2:
		return bad("this clock is %s ahead of the API's: set it by NTP. Webhooks are refused from 5 minutes on",
			ahead.Round(time.Second))
	case ahead < -clockLimit-took/2:
		return bad("this clock is %s behind the API's: set it by NTP. Webhooks are refused from 5 minutes on",
			-ahead.Round(time.Second))
	default:
		return good("is right to within %s", max(ahead.Abs(), time.Second).Round(time.Second))
	}
}

func (d *doctor) checkSecret(context.Context) check {
	if _, err := d.app.receiver(); err != nil {
		return bad("%s", describe(err))
	}
	return good("is set")
}
