package heliostest

import (
	"fmt"
	"time"
)

// A Fault is something that goes wrong with one submission or with its run.
// See [Server.Inject].
type Fault func(*faults)

// faults is all that goes wrong with one submission; the zero value is nothing.
type faults struct {
	delay      time.Duration
	reset      bool
	status     int
	location   string
	dropAnswer bool
	halfAnswer bool

	run runFaults
}

// runFaults is what goes wrong after the submission was accepted.
type runFaults struct {
	duplicate, reorder     bool
	loseUpdates, loseFinal bool
	wrongSignature, late   bool
	age                    time.Duration
	fail                   bool
	failMessage            string
}

// Inject arms one later submission with all of the given faults. Every call
// arms one more, first in, first out; a call without faults lets one submission
// pass unharmed. A submission is a POST to one of the two endpoints with the
// right API key. It uses up its faults even when it is refused.
func (s *Server) Inject(list ...Fault) {
	var f faults
	for _, fault := range list {
		if fault != nil {
			fault(&f)
		}
	}

	s.mu.Lock()
	defer s.mu.Unlock()
	s.armed = append(s.armed, f)
}

// takeFaults returns the faults of the submission at hand.
func (s *Server) takeFaults() faults {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.armed) == 0 {
		return faults{}
	}
	f := s.armed[0]
	s.armed = s.armed[1:]
	return f
}

// DropAnswer accepts the run, then closes the connection without an answer.
func DropAnswer() Fault { return func(f *faults) { f.dropAnswer = true } }

// Reset reads the whole request, accepts nothing and resets the connection.
func Reset() Fault { return func(f *faults) { f.reset = true } }

// HalfAnswer accepts the run, sends half of the answer and closes the
// connection.
func HalfAnswer() Fault { return func(f *faults) { f.halfAnswer = true } }

// Delay waits before it handles the submission, for d or until the client goes
// away. A client that has gone away does not undo its submission: the run is
// accepted then, as by a server that does not watch the connection.
func Delay(d time.Duration) Fault { return func(f *faults) { f.delay = d } }

// Status accepts nothing and answers with this status and an error body. For
// 401 and 429 that is the documented answer, for 429 as if other runs of the
// account held all slots. It panics if code is not a final HTTP status.
func Status(code int) Fault {
	checkStatus(code, 200, 599)
	return func(f *faults) { f.status, f.location = code, "" }
}

// Redirect accepts nothing and answers with this status and Location header. It
// panics if code is not 3xx.
func Redirect(code int, location string) Fault {
	checkStatus(code, 300, 399)
	return func(f *faults) { f.status, f.location = code, location }
}

// A typo must fail in the test's own line, not in a handler's goroutine.
func checkStatus(code, low, high int) {
	if code < low || code > high {
		panic(fmt.Sprintf("heliostest: status %d is not in %d to %d", code, low, high))
	}
}

// DuplicateWebhooks delivers every webhook of the run twice.
func DuplicateWebhooks() Fault { return func(f *faults) { f.run.duplicate = true } }

// ReorderWebhooks delivers the run's status updates in pairwise swapped order:
// 2, 1, 4, 3 and so on. The final event stays last.
func ReorderWebhooks() Fault { return func(f *faults) { f.run.reorder = true } }

// LoseWebhooks never sends the run's status updates. It does send the final
// event.
func LoseWebhooks() Fault { return func(f *faults) { f.run.loseUpdates = true } }

// LoseFinalWebhook never sends the run's final event.
func LoseFinalWebhook() Fault { return func(f *faults) { f.run.loseFinal = true } }

// WrongSignature signs the run's webhooks with another secret. Each is sent
// once and not redelivered.
func WrongSignature() Fault { return func(f *faults) { f.run.wrongSignature = true } }

// LateWebhooks sends the run's webhooks with an X-Helios-Timestamp that lies
// age in the past, or in the future if age is negative. Each is sent once and
// not redelivered.
func LateWebhooks(age time.Duration) Fault {
	return func(f *faults) { f.run.late, f.run.age = true, age }
}

// FailRun makes the run end with status "error" and this message, after its
// usual status updates.
func FailRun(message string) Fault {
	return func(f *faults) { f.run.fail, f.run.failMessage = true, message }
}
