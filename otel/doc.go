// Package heliosotel traces and counts what package helios does, with
// OpenTelemetry.
//
//	tel := heliosotel.New() // the global providers
//	client, err := helios.NewClient(tel.ClientOptions()...)
//	receiver, err := helios.NewReceiver(tel.ReceiverOptions()...)
//
// With package durable, give its engine the options of durableotel:
//
//	eng, err := durable.OpenSQLite(ctx, "helios.db", client, receiver,
//		durableotel.Options(tel)...)
//	registration, err := durableotel.RegisterStats(tel, eng)
//
// # Spans
//
// A Submit has the span helios.submit, and each of its attempts a span that
// follows the semantic conventions for HTTP clients. A delivery has the span
// helios.delivery, which links to that of the run's submission as long as this
// process knows it: it keeps the last 10,000 runs. With durable the trace is
// stored with the submission, so the link outlives the process, and the
// handler's spans belong to the trace of whoever submitted.
//
// No trace header is sent to the service: baggage can hold anything.
//
// # Metrics
//
// The README of this module lists them, with units and attributes. Each
// attribute has a fixed set of values; any other value counts as "other".
//
// # Privacy
//
// Spans and metrics hold neither health data nor keys, secrets, keys of durable
// submissions, bodies, URL queries or error texts. Spans have run ids, metrics
// do not. The path of a request is recorded only if it is one of the service's
// two endpoints: that of a [helios.Client.Do] could name a patient.
//
// # Dependencies
//
// The package links the API of OpenTelemetry for Go, its only widespread
// implementation, and not its SDK: the application chooses where the data goes.
// What needs package durable is in durableotel, so that River and SQLite are
// linked only where durable is.
package heliosotel
