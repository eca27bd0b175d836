package durable

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"log/slog"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/riverqueue/river"

	"github.com/heliosai/helios-go"
)

// referenceParameter is the parameter of the webhook URL that tells submissions
// apart.
const referenceParameter = "helios_ref"

// The states of an event in the store, and the first and last those of an end
// too.
const (
	rowPending   = "pending" // a River job will hand it to the handler
	eventHandled = "handled" // the handler returned nil
	eventSkipped = "skipped" // a later status update was handled before, or it was forgotten
	rowDead      = "dead"    // the attempts are used up
)

const (
	selectAttempts = `SELECT reference, key, coalesce(run_id, '') FROM {references} WHERE reference = $1 OR run_id = $2`
	// Where a row changes without a change of its size, SQLite writes only the
	// pages that differ, and not the body again. So settled_at has a value from
	// the beginning there, which means nothing while the event is pending.
	insertEvent = `INSERT INTO {events}
			(id, run_id, sequence_number, discriminator, final, state, body, job_id, received_at, settled_at)
		VALUES ($1, $2, $3, $4, $5, 'pending', $6, $7, $8, {unsettled $8})
		ON CONFLICT (run_id, sequence_number, discriminator) DO NOTHING`
	// A second run of one submission was paid too. Its reference has no key, so
	// that nothing of it becomes the submission's; duplicate_of lets Forget and
	// the spend limit find it.
	linkDuplicate = `INSERT INTO {references} (reference, key, run_id, created_at, agent, spent_at, duplicate_of)
		SELECT $1, '', $2, $3, agent, $3, key FROM {submissions} WHERE key = $4 ON CONFLICT DO NOTHING`
)

// delivery is an authentic webhook on its way into the store.
type delivery struct {
	event         *helios.Event
	runID         string // as it is stored
	reference     string
	discriminator string
	body          []byte // as it is stored

	key    string     // of the submission that it belongs to; empty if none is known
	stray  string     // the submission whose reference it has, though its run is another
	insert *statement // that stored it
}

// WebhookHandler verifies each delivery, commits its event and the job that
// handles it to the store, and then answers 200; for a duplicate too, which
// changes nothing. If the store cannot be reached within five seconds it
// answers 503; other answers are those of [helios.Receiver.Handler].
//
// It must get the request's URL with its query. The reference in it is not
// signed, so the signed run id takes precedence: if the event's run is not the
// reference's, because the POST was duplicated on its way, say, the event is
// kept without a key. [Engine.Forget] erases it with the submission, and
// [WithSpendLimit] counts its run. Run does not need to be running, in this
// process or in another.
func (e *Engine) WebhookHandler() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		reference := r.URL.Query().Get(referenceParameter)
		e.receiver.Handler(func(ctx context.Context, ev *helios.Event) error {
			return e.receive(ctx, ev, reference)
		}).ServeHTTP(w, r)
	})
}

// Receive stores an event that was verified elsewhere, by
// [helios.Receiver.VerifyPayload] in a serverless function say, as
// WebhookHandler does. query is the query of the URL that was called, nil if it
// is not known. When it returns nil the event is safe. The error is
// [helios.ErrUnavailable] if the store failed, so the delivery should be
// repeated.
func (e *Engine) Receive(ctx context.Context, ev *helios.Event, query map[string][]string) error {
	reference := ""
	if values := query[referenceParameter]; len(values) > 0 {
		reference = values[0]
	}
	if ev == nil || ev.RunID == "" {
		return errors.New("helios: durable: Receive: no event")
	}
	return e.receive(ctx, ev, reference)
}

// receive stores an event, and tells the observer.
func (e *Engine) receive(ctx context.Context, ev *helios.Event, reference string) error {
	begun := e.now()
	d := &delivery{event: ev, runID: storable(ev.RunID), reference: storable(reference),
		discriminator: discriminator(ev)}
	err := e.storeEvent(ctx, d)
	if e.observer == nil {
		return err
	}

	a := Activity{
		Kind: ActivityDelivery, Outcome: ActivityStored, Agent: ev.Agent, RunID: ev.RunID,
		Final: ev.Final(), Duration: e.now().Sub(begun),
	}
	switch {
	case err != nil:
		a.Outcome = ActivityNotStored
	case d.duplicate():
		a.Outcome = ActivityDuplicate
	}
	e.observe(e.withTraceOf(ctx, d.key), a)
	return err
}

func (e *Engine) storeEvent(ctx context.Context, d *delivery) error {
	if err := e.encodePatiently(d); err != nil { //nolint:contextcheck // as below
		e.logger.ErrorContext(ctx, "helios: an event could not be encoded for the store", slog.String("run", d.runID),
			slog.String("error", err.Error()))
		return err
	}
	// What has arrived whole is kept, even if the sender has hung up.
	if err := e.intake.add(ctx, d); err != nil {
		failed := e.storeFailed("store an event", err)
		e.logger.ErrorContext(ctx, failed.Error(), slog.String("run", d.runID))
		return failed
	}
	if d.stray != "" {
		e.logger.WarnContext(ctx, "helios: an event names another run than its submission; it was stored without a key",
			slog.String("run", d.runID), slog.String("key", d.stray))
	}
	return nil
}

// encodePatiently tries again as long as the store would: a codec may ask a
// service for its key.
func (e *Engine) encodePatiently(d *delivery) (err error) {
	ctx, cancel := context.WithTimeout(context.Background(), e.patience)
	defer cancel()
	for pause := 50 * time.Millisecond; ; pause = min(2*pause, time.Second) {
		if d.body, err = e.encode(d.event.Raw, "event", d.name()); err == nil || !wait(ctx, pause) {
			return err
		}
	}
}

// name identifies the event among all.
func (d *delivery) name() string {
	return d.runID + "\x00" + strconv.FormatInt(d.event.SequenceNumber, 10) + "\x00" + d.discriminator
}

// discriminator tells events of one run and number apart.
func discriminator(ev *helios.Event) string {
	if ev.Final() || ev.SequenceNumber != 0 {
		return storable(ev.Status)
	}
	sum := sha256.Sum256(ev.Raw) // a status update without a number: only its content tells it from others
	return storable(ev.Status) + " " + hex.EncodeToString(sum[:16])
}

// storable makes a text of the sender's one that both stores take and can
// index: a hash stands for one that is no UTF-8, has zero bytes or is longer
// than serves.
func storable(s string) string {
	const longest = 200
	if len(s) > longest || !utf8.ValidString(s) || strings.Contains(s, "\x00") {
		sum := sha256.Sum256([]byte(s))
		return "sha256:" + hex.EncodeToString(sum[:])
	}
	return s
}

// attemptRow is a submission's attempt as the store knows it.
type attemptRow struct{ reference, key, runID string }

// inOrder sorts deliveries by what identifies them, final events last in their
// run. Transactions that store the same deliveries, or others of the same runs,
// then lock the same rows in the same order.
func inOrder(deliveries []*delivery) []*delivery {
	return slices.SortedFunc(slices.Values(deliveries), func(a, b *delivery) int {
		return cmp.Or(
			cmp.Compare(a.runID, b.runID),
			cmp.Compare(a.final(), b.final()),
			cmp.Compare(a.event.SequenceNumber, b.event.SequenceNumber),
			cmp.Compare(a.discriminator, b.discriminator))
	})
}

// commit stores deliveries, each with its job, in one transaction, and does
// with their submissions what they tell.
func (e *Engine) commit(ctx context.Context, deliveries []*delivery) error {
	now, deliveries := e.now(), inOrder(deliveries)
	return e.store.write(ctx, func(tx transaction) error {
		known := make([][]attemptRow, len(deliveries))
		lookups := make([]*statement, len(deliveries))
		ids := make([]int64, len(deliveries))
		jobs := make([]river.InsertManyParams, len(deliveries))
		for i, d := range deliveries {
			lookups[i] = query(func(r row) error {
				var a attemptRow
				err := r.Scan(&a.reference, &a.key, &a.runID)
				known[i] = append(known[i], a)
				return err
			}, selectAttempts, d.reference, d.runID)
			ids[i] = newID(now)
			// A job of an event that is not stored then does nothing.
			jobs[i] = river.InsertManyParams{Args: eventArgs{Event: ids[i]}}
		}
		if err := tx.run(ctx, lookups...); err != nil {
			return err
		}
		jobIDs, err := tx.enqueue(ctx, jobs...)
		if err != nil {
			return err
		}

		var statements []*statement
		var c changes
		for i, d := range deliveries {
			attempt := d.match(known[i])
			d.insert = exec(insertEvent, ids[i], d.runID, d.event.SequenceNumber, d.discriminator, d.final(), d.body,
				jobIDs[i], micros(now))
			statements = append(statements, d.insert)
			switch {
			case attempt != nil:
				d.key = attempt.key
				c.addEvent(attempt, d.runID, d.event, now, e.unknownDeadline)
			case d.stray != "":
				statements = append(statements, exec(linkDuplicate, newReference(), d.runID, micros(now), d.stray))
			}
		}
		if err := tx.run(ctx, append(statements, c.statements...)...); err != nil || !c.ending {
			return err // most deliveries are status updates
		}
		return e.follow(ctx, tx, &c)
	})
}

// final is 1 for the last event of a run, as it is stored, or 0.
func (d *delivery) final() int {
	if d.event.Final() {
		return 1
	}
	return 0
}

// duplicate reports whether the event was in the store already.
func (d *delivery) duplicate() bool { return d.insert != nil && d.insert.affected == 0 }

// match finds the attempt that the delivery belongs to, nil if it is of none.
// The run id decides; a reference counts as long as no run of it is known.
func (d *delivery) match(known []attemptRow) *attemptRow {
	d.stray = ""
	var byReference, byRun *attemptRow
	for i := range known {
		if known[i].reference == d.reference {
			byReference = &known[i]
		}
		if known[i].runID == d.runID {
			byRun = &known[i]
		}
	}

	switch {
	case byReference == nil || byReference == byRun:
		// It is the run's, if that is known.
	case byRun != nil || byReference.runID != "":
		d.stray = byReference.key
	default:
		return byReference
	}
	if byRun != nil && byRun.key == "" { // a duplicate
		return nil
	}
	return byRun
}
