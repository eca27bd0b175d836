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

// agentLabResults is the agent type of lab results, as the service's events
// call it.
const agentLabResults = "lab-results"

var (
	// ErrNotFound means that there is no submission with this key, or no dead
	// letter with this id.
	ErrNotFound = errors.New("helios: durable: not found")
	// ErrState means that a submission's state does not allow what was asked
	// for.
	ErrState = errors.New("helios: durable: not possible in the submission's state")
	// ErrKeyConflict means that the key was used before, for another request.
	ErrKeyConflict = errors.New("helios: durable: the key was used for another request")
	// ErrDeleted means that the data was deleted: by [WithRetention] or
	// [Engine.Forget].
	ErrDeleted = errors.New("helios: durable: the data was deleted")
)

// Submission is what is known of a submission. Printing, logging or encoding it
// shows no patient data.
type Submission struct {
	// Key is the caller's name for it.
	Key string `json:"key"`
	// Agent is "light", "deep" or "lab-results".
	Agent string `json:"agent"`
	// State is how far it has come.
	State State `json:"state"`
	// RunID is the accepted run's id; empty before that.
	RunID string `json:"runId,omitempty"`
	// Progress is the last status update that came; its fields are zero where
	// none did. See [helios.Event.Progress].
	Progress helios.Progress `json:"progress,omitzero"`
	// Attempts is how often sending it was begun.
	Attempts int `json:"attempts"`
	// Reason says why it waits, is unknown, is overdue or has ended; it holds
	// no patient data.
	Reason string `json:"reason,omitempty"`
	// Message is what the service wrote when it refused the submission, or in
	// the error event of its run. It may repeat what was sent.
	Message string `json:"-"`

	// CreatedAt is when it was stored. The other times are zero until they
	// come.
	CreatedAt time.Time `json:"createdAt"`
	// SubmittedAt is when its last attempt began.
	SubmittedAt time.Time `json:"submittedAt,omitzero"`
	// AcceptedAt is when its acceptance was known.
	AcceptedAt time.Time `json:"acceptedAt,omitzero"`
	// EndedAt is when it became overdue, completed, failed or canceled.
	EndedAt time.Time `json:"endedAt,omitzero"`

	// Event is the final event, with the result. It is nil before the event has
	// come, after it was deleted, and in what [Engine.Submissions] lists.
	Event *helios.Event `json:"-"`
	// Deleted reports whether the final event came and was deleted, by
	// [WithRetention] or [Engine.Forget].
	Deleted bool `json:"deleted,omitempty"`
}

// Result returns the result of a completed run. The errors are those of
// [helios.Event.Result], [helios.ErrNoResult] before the final event, and
// [ErrDeleted].
func (s *Submission) Result() (*helios.Result, error) {
	switch {
	case s.Event != nil:
		return s.Event.Result()
	case s.Deleted:
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

const selectDigest = `SELECT digest FROM {submissions} WHERE key = $1`

// SubmitLabResults stores the submission of lab results under key, and returns.
// The engine's workers send it when a slot is free: Run must run somewhere.
//
// The same key with the same content is the same submission: nothing is stored
// or sent again, and its present state is returned. The error is
// [helios.ErrUnavailable] if the store failed, after which it can be called
// again; [helios.ValidationError] for a request that Submit would refuse;
// [ErrKeyConflict] for a key that was used with other content; and [ErrDeleted]
// for one that was forgotten. [StatusCode] maps them to HTTP answers.
//
// key is the caller's name for it, of 1 to 200 bytes, such as an order's
// number. It appears in logs, so it should not identify the patient. The
// results go to the request's WebhookURL or, if that is empty, to the default
// of the client that sends it. Either must lead to [Engine.WebhookHandler].
func (e *Engine) SubmitLabResults(ctx context.Context, key string, req *helios.LabResultsRequest) (*Submission, error) {
	en, err := e.labResultsEntry(ctx, key, req)
	if err != nil {
		return nil, err
	}
	return e.submit(ctx, en)
}

// SubmitAgent stores the submission of a patient's record under key, as
// [Engine.SubmitLabResults] does.
func (e *Engine) SubmitAgent(ctx context.Context, key string, req *helios.AgentRequest) (*Submission, error) {
	en, err := e.agentEntry(ctx, key, req)
	if err != nil {
		return nil, err
	}
	return e.submit(ctx, en)
}

func (e *Engine) submit(ctx context.Context, en *entry) (s *Submission, err error) {
	conflict := error(nil) // is not the store's failure
	failed := e.store.write(ctx, func(tx transaction) error {
		s, err = e.enter(ctx, tx, en)
		conflict = nil
		if errors.Is(err, ErrKeyConflict) || errors.Is(err, ErrDeleted) || errors.As(err, new(*codecError)) {
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
	// content is the request as the caller gave it, and same in another form
	// that counts as the same, or nil.
	content, same []byte
	request       []byte // as it is stored
	trace         []byte // as it is stored
}

func (e *Engine) labResultsEntry(ctx context.Context, key string, req *helios.LabResultsRequest) (*entry, error) {
	if err := e.client.LabResults.Validate(req); err != nil {
		return nil, err
	}
	same := *req
	same.WebhookURL = e.otherForm(req.WebhookURL)
	return e.newEntry(ctx, key, agentLabResults, req, &same)
}

func (e *Engine) agentEntry(ctx context.Context, key string, req *helios.AgentRequest) (*entry, error) {
	if err := e.client.Agent.Validate(req); err != nil {
		return nil, err
	}
	same := *req
	same.WebhookURL = e.otherForm(req.WebhookURL)
	return e.newEntry(ctx, key, string(req.AgentType), req, &same)
}

// otherForm returns what a request may also say that means the same as this
// webhook URL: to name the client's default is to name none.
func (e *Engine) otherForm(webhookURL string) string {
	switch strings.TrimSpace(webhookURL) {
	case "":
		return e.client.WebhookURL()
	case e.client.WebhookURL():
		return ""
	default:
		return webhookURL
	}
}

// newEntry encodes a request as it was given. The client's default webhook URL
// is put in when it is sent, so that results follow it when it moves.
func (e *Engine) newEntry(ctx context.Context, key, agent string, given, same any) (*entry, error) {
	if err := checkKey(key); err != nil {
		return nil, err
	}
	en := &entry{key: key, agent: agent}
	var err error
	if en.content, err = json.Marshal(given); err != nil {
		return nil, err
	}
	if en.same, err = json.Marshal(same); err != nil {
		return nil, err
	}

	if en.request, err = e.encode(en.content, "request", key); err != nil {
		return nil, err
	}
	if en.trace, err = e.encodeTrace(ctx, key); err != nil {
		return nil, err
	}
	return en, nil
}

// enter stores a submission, or finds that it is there.
func (e *Engine) enter(ctx context.Context, tx transaction, en *entry) (*Submission, error) {
	now := e.now()
	insert := exec(insertSubmission,
		en.key, en.agent, newDigest(en.agent, en.content), en.request, micros(now), newReference(), en.trace)
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
	var stored []byte
	err := tx.run(ctx, query(func(r row) error { return r.Scan(&stored) }, selectDigest, en.key))
	if err != nil {
		return nil, e.storeFailed("find submission "+en.key, err)
	}
	if len(stored) == 0 {
		return nil, fmt.Errorf("%w: %s was forgotten, and its key cannot be used again", ErrDeleted, en.key)
	}

	if !sameDigest(stored, en.agent, en.content) && !sameDigest(stored, en.agent, en.same) {
		return nil, fmt.Errorf("%w: %s", ErrKeyConflict, en.key)
	}
	return e.find(ctx, tx.run, en.key)
}

func checkKey(key string) error {
	switch {
	case key == "":
		return invalid("key", "is empty")
	case len(key) > MaxKeyLength:
		return invalid("key", fmt.Sprintf("is longer than %d bytes", MaxKeyLength))
	case key != storable(key) || strings.TrimSpace(key) != key:
		return invalid("key", "must be UTF-8 without zero bytes and without white space around it")
	}
	return nil
}

const saltSize = 16

// newDigest tells later whether a request is the same, after its body was
// deleted too. The salt keeps equal requests from having equal digests.
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
