package dashboard

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/heliosai/helios-go/durable"
)

// actTimeout bounds one action. To cancel a thousand submissions takes some
// time.
const actTimeout = time.Minute

// command is what a form asks for.
type command struct {
	Action     string
	Key, Agent string
	ID         int64  // of a dead letter
	Seen       string // what the confirmation was based on
}

// plan is a command, checked against what is stored.
type plan struct {
	command
	Question string
	Effects  []string
	Cost     string
	Label    string // of the button
	Costly   bool   // it may cost money, or cannot be undone
	Facts    []fact
	Back     string // where the reader goes who does not want it

	do     func(ctx context.Context) error
	unless string // why the engine may refuse it, other than its state
	done   string // where the reader goes afterwards
	bulk   *bulk  // set if it is about many submissions
}

// fact is something to know before deciding.
type fact struct{ Name, Value string }

// planners make the plan of each action.
var planners = map[string]func(*handler, *http.Request, command) (*plan, error){
	"cancel":        (*handler).planCancel,
	"resubmit":      (*handler).planResubmit,
	"fail":          (*handler).planFail,
	"hold":          (*handler).planHold,
	"forget":        (*handler).planForget,
	"pause":         (*handler).planPause,
	"resume":        (*handler).planResume,
	"replay":        (*handler).planReplay,
	"cancel-queued": (*handler).planCancelQueued,
}

// notices say what was just done. They are chosen by the link, so they say
// nothing that the page does not show.
var notices = map[string]string{
	"cancel":   "The submission was canceled.",
	"resubmit": "The submission is back in the queue.",
	"fail":     "The submission was marked as failed.",
	"hold":     "The submission was left as it is.",
	"forget":   "The data of this submission was erased.",
	"replay":   "The dead letter will be handled again.",
}

var errReadOnly = &pageError{
	Status: http.StatusForbidden, Title: "This dashboard is read-only",
	Text: "Nothing was done. To allow actions, the program that serves it must set Options.Authorize.",
}

// confirm shows what an action would do. It changes nothing.
func (h *handler) confirm(r *http.Request) (*page, error) {
	if h.readOnly() {
		return nil, errReadOnly
	}
	p, err := h.plan(r, r.URL.Query())
	if err != nil {
		return nil, err
	}
	return &page{template: "confirm", Title: p.Question, Search: p.Key, Body: p}, nil
}

// act does what was confirmed, if what is stored is still what was confirmed.
func (h *handler) act(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), actTimeout)
	defer cancel()
	r = r.WithContext(ctx)
	r.Body = http.MaxBytesReader(w, r.Body, maxFormSize)

	p, err := h.perform(r)
	h.record(r, p, err)

	switch {
	case err != nil && p != nil && p.bulk != nil && p.bulk.canceled > 0:
		h.fail(w, r, p.bulk.interrupted(h.storeFailed(r, err)))
	case err != nil:
		h.fail(w, r, err)
	case p.bulk != nil:
		h.render(w, r, http.StatusOK, p.bulk.report())
	default:
		w.Header().Set("Location", p.done)
		w.WriteHeader(http.StatusSeeOther)
	}
}

// perform returns the plan that it has carried out or failed to, or nil if
// there is none.
func (h *handler) perform(r *http.Request) (*plan, error) {
	if h.readOnly() {
		return nil, errReadOnly
	}
	if err := r.ParseForm(); err != nil {
		return nil, &pageError{
			Status: http.StatusBadRequest,
			Title:  "The form could not be read",
			Text:   "Nothing was done.",
		}
	}

	p, err := h.plan(r, r.PostForm)
	if err != nil {
		return nil, err
	}
	if seen := r.PostForm.Get("seen"); seen != p.Seen {
		return p, changed(p.Key, "")
	}

	err = p.do(r.Context())
	if errors.Is(err, durable.ErrNotFound) || errors.Is(err, durable.ErrState) {
		refused := changed(p.Key, "")
		refused.Text = strings.TrimSpace(refused.Text + " " + p.unless)
		return p, refused
	}
	return p, err
}

// plan reads a command and checks it.
func (h *handler) plan(r *http.Request, form url.Values) (*plan, error) {
	c := command{Action: form.Get("action"), Key: form.Get("key"), Agent: form.Get("agent"), Seen: form.Get("seen")}
	planner, found := planners[c.Action]
	if !found {
		return nil, &pageError{
			Status: http.StatusBadRequest,
			Title:  "There is no such action",
			Text:   "Nothing was done.",
		}
	}
	if text := form.Get("id"); text != "" {
		id, err := letterID(text)
		if err != nil {
			return nil, err
		}
		c.ID = id
	}
	return planner(h, r, c)
}

// record logs what was done, by whom, and what came of it.
func (h *handler) record(r *http.Request, p *plan, err error) {
	attrs := about(r)
	if p != nil {
		attrs = append(attrs, slog.String("action", p.Action))
		if p.Key != "" {
			attrs = append(attrs, slog.String("key", p.Key))
		}
		if p.Agent != "" {
			attrs = append(attrs, slog.String("agent", p.Agent))
		}
		if p.ID != 0 {
			attrs = append(attrs, slog.Int64("dead_letter", p.ID))
		}
		if p.bulk != nil {
			attrs = append(attrs, slog.Int("canceled", p.bulk.canceled))
		}
	}

	if err != nil {
		attrs = append(attrs, slog.String("error", err.Error()))
		h.logger.WarnContext(r.Context(), "helios: dashboard: action not done", attrs...)
		return
	}
	h.logger.InfoContext(r.Context(), "helios: dashboard: action done", attrs...)
}

// changed is the answer to someone who has decided about what is not so any
// more.
func changed(key string, now durable.State) *pageError {
	e := &pageError{
		Status: http.StatusConflict, Title: "The page was out of date", Key: key,
		Text: "Someone else has acted, or something has happened, since it was loaded. Nothing was done.",
	}
	if now != "" {
		e.Text = "The submission is now " + string(now) + ", so this is not possible. Nothing was done."
	}
	return e
}
