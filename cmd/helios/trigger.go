package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/heliosai/helios-go/heliostest"
)

// trigger is one row of the table of deliveries that can be triggered.
type trigger struct {
	name, text string
	want       expectation
	make       func(secret, runID string, now time.Time) []delivery
}

// expectation is how a sound handler answers.
type expectation struct {
	text string
	met  func(statusCode int) bool
}

var (
	acceptance = expectation{"2xx", func(code int) bool { return code/100 == 2 }}
	// refusal is no 404 or 405, by which no handler is there.
	refusal = expectation{"401 or a similar 4xx", func(code int) bool {
		return code/100 == 4 && code != http.StatusNotFound && code != http.StatusMethodNotAllowed
	}}
	// acceptanceOr400 is what the SDK's receiver answers: 400, and 200 where
	// WithMalformedHandler has kept the bytes.
	acceptanceOr400 = expectation{"400, or 2xx if it keeps the body", func(code int) bool {
		return code/100 == 2 || code == http.StatusBadRequest
	}}
)

// delivery is a body with the headers that it is sent with.
type delivery struct {
	header http.Header
	body   []byte
}

var triggers = []trigger{
	{"completed", "a completed run with two lab results", acceptance, signed(heliostest.CompletedEvent)},
	{"update", "a status update", acceptance,
		signed(func(id string) []byte { return heliostest.UpdateEvent(id, 2) })},
	{"error", "a run that failed", acceptance,
		signed(func(id string) []byte { return heliostest.ErrorEvent(id, "triggered by helios trigger") })},
	{"malformed", "correctly signed, but not an event", acceptanceOr400,
		signed(func(string) []byte { return []byte(`["signed, but not an event"]`) })},
	{"duplicate", "a completed event, sent twice", acceptance, duplicate},
	{"stale", "a completed event from an hour ago", refusal, stale},
	{"forged", "a completed event signed with another secret", refusal, forged},
}

func signed(body func(runID string) []byte) func(string, string, time.Time) []delivery {
	return func(secret, runID string, now time.Time) []delivery {
		content := body(runID)
		return []delivery{{heliostest.Sign(secret, content, now), content}}
	}
}

func duplicate(secret, runID string, now time.Time) []delivery {
	once := signed(heliostest.CompletedEvent)(secret, runID, now)
	return slices.Concat(once, once)
}

func stale(secret, runID string, now time.Time) []delivery {
	return signed(heliostest.CompletedEvent)(secret, runID, now.Add(-time.Hour))
}

func forged(_, runID string, now time.Time) []delivery {
	return signed(heliostest.CompletedEvent)("whsec_"+randomHex(16), runID, now)
}

func randomHex(n int) string {
	b := make([]byte, n)
	_, _ = rand.Read(b) // never fails
	return hex.EncodeToString(b)
}

// answerTimeout bounds a delivery to a handler.
const answerTimeout = 30 * time.Second

func triggerCommand(a *app) *cobra.Command {
	var to, file, runID string
	var table strings.Builder
	for _, t := range triggers {
		fmt.Fprintf(&table, "  %-10s %s: %s\n", t.name, t.text, t.want.text)
	}

	cmd := &cobra.Command{
		Use:   "trigger KIND --to URL",
		Short: "Send a test delivery to a webhook handler",
		Long: "Sends a test webhook and prints the answer. The kinds, each with the answer of a sound handler:\n\n" +
			table.String() + "\n" +
			"The exit code is 0 for that answer, and 1 for any other: a handler that accepts a forged delivery\n" +
			"fails. --event sends a body of your own, signed now; 2xx is the right answer.",
		Example: "  helios trigger completed --to http://localhost:8080/webhook/helios\n" +
			"  helios trigger forged --to http://localhost:8080/webhook/helios\n" +
			"  helios trigger --event event.json --to http://localhost:8080/webhook/helios",
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			kind, list, err := a.deliveries(args, file, runID)
			if err != nil {
				return err
			}
			if to == "" {
				return usagef("--to is missing: give the handler's URL, such as http://localhost:8080/webhook/helios")
			}
			if err := checkTarget("--to", to); err != nil {
				return err
			}
			return a.trigger(cmd.Context(), to, kind, list)
		},
	}

	set := cmd.Flags()
	a.secretFlags(set)
	set.StringVar(&to, "to", "", "`URL` of the handler")
	set.StringVar(&file, "event", "", "`file` with the body to send")
	set.StringVar(&runID, "run-id", "", "run id of the event (default: a random one)")
	for _, t := range triggers {
		cmd.ValidArgs = append(cmd.ValidArgs, t.name+"\t"+t.text)
	}
	return cmd
}

// deliveries returns what a command line asks to send.
func (a *app) deliveries(args []string, file, runID string) (kind trigger, list []delivery, err error) {
	if (len(args) == 1) == (file != "") {
		return kind, nil, usagef("give a kind of delivery or --event FILE: see helios trigger --help")
	}
	now := time.Now()
	if file != "" {
		body, err := a.readAll(file, maxWebhook)
		if err != nil {
			return kind, nil, err
		}
		secrets, err := a.secrets()
		if err != nil {
			return kind, nil, err
		}
		return trigger{want: acceptance}, []delivery{{heliostest.Sign(secrets[0], body, now), body}}, nil
	}

	i := slices.IndexFunc(triggers, func(t trigger) bool { return t.name == args[0] })
	if i < 0 {
		return kind, nil, usagef("there is no kind %q: see helios trigger --help", args[0])
	}
	secrets, err := a.secrets()
	if err != nil {
		return kind, nil, err
	}
	if runID == "" {
		runID = "trigger-" + randomHex(8)
	}
	return triggers[i], triggers[i].make(secrets[0], runID, now), nil
}

// answer is that of a handler, as helios trigger and listen print it.
type answer struct {
	Name       string `json:"name,omitempty"` // of a replayed file
	StatusCode int    `json:"statusCode"`
	Body       string `json:"body,omitempty"`
	Error      string `json:"error,omitempty"`
}

// trigger sends the deliveries, and fails if one gets another answer than that
// of a sound handler.
func (a *app) trigger(ctx context.Context, to string, kind trigger, list []delivery) error {
	var failed error
	for _, d := range list {
		got, err := send(ctx, to, d)
		if err != nil {
			return err
		}
		sound := kind.want.met(got.StatusCode)
		if err := a.out.result(got, a.answerText(got, sound)); err != nil {
			return err
		}
		switch {
		case sound:
		case got.ok():
			failed = failf("the handler accepted a %s delivery: it should answer %s", kind.name, kind.want.text)
		default:
			failed = failf("the handler answered %d: it should answer %s", got.StatusCode, kind.want.text)
		}
	}
	return failed
}

func (a *app) answerText(got answer, good bool) string {
	code := green
	if !good {
		code = red
	}
	text := a.out.colour(code, strconv.Itoa(got.StatusCode)) + " " + http.StatusText(got.StatusCode)
	if got.Name != "" {
		text = got.Name + ": " + text
	}
	if got.Body != "" {
		text += "\n" + got.Body
	}
	return text
}

func (g answer) ok() bool { return acceptance.met(g.StatusCode) }

// checkTarget reports that a flag is no URL of a handler. It does not repeat
// the URL, which may hold a token.
func checkTarget(flag, to string) error {
	u, err := url.Parse(to)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return usagef("%s must be a URL such as http://localhost:8080/webhook/helios", flag)
	}
	return nil
}

// send posts a delivery. It follows no redirect: the service need not either.
func send(ctx context.Context, to string, d delivery) (answer, error) {
	ctx, cancel := context.WithTimeout(ctx, answerTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, to, bytes.NewReader(d.body))
	if err != nil {
		return answer{}, err
	}
	req.Header = d.header

	resp, err := direct.Do(req)
	if err != nil {
		return answer{}, withoutURL(err)
	}
	defer func() { _ = resp.Body.Close() }()

	const most = 4 << 10
	text, err := io.ReadAll(io.LimitReader(resp.Body, most))
	if err != nil {
		return answer{}, err
	}
	lines := strings.Split(strings.TrimSpace(string(text)), "\n")
	for i := range lines {
		lines[i] = printable(lines[i])
	}
	return answer{StatusCode: resp.StatusCode, Body: strings.Join(lines, "\n")}, nil
}

// withoutURL drops what net/http puts before an error: the URL, whose query may
// hold a token.
func withoutURL(err error) error {
	var request *url.Error
	if errors.As(err, &request) {
		return request.Err
	}
	return err
}

// direct is the client for handlers.
var direct = &http.Client{
	Transport: &http.Transport{
		Proxy: http.ProxyFromEnvironment, ForceAttemptHTTP2: true, TLSHandshakeTimeout: 10 * time.Second,
	},
	CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
}
