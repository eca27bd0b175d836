package heliostest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"slices"
	"time"
)

// steps are the documented steps of a light run. What the steps of a deep or a
// lab-results run are called is not known; the fake uses the same for them.
var steps = []string{
	"Processing started",
	"Analyzing health data",
	"Selecting relevant elements",
	"Researching medical literature",
	"Generating patient response",
	"Generating clinician response",
	"Finalizing results",
	"Delivering final results",
}

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

// event is the body of a webhook.
type event struct {
	RunID          string     `json:"runId"`
	Status         string     `json:"status"`
	Agent          string     `json:"agent"`
	Timestamp      string     `json:"timestamp"`
	SequenceNumber int        `json:"sequenceNumber"`
	Step           int        `json:"step,omitempty"`
	TotalSteps     int        `json:"totalSteps,omitempty"`
	StepName       string     `json:"stepName,omitempty"`
	Result         any        `json:"result,omitempty"`
	Error          *eventFail `json:"error,omitempty"`
}

type eventFail struct {
	Message string `json:"message"`
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
	for i, name := range steps {
		queue <- encode(event{
			RunID: r.id, Status: "processing", Agent: r.sub.agent, SequenceNumber: i + 1,
			Step: i + 1, TotalSteps: len(steps), StepName: name,
		})
		if !pause(s.ctx, s.config.interval) {
			return
		}
	}
	final := event{RunID: r.id, Status: "completed", Agent: r.sub.agent, SequenceNumber: len(steps) + 1}
	if r.faults.fail {
		final.Status, final.Error = "error", &eventFail{r.faults.failMessage}
	} else {
		final.Result = newResult(r.sub)
	}
	last := encode(final)

	// The slot is free before the final event is sent: whoever has received it
	// can submit again.
	s.mu.Lock()
	r.ended = true
	s.active[r.sub.agent]--
	s.mu.Unlock()
	queue <- last
}

func encode(e event) webhook {
	e.Timestamp = time.Now().UTC().Format("2006-01-02T15:04:05.000Z")
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false) // only Go escapes <, > and &
	if err := enc.Encode(e); err != nil {
		panic("heliostest: cannot encode an event: " + err.Error())
	}
	return webhook{e.SequenceNumber, e.Status, bytes.TrimSuffix(buf.Bytes(), []byte("\n"))}
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

// withoutURL unwraps the error that net/http and net/url put around the cause:
// a webhook URL may hold a token.
func withoutURL(err error) error {
	var wrapped *url.Error
	if errors.As(err, &wrapped) {
		return wrapped.Err
	}
	return err
}

func (s *Server) delivered(r *run, d Delivery) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r.deliveries = append(r.deliveries, d)
}

// finished counts a run as done: ended, and its deliveries made. A run that Close
// cut off never is.
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
