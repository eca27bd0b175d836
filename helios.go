// Package helios is a client for the Helios health-data API, which analyses lab results and patients' records with AI agents.
//
// Two facts shape it. Every accepted run is paid, and the API knows no idempotency key: a request sent again at the wrong moment is paid twice. And
// a result is delivered once, to a webhook, and cannot be fetched: what is lost is lost. All of it is health data.
// So this package sends again only what certainly was not accepted, refuses no authentic event for its content, and prints nothing secret.
//
// # Quick start
//
//	client, err := helios.NewClient() // HELIOS_API_KEY, HELIOS_WEBHOOK_URL
//	receiver, err := helios.NewReceiver() // HELIOS_WEBHOOK_SECRET
//	tracker := helios.NewTracker()
//	http.Handle("POST /webhook/helios", receiver.Handler(tracker.Handle))
//
//	run, err := client.LabResults.Submit(ctx, &helios.LabResultsRequest{LabResults: []helios.LabResult{
//		{Name: "Creatinine", Value: "1.8 mg/dL", Flag: helios.FlagHigh, ReferenceRange: "0.7-1.3 mg/dL", Date: "2025-01-15"},
//	}})
//	event, err := tracker.Wait(ctx, run.ID, nil) // minutes later
//	result, err := event.Result()
//	fmt.Println(result.PatientResponse)
//
// [AgentService.Submit] takes a patient's record, [LabResultsService.Submit] lab results; [Client.Do] calls endpoints that this package does not know.
// What the API takes and this package has no field for goes into the Extra maps.
//
// # Retries
//
// A submission is sent again by itself, at most 3 times (see [WithMaxRetries]), only if it certainly was not accepted:
//
//   - the connection was never made, unless because the server's certificate is not trusted,
//   - the request was not completely written,
//   - the answer was 429, and its Retry-After is no longer than [WithMaxRetryWait].
//
// Everything else is final. After the request was written, a broken connection, a timeout, a 5xx, half an answer and a 2xx that cannot be read are
// [ErrOutcomeUnknown]: the run may exist. 401, any other 4xx, and 3xx are final too; redirects are not followed.
// [WithResubmitOnUnknownOutcome] also sends again after an unknown outcome, and may pay twice.
//
// The waits between attempts grow from 0.5 s, with jitter. A Retry-After, in seconds or as a date, is honoured up to [WithMaxRetryWait], 30 s by default; one that
// is longer, or beyond the context's deadline, returns the 429 at once. The API's documented Retry-After is 60 s, so that by default the 429 comes back.
// One attempt may take 30 s (see [WithTimeout]).
//
// Whether a request was written is known from net/http/httptrace. With a transport other than a plain *http.Transport, around it or instead of it, only a failed dial,
// an untrusted certificate or a failed write prove that it was not; every other failure is an unknown outcome. Over HTTP/2 net/http by itself sends again
// what a server has reset; that is stopped where the request was written, and the outcome is unknown.
//
// # Errors
//
// Each can be told by errors.Is or errors.As, through any wrapping:
//
//	error                   means                                          paid?     then
//	*OutcomeUnknownError    no readable answer after the request was sent  unknown   wait for a webhook; do not send again
//	*ValidationError        the request is wrong; nothing was sent         no        correct it: Fields lists all that was found
//	*AuthenticationError    401: the key is missing, wrong or revoked      no        correct the key
//	*ConcurrencyLimitError  429: all slots are taken                       no        send again after RetryAfter
//	*APIError               any other 4xx, or a 3xx                        no        see StatusCode and Message
//	other                   nothing was accepted: network, context, key    no        send again
//
// Test for [ErrOutcomeUnknown] first: such an error also holds its cause, which can be an APIError (a 5xx) or the context's error.
// [Tracker.Wait] and [Event.Result] return a [*RunError] for a run that was accepted and failed; whether that is paid is not documented.
//
// Error texts hold no key, secret or health data. What the service wrote stands in fields: APIError.Message, RunError.Message.
//
// # Webhooks
//
// [Receiver.Handler] verifies each delivery over its raw body, in constant time, and refuses what is not authentic or more than five minutes old. Return nil
// from its callback only when the event is safe: Helios sends a result once. [Receiver.VerifyPayload] does the same where there is no *http.Request.
//
// Only the body is signed. A captured delivery can be replayed under fresh headers, so act once on each run id, sequence number and status; [Tracker] does,
// within one process. (An event that came without a number has number 0, so the status belongs to the key.)
//
// # Concurrency
//
// The account has a number of run slots per agent type, 7 by default. [Run.Concurrency] tells how many are left. [Client], [Receiver] and [Tracker] are safe for concurrent
// use; make each once. Requests, events and results are plain values and must not be changed while they are in use.
//
// # Printing
//
// Client, Receiver and every type that holds health data print and log as their name: with all fmt verbs and with log/slog. Encoding requests and results with encoding/json
// gives the data, for that is how they are sent and stored; an Event encodes without its body. A logger that encodes slices or maps of
// these types as JSON shows them.
//
// Packages fhir and hl7v2 make requests from FHIR R4 resources and HL7 v2 messages. Package heliostest has a fake Helios for tests. Module github.com/heliosai/helios-go/durable keeps submissions and webhooks in SQLite or PostgreSQL, so that a
// process may die while runs are under way.
//
// Vendor documentation: https://docs.heliosai.health
package helios

// Version is the version of this module, sent in the User-Agent header.
const Version = "0.1.0"

// The environment variables that [NewClient] and [NewReceiver] read where no option says otherwise. The vendor names the first; the others are this package's.
const (
	EnvAPIKey        = "HELIOS_API_KEY" //nolint:gosec // a name, not a secret
	EnvBaseURL       = "HELIOS_BASE_URL"
	EnvWebhookURL    = "HELIOS_WEBHOOK_URL"
	EnvWebhookSecret = "HELIOS_WEBHOOK_SECRET" //nolint:gosec // a name, not a secret
)
