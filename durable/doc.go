// Package durable keeps submissions and webhooks of package helios in a store,
// so that a process can crash, be redeployed or be scaled out while runs are
// under way: each submission is paid once, and no acknowledged result is lost.
//
// The store is one SQLite file or, for several machines, the caller's
// PostgreSQL, with the same code.
//
//	eng, err := durable.OpenSQLite(ctx, "helios.db", client, receiver)
//	eng.HandleFunc(func(ctx context.Context, ev *helios.Event) error { ... })
//	http.Handle("POST /webhook/helios", eng.WebhookHandler())
//
//	job, err := eng.SubmitLabResults(ctx, "order-4711", req) // is stored
//	err = eng.Run(ctx)                                       // until ctx ends
//	job, err = eng.Status(ctx, "order-4711")                 // job.Result()
//
// # Submissions
//
// SubmitLabResults and SubmitAgent store the request under a key of the
// caller's. The same key with the same content is the same submission, however
// often and from wherever it is submitted; with other content it is
// [ErrKeyConflict]. The methods whose names end in Tx store it in a transaction
// of the caller's, together with changes to the caller's own tables.
//
// Workers send what is stored, oldest first, while the account has free slots
// for the agent type, which are counted over all processes. What was certainly
// not accepted is resent automatically. A 429 waits for its Retry-After. A
// refusal that is not about the one request (a wrong key, a 403, no connection)
// pauses the agent type, and one submission at a time is tried until the
// service accepts again. Only a 400, 413 or 422 ends a submission.
// [WithSpendLimit] bounds what runs may cost.
//
// # Paid once
//
// Before a submission is sent, the store commits that it is being sent. If the
// process then dies, or no readable answer comes, nobody knows whether it was
// accepted: the submission is [Unknown], keeps its slot, and is never resent
// automatically. Its webhook URL has a parameter of its own, helios_ref, with
// 128 random bits. The first webhook with it proves that the run exists. If
// none comes within [WithUnknownDeadline], [WithOnUnknown] decides. Only
// [Resubmit] can pay twice.
//
// That the service calls the webhook URL with its query is an assumption; its
// documentation does not say. Without it, runs whose answer came are found by
// their run id, and unknown outcomes stay unknown.
//
// What is queued in a restored backup may have been sent since the backup was
// made. It is held as unknown: see [WithOnRestore].
//
// # Never lost
//
// The webhook handler verifies a delivery and commits it, with the job that
// handles it, before it answers 200. If the store cannot be reached within five
// seconds, it answers 503. A duplicate is answered with 200.
//
// Each event is handed to the handler at least once, until it returns nil. The
// waits between attempts double from 1 s to 1 h; after [WithMaxAttempts] it is
// a dead letter, for [Engine.DeadLetters] and [Engine.Replay]. A status update
// older than one that was handled is skipped; a final event never is. After a
// crash a handler can be called twice for one event, so make its work
// idempotent, by run id. The function of [Engine.HandleEnd] is told in the same
// way of every submission that has ended, whatever ended it.
//
// # Operation
//
// [Engine.Submissions] lists, and [Engine.Stats] counts. [Engine.Health] says
// what keeps webhooks from being stored or submissions from being sent, and
// [StatusCode] maps errors to HTTP answers. [Engine.Cancel], [Engine.Pause],
// [Engine.Resume] and [Engine.Resolve] decide. [WithLogger], [WithObserver] and
// [WithHandlerErrors] report what happens. A result that does not come within
// [WithResultDeadline] makes its submission [Overdue]; it still has the last
// word when it comes.
//
// # Privacy
//
// Bodies and what the service wrote are stored as they are, unless [WithCodec]
// encrypts them. [WithRetention] deletes them after a time, and [Engine.Forget]
// at once. Keys, states, run ids, numbers and times are never encrypted.
// Nothing of a body, or of a handler's error text, is logged or stored in
// River's tables.
//
// # River
//
// The queue is River (https://riverqueue.com), in the transaction that changes
// the tables. Its job rows hold ids only, and are recreated if they are
// deleted. On PostgreSQL the engine needs a schema of its own ([WithSchema]),
// since another River client in it would discard its jobs. Each process records
// a heartbeat every ten seconds. If one has recorded none for thirty, what it
// was handling is handed to another, and what it was sending is unknown.
package durable
