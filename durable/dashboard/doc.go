// Package dashboard serves web pages for the operators of an engine of package
// durable: they show what waits, what is unknown and what has failed, and let
// people decide.
//
//	handler := dashboard.Handler(eng, dashboard.Options{Authorize: session})
//	mux.Handle("/helios/", http.StripPrefix("/helios", handler))
//
// # What it shows
//
//   - Overview: submissions by state with the age of the oldest, the slots of
//     each agent type, pauses and their reasons, what the spend limit counts,
//     events that wait for the handler, and [durable.Engine.Health].
//   - Submissions: a list by state and agent type, in order of key, and a
//     search by key.
//   - A submission: when it was stored, sent, accepted and ended, its attempts,
//     reason and run id.
//   - Dead letters: events whose handler failed on every attempt.
//
// Times are UTC. A page is read from the store when it is requested, and does
// not refresh itself. It needs no JavaScript and loads nothing from elsewhere.
//
// # What it does
//
// Cancel, Pause, Resume, Resolve, Forget and Replay. Each first shows a page
// that says what will happen and what it may cost at the vendor's documented
// prices; the POST that follows does it. If the submission has changed in the
// meantime, nothing is done and the page says so. So a form that is sent twice
// acts once, and a resubmission is never repeated by going back or reloading.
//
// A POST from another site is refused by [http.CrossOriginProtection].
//
// # Who may see it
//
// With [Options.Authorize], whoever it accepts may see and do everything. It is
// asked on every request, except for the style sheet and the icon.
//
// Without it the dashboard is read-only and answers requests from this machine
// only: the client's address must be loopback, and so must the requested host.
// A reverse proxy on the same machine makes everybody's address loopback. A
// request that a proxy says it has forwarded is refused, but not every proxy
// says so: behind one, set Authorize.
//
// # What is logged
//
// Every action, done or not, is logged with its user to [Options.Logger], and
// so is every request that was refused. Failures of the store are logged with
// their error, which the page does not repeat.
//
// # Privacy
//
// The pages hold keys, agent types, states, run ids, reasons, numbers and
// times. [Options.ShowResults] adds the message and the result of a submission
// to its page, as escaped text, and each such view is logged with its user. No
// page may be cached.
package dashboard
