// Package heliostest is a fake Helios for tests and local development.
//
// It listens on a loopback port, takes submissions at both endpoints, counts
// concurrent runs, and delivers signed webhooks. It needs no key, no network
// and no money, and it can be told to fail in the ways that cost money with the
// real service. It does not use the SDK's own code, so that the two can
// disagree.
//
// A test that submits labs and waits for the result:
//
//	srv := heliostest.New(t)
//	secret := helios.WithWebhookSecret(srv.WebhookSecret)
//	receiver, err := helios.NewReceiver(secret)
//	tracker := helios.NewTracker()
//	hook := httptest.NewServer(receiver.Handler(tracker.Handle))
//	defer hook.Close()
//	client, err := helios.NewClient(helios.WithAPIKey(srv.APIKey),
//		helios.WithBaseURL(srv.URL), helios.WithWebhookURL(hook.URL))
//	run, err := client.LabResults.Submit(ctx, req)
//	event, err := tracker.Wait(ctx, run.ID, nil)
//
// A test of what happens when an answer is lost:
//
//	srv.Inject(heliostest.DropAnswer())
//	_, err = client.LabResults.Submit(ctx, req)
//	unknown := errors.Is(err, helios.ErrOutcomeUnknown) // true
//	paid := srv.Accepted(hook.URL)                      // 1
//
// A test of a webhook handler needs no server:
//
//	body := heliostest.CompletedEvent("r-1")
//	r := heliostest.NewWebhookRequest("/hook", secret, body, time.Now())
//	handler.ServeHTTP(httptest.NewRecorder(), r)
//
// [NewWebhookRequest] signs any body: an event of [ErrorEvent] or
// [UpdateEvent], one of your own, or something that is not an event at all.
//
// # What is documented
//
// These follow the vendor's documentation: the two endpoints and the fields
// they require; the field types, so that age is a number for an agent and a
// string for lab results; the answers 200, 401 and 429; the X-Concurrent
// headers on every answer; separate slots for light, deep and lab-results; the
// headers and the signature of a webhook; the names of a light run's steps; the
// shape of a completed event and of its result; at most 200 labs analyzed, the
// newest ones.
//
// # What is invented
//
// The vendor's documentation does not settle these. Do not rely on them:
//
//   - The bodies of all other errors. They are the pair "error" and "message",
//     with statuses 400, 404, 405, 413 (above 16 MiB) and 415.
//   - How strict validation is. Unknown fields and categories are accepted. A
//     known field of the wrong type is refused, and so is null; the message
//     names the field and the rule, never a value.
//   - The shape of a status update: status "processing" with step, totalSteps
//     and stepName.
//   - The steps of deep and lab-results runs. They are those of a light run.
//   - An error event beyond status "error" and error.message.
//   - Redelivery: after any answer but 2xx, or none within 30 seconds, the
//     delivery is repeated. The events of a run are delivered one after the
//     other.
//   - The headers of a 401 or 404 for a request without a known agent type:
//     they count the slots of light.
//   - The result. Its text is put together from what was submitted, says so,
//     and cites sources that do not exist.
//
// The first webhook may arrive before the answer to the submission: nothing in
// the documentation rules it out.
//
// # What stays on the machine
//
// Webhooks go to loopback hosts only, unless [WithWebhookClient] says
// otherwise. A webhook URL may be http if its host is loopback, or any host
// with that option. The submissions themselves are kept in memory, for
// [Server.Requests] and [Server.Runs], until the server is garbage.
package heliostest
