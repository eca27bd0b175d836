// Package helios is a client for the Helios health-data API, which analyses lab
// results and patients' records with AI agents.
//
// Two facts shape it. Every accepted run is paid, and the API has no
// idempotency key: a request sent again at the wrong moment is paid twice. And
// a result is delivered once, by webhook, and cannot be fetched. So this
// package resends only what was certainly not accepted, and never refuses an
// authentic event because of its content.
//
//	client, err := helios.NewClient() // HELIOS_API_KEY, HELIOS_WEBHOOK_URL
//	receiver, err := helios.NewReceiver() // HELIOS_WEBHOOK_SECRET
//	tracker := helios.NewTracker()
//	http.Handle("POST /webhook/helios", receiver.Handler(tracker.Handle))
//
//	run, err := client.LabResults.Submit(ctx, &helios.LabResultsRequest{
//		LabResults: []helios.LabResult{{Name: "Sodium", Value: "140 mmol/L"}},
//	})
//	event, err := tracker.Wait(ctx, run.ID, nil) // minutes later
//	result, err := event.Result()
//
// [LabResultsService.Submit] takes lab results, [AgentService.Submit] a
// patient's record. [Receiver] verifies webhooks. [Tracker] keeps their events
// in memory; module github.com/heliosai/helios-go/durable keeps events and
// submissions in SQLite or PostgreSQL. Package heliostest is a fake Helios for
// tests.
//
// # Retries
//
// A submission is sent again, at most 3 times, where
//
//   - no connection was made: a lookup, dial, proxy or TLS handshake failed,
//   - the request was not written to its end,
//   - the answer is 429 and asks for a wait of at most 30 s.
//
// It is not sent again after
//
//   - a reset, a timeout, half an answer, 5xx, 303 or a 2xx that cannot be
//     read, once it was written to its end: the run may exist, and the error
//     is [ErrOutcomeUnknown],
//   - any other 4xx or 3xx; redirects are not followed,
//   - an untrusted certificate, a failed key source, the end of its context.
//
// The waits double from 0.5 s, with jitter. A Retry-After is honoured up to
// [WithMaxRetryWait]. The API documents one of 60 s, so by default a 429 is
// returned at once. One attempt may take 30 s, see [WithTimeout]; the context
// bounds the whole call. [WithMaxRetries] sets the number of retries, and
// [WithResubmitOnUnknownOutcome] also resends after an unknown outcome, which
// may pay twice. [Client.Do] also sends GET, HEAD and OPTIONS again after a
// broken connection, 502, 503 and 504.
//
// # Errors
//
//	error                   means                     paid?  then
//	*OutcomeUnknownError    sent, no readable answer  maybe  await its webhook
//	*ValidationError        refused before sending    no     correct Fields
//	*AuthenticationError    401                       no     correct the key
//	*ConcurrencyLimitError  429: no slot is free      no     wait RetryAfter
//	*APIError               any other 4xx or 3xx      no     see Message
//	other                   not sent whole: network,  no     send again
//	                        context, key source
//
// All work with errors.Is and errors.As. Test for [ErrOutcomeUnknown] first:
// such an error also wraps its cause, which can be an [APIError] or the
// context's error. [Tracker.Wait] and [Event.Result] return a [RunError] for a
// run that was accepted and failed; whether that is paid is not documented.
//
// Error texts hold no key, secret or health data. What the service wrote is in
// fields, such as APIError.Message.
//
// # Concurrency
//
// [Client], [Receiver] and [Tracker] are safe for concurrent use: make each
// once. Requests, events and results must not be changed while in use. An
// account has 7 run slots per agent type by default; see [Run.Concurrency].
//
// Vendor documentation: https://docs.heliosai.health
package helios

// Version is the version of this module, sent in the User-Agent header.
const Version = "0.1.0"

// The environment variables that [NewClient] and [NewReceiver] read where no
// option says otherwise. The vendor names the first; the others are this
// package's.
const (
	EnvAPIKey        = "HELIOS_API_KEY"
	EnvBaseURL       = "HELIOS_BASE_URL"
	EnvWebhookURL    = "HELIOS_WEBHOOK_URL"
	EnvWebhookSecret = "HELIOS_WEBHOOK_SECRET"
)
