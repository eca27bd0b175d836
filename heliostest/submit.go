package heliostest

import (
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"mime"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"
)

const (
	agentPath      = "/api/v1/agent"
	labResultsPath = "/api/v1/lab-results"

	agentLight      = "light"
	agentDeep       = "deep"
	agentLabResults = "lab-results"

	maxBody = 16 << 20
)

// handle answers one request: read, recorded, checked, accepted, answered.
func (s *Server) handle(w http.ResponseWriter, r *http.Request) {
	s.work.Add(1)
	defer s.work.Done()

	body, err := io.ReadAll(io.LimitReader(r.Body, maxBody+1))
	if err != nil {
		s.refuse(w, nil, agentOf(r.URL.Path, nil), http.StatusBadRequest, "the request body could not be read")
		return
	}
	if len(body) > maxBody {
		// A client that is cut off while it writes may never see the answer.
		_, _ = io.CopyN(io.Discard, r.Body, 4*maxBody)
		s.refuse(w, nil, agentOf(r.URL.Path, nil), http.StatusRequestEntityTooLarge,
			"the request body is larger than 16 MiB")
		return
	}
	seen := s.record(r, body)
	agent := agentOf(r.URL.Path, body)

	if r.URL.Path != agentPath && r.URL.Path != labResultsPath {
		s.refuse(w, seen, agent, http.StatusNotFound, "no such endpoint")
		return
	}
	if r.Method != http.MethodPost {
		w.Header().Set("Allow", http.MethodPost)
		s.refuse(w, seen, agent, http.StatusMethodNotAllowed, "this endpoint takes POST only")
		return
	}
	if keys := r.Header.Values("X-Api-Key"); len(keys) != 1 || keys[0] != s.config.apiKey {
		s.refuse(w, seen, agent, http.StatusUnauthorized, "")
		return
	}

	f := s.takeFaults()
	if !pause(r.Context(), f.delay) && s.ctx.Err() != nil {
		hangUp(w, false)
		return
	}
	switch {
	case f.reset:
		hangUp(w, true)
		return
	case f.status != 0:
		if f.location != "" {
			w.Header().Set("Location", f.location)
		}
		s.refuse(w, seen, agent, f.status, "injected by the test")
		return
	}

	if !isJSON(r.Header) {
		s.refuse(w, seen, agent, http.StatusUnsupportedMediaType, "Content-Type must be application/json")
		return
	}

	sub, err := parse(agent, body, s.config.anyHost)
	if err != nil {
		s.refuse(w, seen, agent, http.StatusBadRequest, err.Error())
		return
	}
	accepted, active := s.accept(sub, body, f.run, seen)
	if accepted == nil {
		s.refuseLimit(w, seen, agent, active)
		return
	}
	defer s.start(accepted) // last, so that the answer has a head start on the first webhook

	if f.dropAnswer {
		hangUp(w, false)
		return
	}

	answer := fmt.Sprintf(`{"runId": %q, "status": "accepted", `+
		`"message": "Request accepted. Results will be delivered to your webhook."}`, accepted.id)
	s.answer(w, seen, active, http.StatusOK, answer, f.halfAnswer)
}

// agentOf returns the agent type whose slots a request counts against. Before a
// body is found valid this is a guess, for the headers that every answer has.
func agentOf(path string, body []byte) string {
	if path == labResultsPath {
		return agentLabResults
	}

	var fields struct {
		AgentType json.RawMessage `json:"agentType"`
	}
	if err := json.Unmarshal(body, &fields); err == nil && string(fields.AgentType) == `"`+agentDeep+`"` {
		return agentDeep
	}
	return agentLight
}

func isJSON(h http.Header) bool {
	mediaType, params, err := mime.ParseMediaType(h.Get("Content-Type"))
	if err != nil || mediaType != "application/json" {
		return false
	}
	charset, given := params["charset"]
	return !given || strings.EqualFold(charset, "utf-8")
}

// accept takes a slot and makes the run. It returns nil if no slot is free. The
// second result is the number of slots in use, this run's included.
func (s *Server) accept(sub *submission, body []byte, f runFaults, seen *Request) (*run, int) {
	s.mu.Lock()
	defer s.mu.Unlock()

	if s.active[sub.agent] >= s.config.limit {
		return nil, s.active[sub.agent]
	}

	r := &run{id: newRunID(), sub: sub, faults: f, request: body, accepted: time.Now()}
	seen.RunID = r.id
	s.runs = append(s.runs, r)
	s.active[sub.agent]++
	if s.pending == 0 {
		s.idle = make(chan struct{})
	}
	s.pending++
	return r, s.active[sub.agent]
}

// refuse answers with an error body: the documented one for 401 and 429, and
// the same pair of fields for all others.
func (s *Server) refuse(w http.ResponseWriter, seen *Request, agent string, status int, message string) {
	switch status {
	case http.StatusTooManyRequests:
		s.refuseLimit(w, seen, agent, s.config.limit)
		return
	case http.StatusUnauthorized:
		message = "Invalid or missing API key"
	}

	code := http.StatusText(status)
	if code == "" {
		code = "Error"
	}
	s.answer(w, seen, s.Active(agent), status, fmt.Sprintf(`{"error": %q, "message": %q}`, code, message), false)
}

func (s *Server) refuseLimit(w http.ResponseWriter, seen *Request, agent string, active int) {
	seconds := (s.config.retryAfter + time.Second - 1) / time.Second
	w.Header().Set("Retry-After", strconv.FormatInt(int64(seconds), 10))
	s.answer(w, seen, active, http.StatusTooManyRequests, fmt.Sprintf(
		`{"error": "Too many concurrent requests", `+
			`"message": "You have %d active %s agent requests. Maximum is %d.", "activeCount": %d, "limit": %d}`,
		active, agent, s.config.limit, active, s.config.limit), false)
}

// answer writes the answer. It is recorded first: a client that has its answer
// finds it recorded.
func (s *Server) answer(w http.ResponseWriter, seen *Request, active, status int, body string, half bool) {
	s.answered(seen, status)

	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("X-Concurrent-Limit", strconv.Itoa(s.config.limit))
	h.Set("X-Concurrent-Active", strconv.Itoa(active))
	h.Set("X-Concurrent-Remaining", strconv.Itoa(max(s.config.limit-active, 0)))
	if half {
		// net/http closes a connection on which it sent less than it announced.
		h.Set("Content-Length", strconv.Itoa(len(body)))
		body = body[:len(body)/2]
	}
	w.WriteHeader(status)
	_, _ = io.WriteString(w, body) // fails if the client is gone, or for a status that has no body
}

// hangUp closes the connection without an answer, or resets it.
func hangUp(w http.ResponseWriter, reset bool) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		panic(http.ErrAbortHandler) // closes it too
	}
	if tcp, ok := conn.(*net.TCPConn); ok && reset {
		_ = tcp.SetLinger(0)
	}
	_ = conn.Close()
}

// newRunID returns a random UUID of version 4.
func newRunID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails
	b[6] = b[6]&0x0f | 0x40
	b[8] = b[8]&0x3f | 0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}
