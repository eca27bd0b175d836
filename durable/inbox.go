package durable

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/riverqueue/river"

	"github.com/heliosai/helios-go"
)

// referenceParameter is the parameter of the webhook URL that tells submissions apart.
const referenceParameter = "helios_ref"

// What an event in the store is.
const (
	eventPending = "pending" // a River job will hand it to the handler
	eventHandled = "handled" // the handler returned nil
	eventSkipped = "skipped" // a later status update was handled before
	eventDead    = "dead"    // the attempts are used up
)

const (
	selectAttempts = `SELECT reference, key, coalesce(run_id, '') FROM {references} WHERE reference = $1 OR run_id = $2`
	insertEvent    = `INSERT INTO {events} (id, run_id, sequence_number, discriminator, final, state, body, job_id, received_at)
		VALUES ($1, $2, $3, $4, $5, 'pending', $6, $7, $8) ON CONFLICT (run_id, sequence_number, discriminator) DO NOTHING`
)

// delivery is an authentic webhook on its way into the store.
type delivery struct {
	event         *helios.Event
	runID         string // as it is stored
	reference     string
	discriminator string
	body          []byte // as it is stored

	arrived time.Time
	turn    chan turn

	refused error // by commit: the webhook is of another run than its reference
}

// WebhookHandler verifies each delivery, commits its event and the job that handles it to the store, and then answers 200; for a duplicate too, which changes nothing.
// If the store cannot be reached within five seconds it answers 503; other answers are those of [helios.Receiver.Handler]. A delivery whose reference, in the URL's query,
// belongs to another run than its signed run id is answered with 401.
//
// It must get the request's URL with its query. Run does not need to be running, here or in the same process.
func (e *Engine) WebhookHandler() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		reference := r.URL.Query().Get(referenceParameter)
		e.receiver.Handler(func(ctx context.Context, ev *helios.Event) error {
			return e.receive(ctx, ev, reference)
		}).ServeHTTP(w, r)
	})
}

// Receive stores an event that was verified elsewhere, by [helios.Receiver.VerifyPayload] in a serverless function say, as WebhookHandler does. query is the query of the
// URL that was called, "" if it is not known. When it returns nil the event is safe. The error is [helios.ErrUnavailable] if the store failed, so that the delivery should come
// again, and [helios.ErrInvalidWebhook] if query has the reference of another run.
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

func (e *Engine) receive(ctx context.Context, ev *helios.Event, reference string) error {
	d := &delivery{event: ev, runID: storable(ev.RunID), reference: storable(reference), discriminator: discriminator(ev)}
	if err := e.encodePatiently(d); err != nil { //nolint:contextcheck // as below
		e.logger.ErrorContext(ctx, "helios: an event cannot be encoded for the store", slog.String("run", d.runID), slog.String("error", err.Error()))
		return err
	}
	if err := e.intake.add(d); err != nil { //nolint:contextcheck // what has arrived whole is kept, even if the sender has hung up
		failed := e.storeFailed("store an event", err)
		e.logger.ErrorContext(ctx, failed.Error(), slog.String("run", d.runID))
		return failed
	}
	if d.refused != nil {
		e.logger.WarnContext(ctx, "helios: webhook refused: its reference belongs to another run", slog.String("run", d.runID))
	}
	return d.refused
}

// encodePatiently tries again as long as the store would: a codec may ask a service for its key.
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
	return d.runID + "\x00" + strconv.Itoa(d.event.SequenceNumber) + "\x00" + d.discriminator
}

// discriminator tells events of one run and number apart.
func discriminator(ev *helios.Event) string {
	if ev.Final() || ev.SequenceNumber != 0 {
		return storable(ev.Status)
	}
	sum := sha256.Sum256(ev.Raw) // a status update without a number: only its content tells it from others
	return storable(ev.Status) + " " + hex.EncodeToString(sum[:16])
}

// storable makes a text of the sender's one that both stores take and can index: a hash stands for one that is no UTF-8, has zero bytes or is longer than serves.
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

var errOtherRun = fmt.Errorf("%w: its reference belongs to another run", helios.ErrInvalidWebhook)

// commit stores deliveries, each with its job, in one transaction, and does with their submissions what they tell.
func (e *Engine) commit(ctx context.Context, deliveries []*delivery) error {
	now := e.now()
	return e.store.writeLast(ctx, func(tx transaction) ([]*statement, error) {
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
			jobs[i] = river.InsertManyParams{Args: eventArgs{Event: ids[i]}} // one of an event that is not stored then does nothing
		}
		jobIDs, err := tx.runAndEnqueue(ctx, lookups, jobs...)
		if err != nil {
			return nil, err
		}

		var statements []*statement
		var settled settlement
		for i, d := range deliveries {
			attempt, ok := d.match(known[i])
			if d.refused = nil; !ok {
				d.refused = errOtherRun
				continue
			}
			final := 0
			if d.event.Final() {
				final = 1
			}
			statements = append(statements,
				exec(insertEvent, ids[i], d.runID, d.event.SequenceNumber, d.discriminator, final, d.body, jobIDs[i], micros(now)))
			if attempt != nil {
				settled.add(attempt, d.runID, d.event, now, e.unknownDeadline)
			}
		}
		statements = append(statements, settled.statements...)
		if len(settled.agents) == 0 {
			return statements, nil // most deliveries are status updates
		}
		if err := tx.run(ctx, statements...); err != nil {
			return nil, err
		}
		return nil, e.dispatch(ctx, tx, settled.freed()...)
	})
}

// match finds the attempt that the delivery belongs to, nil if it is of none. It reports false if its reference is of another run.
func (d *delivery) match(known []attemptRow) (*attemptRow, bool) {
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
	case byReference == nil:
		return byRun, true
	case byReference.runID != "" && byReference.runID != d.runID, byRun != nil && byRun != byReference:
		return nil, false
	default:
		return byReference, true
	}
}
