package durable

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"time"

	"github.com/heliosai/helios-go"
)

// MaxKeyLength is the longest key of a submission, in bytes.
const MaxKeyLength = 200

// agentLabResults is the agent type of lab results, as the service's events call it.
const agentLabResults = "lab-results"

var (
	// ErrNotFound means that there is no submission with this key, or no dead letter with this id.
	ErrNotFound = errors.New("helios: durable: not found")
	// ErrKeyConflict means that the key was used before, for another request.
	ErrKeyConflict = errors.New("helios: durable: the key was used for another request")
	// ErrDeleted means that the body was deleted, as [WithRetention] says.
	ErrDeleted = errors.New("helios: durable: the body was deleted after its retention")
)

// Submission is what is known of a submission. Printing or logging it shows its key, state and run id, and no data of a patient's.
type Submission struct {
	// Key is the caller's name for it.
	Key string
	// Agent is "light", "deep" or "lab-results".
	Agent string
	// State is how far it has come.
	State State
	// RunID is the accepted run's id; empty before that.
	RunID string
	// Progress is the last status update that came; its fields are zero where none did. See [helios.Event.Progress].
	Progress helios.Progress
	// Attempts is how often it was sent, or begun to be sent.
	Attempts int
	// Reason says why it waits, is unknown or failed; it holds no data of a patient's.
	Reason string
	// Message is what the service wrote when it refused the submission, or in the error event of its run. It may repeat what was sent.
	Message string `json:"-"`

	// The times are zero until it happens. SubmittedAt is the last attempt's, EndedAt that of completed and failed.
	CreatedAt, SubmittedAt, AcceptedAt, EndedAt time.Time

	final   *helios.Event
	deleted bool
}

// Event returns the final event, or nil if it has not come or was deleted as [WithRetention] says.
func (s *Submission) Event() *helios.Event { return s.final }

// Result returns the result of a completed run. Errors: those of [helios.Event.Result], [helios.ErrNoResult] before the final event, [ErrDeleted].
func (s *Submission) Result() (*helios.Result, error) {
	switch {
	case s.final != nil:
		return s.final.Result()
	case s.deleted:
		return nil, ErrDeleted
	default:
		return nil, helios.ErrNoResult
	}
}

// Format prints key, agent, state and run id, whatever the verb.
func (s Submission) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, s.describe()) }

// LogValue logs key, agent, state and run id.
func (s Submission) LogValue() slog.Value { return slog.StringValue(s.describe()) }

func (s Submission) describe() string {
	text := fmt.Sprintf("durable.Submission{%s, %s, %s", s.Key, s.Agent, s.State)
	if s.RunID != "" {
		text += ", run " + s.RunID
	}
	return text + "}"
}

const (
	insertSubmission = `INSERT INTO {submissions} (key, agent, state, digest, request, created_at, due_at)
		VALUES ($1, $2, 'queued', $3, $4, $5, $5) ON CONFLICT (key) DO NOTHING`
	selectDigest = `SELECT digest FROM {submissions} WHERE key = $1`
)

// SubmitLabResults stores the submission of lab results under key, and returns. The engine's workers send it when a slot is free: Run must run somewhere.
//
// The same key with the same content is the same submission: nothing is stored or sent again, and its present state is returned. The same key with other content is
// [ErrKeyConflict]. Other errors: [helios.ValidationError] for a request that Submit would refuse; [helios.ErrUnavailable] if the store failed, in which case it can be called again.
//
// key is the caller's name for it, of 1 to 200 bytes, such as an order's number. It appears in logs, so it should not tell who the patient is. The request's results go to its WebhookURL or
// the client's; it must lead to [Engine.WebhookHandler].
func (e *Engine) SubmitLabResults(ctx context.Context, key string, req *helios.LabResultsRequest) (*Submission, error) {
	en, err := e.labResultsEntry(key, req)
	if err != nil {
		return nil, err
	}
	return e.submit(ctx, en)
}

// SubmitAgent stores the submission of a patient's record under key, as [Engine.SubmitLabResults] does.
func (e *Engine) SubmitAgent(ctx context.Context, key string, req *helios.AgentRequest) (*Submission, error) {
	en, err := e.agentEntry(key, req)
	if err != nil {
		return nil, err
	}
	return e.submit(ctx, en)
}

func (e *Engine) submit(ctx context.Context, en *entry) (s *Submission, err error) {
	conflict := error(nil) // is not the store's failure
	failed := e.store.write(ctx, func(tx transaction) error {
		s, err = e.enter(ctx, tx, en)
		if conflict = nil; errors.Is(err, ErrKeyConflict) || errors.As(err, new(*codecError)) {
			conflict = err
		}
		return err
	})
	switch {
	case conflict != nil:
		return nil, conflict
	case failed != nil:
		return nil, e.storeFailed("store submission "+en.key, failed)
	}
	return s, nil
}

// entry is a valid request on its way into the store.
type entry struct {
	key, agent string
	content    []byte // as the caller gave it: where the client's results go does not make it another request
	request    []byte // as it is stored
}

func (e *Engine) labResultsEntry(key string, req *helios.LabResultsRequest) (*entry, error) {
	if err := e.client.LabResults.Validate(req); err != nil {
		return nil, err
	}
	withURL := *req
	if withURL.WebhookURL == "" {
		withURL.WebhookURL = e.client.WebhookURL()
	}
	return e.newEntry(key, agentLabResults, req, withURL)
}

func (e *Engine) agentEntry(key string, req *helios.AgentRequest) (*entry, error) {
	if err := e.client.Agent.Validate(req); err != nil {
		return nil, err
	}
	withURL := *req
	if withURL.WebhookURL == "" {
		withURL.WebhookURL = e.client.WebhookURL()
	}
	return e.newEntry(key, string(req.AgentType), req, withURL)
}

func (e *Engine) newEntry(key, agent string, given, withURL any) (*entry, error) {
	if err := checkKey(key); err != nil {
		return nil, err
	}
	content, err := json.Marshal(given)
	if err != nil {
		return nil, err
	}
	request, err := json.Marshal(withURL)
	if err != nil {
		return nil, err
	}
	if request, err = e.encode(request, "request", key); err != nil {
		return nil, err
	}
	return &entry{key, agent, content, request}, nil
}

// enter stores a submission, or finds that it is there.
func (e *Engine) enter(ctx context.Context, tx transaction, en *entry) (*Submission, error) {
	now := e.now()
	insert := exec(insertSubmission, en.key, en.agent, newDigest(en.agent, en.content), en.request, micros(now))
	if err := tx.run(ctx, insert); err != nil {
		return nil, e.storeFailed("store submission "+en.key, err)
	}
	if insert.affected == 0 {
		return e.again(ctx, tx, en)
	}
	if err := e.dispatch(ctx, tx, en.agent); err != nil {
		return nil, e.storeFailed("store submission "+en.key, err)
	}
	return &Submission{Key: en.key, Agent: en.agent, State: Queued, CreatedAt: now.UTC()}, nil
}

// again finds the submission that has the key already.
func (e *Engine) again(ctx context.Context, tx transaction, en *entry) (*Submission, error) {
	var digest []byte
	if err := tx.run(ctx, query(func(r row) error { return r.Scan(&digest) }, selectDigest, en.key)); err != nil {
		return nil, e.storeFailed("find submission "+en.key, err)
	}
	if !sameDigest(digest, en.agent, en.content) {
		return nil, fmt.Errorf("%w: %s", ErrKeyConflict, en.key)
	}
	return e.find(ctx, tx.run, en.key)
}

func checkKey(key string) error {
	switch {
	case key == "":
		return errors.New("helios: durable: the key is empty")
	case len(key) > MaxKeyLength:
		return fmt.Errorf("helios: durable: the key is longer than %d bytes", MaxKeyLength)
	case key != storable(key) || strings.TrimSpace(key) != key:
		return errors.New("helios: durable: the key must be UTF-8 without zero bytes and without white space around it")
	}
	return nil
}

const saltSize = 16

// newDigest tells later whether a request is the same, after its body was deleted too. The salt keeps equal requests from having equal digests.
func newDigest(agent string, content []byte) []byte {
	salt := make([]byte, saltSize)
	_, _ = rand.Read(salt) // never fails
	return digest(salt, agent, content)
}

func sameDigest(stored []byte, agent string, content []byte) bool {
	return len(stored) > saltSize && hmac.Equal(stored, digest(stored[:saltSize], agent, content))
}

func digest(salt []byte, agent string, content []byte) []byte {
	mac := hmac.New(sha256.New, salt)
	mac.Write([]byte(agent))
	mac.Write([]byte{0})
	mac.Write(content)
	return mac.Sum(append([]byte(nil), salt...))
}
