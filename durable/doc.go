// Package durable keeps submissions and webhooks of package helios in a store, so that a process may die, be deployed and be scaled out while runs are under way: each
// submission is paid once, and no acknowledged result is lost.
//
// The store is one SQLite file by default, or the caller's PostgreSQL for many machines, with the same code.
//
//	eng, err := durable.OpenSQLite(ctx, "helios.db", client, receiver) // or OpenPostgres(ctx, pool, client, receiver)
//	eng.HandleFunc(func(ctx context.Context, ev *helios.Event) error { ... })
//	http.Handle("POST /webhook/helios", eng.WebhookHandler())
//
//	job, err := eng.SubmitLabResults(ctx, "order-4711", req) // returns when it is stored
//	err = eng.Run(ctx)                                       // works until ctx ends, then drains
//	job, err = eng.Status(ctx, "order-4711")                 // job.State, job.Result()
//
// # Submissions
//
// SubmitLabResults and SubmitAgent store the request under a key of the caller's, and return. The same key with the same content is the same submission, however often and
// from wherever it is submitted; with other content it is [ErrKeyConflict]. [PostgresEngine.SubmitLabResultsTx] and [SQLiteEngine.SubmitLabResultsTx] do so inside a transaction with the caller's own
// tables.
//
// Workers send what is stored, oldest first, as long as the account has free slots for the agent type. Slots are counted in the store, across all processes; the limit is 7 until
// an answer of the service tells another. What certainly was not accepted is sent again by itself, as long as it takes: after a 429 when its Retry-After has passed, after a connection
// that could not be made or a key that was refused with growing waits of up to five minutes, in which nothing else of its agent type is sent either. What the service refuses as wrong
// has failed; see [Submission.Message].
//
// # Paid once
//
// That a submission is being sent is committed before it is sent. If the process dies then, or no readable answer comes, nobody knows whether it was accepted: the submission
// is [Unknown], keeps its slot, and is never sent again by itself. Its webhook URL has a parameter of its own, helios_ref, with 128 random bits. The first webhook that comes
// with it proves that the run exists, and makes the submission [Accepted]. If none comes until [WithUnknownDeadline], [WithOnUnknown] decides: to hold it, to give it up or to send it again; and
// [Engine.Resolve] decides by hand. Only sending again can pay twice, and nothing but these two does it.
//
// That the service calls the webhook URL with its query is an assumption; its documentation does not say. If it does not, runs whose answer came are found by their run id, and only
// unknown outcomes stay unknown.
//
// # Never lost
//
// The webhook handler verifies a delivery and commits it, with the job that will handle it, before it answers 200. If the store cannot be reached it waits for
// five seconds, then answers 503. A duplicate is answered with 200 and changes nothing, at any time: what tells duplicates is never deleted.
//
// Each event is handed to the handler at least once, until it returns nil. The waits between attempts double from 1 s to 1 h. After [WithMaxAttempts] the event is a dead letter, which is kept, can be
// listed ([Engine.DeadLetters]) and replayed ([Engine.Replay]). A status update older than one that was handled is left out; a final event never is.
//
// A handler can be called twice for one event: after a crash between its return and the commit that says so. So let it do what it does under the event's run id, once.
//
// Processes say every ten seconds that they live. What one that has not done so for thirty seconds was handling is handed to another, and what it was sending is unknown. The store's
// clock tells. Deadlines are written and read by the machines' own clocks, which should agree to within a minute.
//
// # Privacy
//
// Requests, events and what the service wrote are stored as they are, unless [WithCodec] encrypts them; [NewAESGCM] does, with keys that can be rotated. Keys, agent types, states, run ids, numbers, statuses and
// times are never encrypted. [WithRetention] deletes bodies some time after they were handled; in a SQLite file they are overwritten, from PostgreSQL's files they go with its
// vacuum and its log. The engine logs nothing of a body, and of a handler's error its type only: its text may hold
// anything. Neither does it stand in River's tables. A SQLite file is made readable by its owner only.
//
// # River
//
// The queue is River (https://riverqueue.com): one set of jobs, on SQLite and PostgreSQL, in the transaction that changes the tables. It was measured and chosen over NATS JetStream, DBOS, Watermill, asynq and goqite.
// Its defaults that would harm here are set otherwise: jobs of dead processes are found after seconds, not an hour; dead letters are rows of this package, which River's cleaner does not
// touch; a job's time is the handler's; nothing is logged to standard output. River's job rows hold ids, no data; if they are deleted, the engine makes them anew.
//
// On PostgreSQL all tables are in a schema of their own ([WithSchema]), because a River client of other programs in the same schema would discard the engine's jobs. On SQLite
// (modernc.org/sqlite, which needs no C compiler) the file is opened with a write-ahead log, synchronous=FULL and secure_delete, and written through one connection. PostgreSQL connections with
// synchronous_commit off are refused. [SQLiteEngine.River] and
// [PostgresEngine.River] are for riverui; the module's README shows how.
//
// # Operation
//
// [Engine.Stats] counts what waits, runs, is unknown or dead, and how old the oldest is, for any metrics library. [Engine.Health] is for a readiness check. [WithLogger] sets a log.
// Tables are made and updated when an engine is opened, by one process at a time.
//
// Errors start with "helios: " and work with errors.Is: [ErrNotFound], [ErrKeyConflict], [ErrDeleted], [ErrUndecodable], and [helios.ErrUnavailable] where the store failed and the call can be repeated.
package durable
