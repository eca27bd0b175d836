package heliostest

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"slices"
	"time"
)

// A receiver that takes longer than this for its answer counts as down.
const deliveryTimeout = 30 * time.Second

// run is an accepted submission on its way to its final event. The fields below
// the line change, under Server.mu.
type run struct {
	id       string
	sub      *submission
	faults   runFaults
	request  []byte
	accepted time.Time

	ended      bool
	deliveries []Delivery
}

// webhook is an event as it is sent: encoded once, so that it is the same bytes
// each time.
type webhook struct {
	sequence int
	status   string
	body     []byte
}

// start processes the run. Events are delivered by a goroutine of their own: a
// slow receiver must not hold the run's slot.
func (s *Server) start(r *run) {
	queue := make(chan webhook, len(steps)+1) // room for all of them
	s.work.Go(func() {
		defer close(queue)
		s.process(r, queue)
	})
	s.work.Go(func() {
		defer s.finished()
		s.deliverAll(r, queue)
	})
}

// process walks through the steps and sends the events into the queue. If the
// server closes, the run stays without an end.
func (s *Server) process(r *run, queue chan<- webhook) {
	for i := range steps {
		queue <- newWebhook(newUpdate(r.id, r.sub.agent, i+1))
		if !pause(s.ctx, s.config.interval) {
			return
		}
	}

	final := newCompleted(r.id, r.sub)
	if r.faults.fail {
		final = newFailed(r.id, r.sub.agent, r.faults.failMessage)
	}
	last := newWebhook(final)

	// The slot is free before the final event is sent: whoever has received it
	// can submit again.
	s.mu.Lock()
	r.ended = true
	s.active[r.sub.agent]--
	s.mu.Unlock()
	queue <- last
}

// newWebhook returns an event that is sent from now on.
func newWebhook(e event) webhook {
	return webhook{e.SequenceNumber, e.Status, e.encode(time.Now())}
}

// deliverAll delivers what comes through the queue, in order, unless the run's
// faults say otherwise.
func (s *Server) deliverAll(r *run, queue <-chan webhook) {
	var held *webhook // the first of a pair that is to be swapped
	for hook := range queue {
		update := hook.sequence <= len(steps)
		switch {
		case update && r.faults.loseUpdates, !update && r.faults.loseFinal:
		case update && r.faults.reorder && held == nil:
			held = &hook
		default:
			s.deliver(r, hook)
			if held != nil {
				s.deliver(r, *held)
				held = nil
			}
		}
	}
}

// deliver sends a webhook until the receiver has taken it, or it is given up.
func (s *Server) deliver(r *run, hook webhook) {
	copies, attempts := 1, s.config.attempts
	if r.faults.duplicate {
		copies = 2
	}
	if r.faults.wrongSignature || r.faults.late {
		attempts = 1 // to be refused, which must not look like a receiver that is down
	}

	sent := 0
	for range copies {
		wait := s.config.redeliveryWait
		for attempt := 1; attempt <= attempts; attempt++ {
			if s.ctx.Err() != nil {
				return
			}

			status, err := s.send(r, hook.body)
			sent++
			s.delivered(r, Delivery{hook.sequence, hook.status, sent, status, err})
			if status/100 == 2 || errors.Is(err, errNotLoopback) {
				break
			}

			if attempt < attempts && !pause(s.ctx, wait) {
				return
			}
			if wait < time.Minute {
				wait *= 2
			}
		}
	}
}

// send makes one attempt and returns the receiver's status code.
func (s *Server) send(r *run, body []byte) (int, error) {
	target, err := url.Parse(r.sub.webhookURL)
	if err != nil {
		return 0, withoutURL(err)
	}
	if !s.config.anyHost && !isLoopback(target.Hostname()) {
		return 0, errNotLoopback
	}

	secret := s.config.secret
	if r.faults.wrongSignature {
		secret += "-of-somebody-else"
	}

	ctx, cancel := context.WithTimeout(s.ctx, deliveryTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, target.String(), bytes.NewReader(body))
	if err != nil {
		return 0, withoutURL(err)
	}
	req.Header = Sign(secret, body, time.Now().Add(-r.faults.age))

	resp, err := s.config.client.Do(req)
	if err != nil {
		return 0, withoutURL(err)
	}
	defer resp.Body.Close()

	_, _ = io.CopyN(io.Discard, resp.Body, 64<<10) // its answer is of no interest, but may still be on its way
	return resp.StatusCode, nil
}

// withoutURL returns the cause inside the errors that net/http and net/url put
// around it: a webhook URL may hold a token. There is one inside the other if a
// transport is a client itself.
func withoutURL(err error) error {
	var wrapped *url.Error
	for errors.As(err, &wrapped) {
		err = wrapped.Err
	}
	return err
}

func (s *Server) delivered(r *run, d Delivery) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r.deliveries = append(r.deliveries, d)
}

// finished counts a run as done: ended, and its deliveries made. A run that
// Close cut off never is.
func (s *Server) finished() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ctx.Err() != nil {
		return
	}
	if s.pending--; s.pending == 0 {
		close(s.idle)
	}
}

// snapshot returns the run as a test sees it. The caller holds Server.mu.
func (r *run) snapshot() Run {
	return Run{
		ID:         r.id,
		Agent:      r.sub.agent,
		WebhookURL: r.sub.webhookURL,
		Accepted:   r.accepted,
		Ended:      r.ended,
		Request:    bytes.Clone(r.request),
		Deliveries: slices.Clone(r.deliveries),
	}
}
