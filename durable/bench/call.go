package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/heliosai/helios-go"
	"github.com/heliosai/helios-go/durable"
	"github.com/heliosai/helios-go/durable/dashboard"
)

// call is something that is measured.
type call struct {
	name string
	// prepare makes one ready, before the clock starts.
	prepare func(ctx context.Context, g *growing) (func() error, error)
}

func labs(value int) *helios.LabResultsRequest {
	return &helios.LabResultsRequest{LabResults: []helios.LabResult{{
		Name: "Creatinine", Value: fmt.Sprintf("1.%d mg/dL", value), Flag: helios.FlagHigh, Date: "2025-01-15",
	}}}
}

var engineCalls = []call{
	{"SubmitLabResults", func(ctx context.Context, g *growing) (func() error, error) {
		key := g.newKey()
		return func() error { _, err := g.engine.SubmitLabResults(ctx, key, labs(1)); return err }, nil
	}},
	{"SubmitAgent", func(ctx context.Context, g *growing) (func() error, error) {
		key := g.newKey()
		req := &helios.AgentRequest{AgentType: helios.AgentDeep, Data: helios.HealthData{
			RecentAbnormalLabs: []helios.Lab{{Display: "Creatinine", Value: "1.8", Unit: "mg/dL", Date: "2025-01-15"}},
		}}
		return func() error { _, err := g.engine.SubmitAgent(ctx, key, req); return err }, nil
	}},
	{"SubmitLabResults, the same again", func(ctx context.Context, g *growing) (func() error, error) {
		key, err := g.submit(ctx)
		return func() error { _, err := g.engine.SubmitLabResults(ctx, key, labs(1)); return err }, err
	}},
	{"Status, with the result", func(ctx context.Context, g *growing) (func() error, error) {
		key := keyOf(g.some(durable.Completed))
		return func() error {
			s, err := g.engine.Status(ctx, key)
			if err == nil && (s.State != durable.Completed || s.Event == nil) {
				err = fmt.Errorf("%s is %s without its result", key, s.State)
			}
			return err
		}, nil
	}},
	{"Status, queued", func(ctx context.Context, g *growing) (func() error, error) {
		key := keyOf(g.some(durable.Queued))
		return func() error { _, err := g.engine.Status(ctx, key); return err }, nil
	}},
	{"Stats", func(ctx context.Context, g *growing) (func() error, error) {
		return func() error { _, err := g.engine.Stats(ctx); return err }, nil
	}},
	{"Health", func(ctx context.Context, g *growing) (func() error, error) {
		return func() error { return ignore(g.engine.Health(ctx), durable.ErrPaused, durable.ErrNotRunning) }, nil
	}},
	list("Submissions, first page", durable.Filter{}, 0),
	list("Submissions, a page in the middle", durable.Filter{}, 0.5),
	list("Submissions, last page", durable.Filter{}, 0.95),
	list("Submissions, completed, middle", durable.Filter{State: durable.Completed}, 0.5),
	list("Submissions, queued, first page", durable.Filter{State: durable.Queued}, 0),
	list("Submissions, of an agent, middle", durable.Filter{Agent: labResults}, 0.5),
	list("Submissions, completed of an agent, middle",
		durable.Filter{State: durable.Completed, Agent: labResults}, 0.5),
	{"Cancel", func(ctx context.Context, g *growing) (func() error, error) {
		key, err := g.submit(ctx)
		return func() error { return g.engine.Cancel(ctx, key) }, err
	}},
	{"Pause", func(ctx context.Context, g *growing) (func() error, error) {
		return func() error { return g.engine.Pause(ctx, labResults) }, nil
	}},
	{"Resume", func(ctx context.Context, g *growing) (func() error, error) {
		return func() error { return g.engine.Resume(ctx, "light") }, nil
	}},
	resolve("Resolve, send again", durable.Resubmit),
	resolve("Resolve, give up", durable.Fail),
	{"Forget", func(ctx context.Context, g *growing) (func() error, error) {
		i, err := g.add(ctx, storedRun{
			state: durable.Completed, number: eventsPerRun, event: handled, ended: time.Now(),
		})
		return func() error { return g.engine.Forget(ctx, keyOf(i)) }, err
	}},
	letters("DeadLetters, first page", false),
	letters("DeadLetters, last page", true),
	{"Replay", func(ctx context.Context, g *growing) (func() error, error) {
		i, err := g.add(ctx, storedRun{state: durable.Completed, number: eventsPerRun, event: dead, ended: time.Now()})
		return func() error { return g.engine.Replay(ctx, int64(i+1)) }, err
	}},
	{"Receive", func(ctx context.Context, g *growing) (func() error, error) {
		ev, err := helios.ParseEvent(g.write(g.newRun(), 1))
		return func() error { return g.engine.Receive(ctx, ev, nil) }, err
	}},
	{"WebhookHandler, a duplicate", func(ctx context.Context, g *growing) (func() error, error) {
		run := runID("stored", g.some(durable.Completed))
		return g.delivery(ctx, g.write(run, eventsPerRun), run, "")
	}},
	{"WebhookHandler, the result of a submission", func(ctx context.Context, g *growing) (func() error, error) {
		i, err := g.add(ctx, storedRun{state: durable.Accepted, number: 1, event: handled})
		if err != nil {
			return nil, err
		}
		run := runID("stored", i)
		return g.delivery(ctx, g.write(run, eventsPerRun), run, referenceOf(keyOf(i)))
	}},
}

func list(name string, filter durable.Filter, after float64) call {
	return call{name, func(ctx context.Context, g *growing) (func() error, error) {
		filter := filter
		if after > 0 {
			filter.After = keyOf(int(after * float64(g.size)))
		}
		filter.Limit = 25 // the small store has as many of each
		return func() error {
			page, err := g.engine.Submissions(ctx, filter)
			if err == nil && len(page) == 0 {
				err = fmt.Errorf("an empty page after %q", filter.After)
			}
			return err
		}, nil
	}}
}

func resolve(name string, decision durable.Decision) call {
	return call{name, func(ctx context.Context, g *growing) (func() error, error) {
		i, err := g.add(ctx, storedRun{state: durable.Unknown})
		return func() error { return g.engine.Resolve(ctx, keyOf(i), decision) }, err
	}}
}

func letters(name string, middle bool) call {
	return call{name, func(ctx context.Context, g *growing) (func() error, error) {
		after := int64(0)
		if middle {
			after = int64(g.size - few/2)
		}
		return func() error { _, err := g.engine.DeadLetters(ctx, after, 25); return err }, nil
	}}
}

// pageCalls are the pages of the dashboard, those that ask before an action
// included.
var pageCalls = []call{
	page("/", nil),
	page("/submissions", nil),
	page("/submissions", func(g *growing) url.Values { return url.Values{"after": {keyOf(g.size / 2)}} }, "after"),
	page("/submissions", func(g *growing) url.Values {
		return url.Values{"state": {"completed"}, "agent": {labResults}, "after": {keyOf(g.size / 2)}}
	}, "state", "agent", "after"),
	page("/submission", func(g *growing) url.Values {
		return url.Values{"key": {keyOf(g.some(durable.Completed))}}
	}, "key"),
	page("/dead-letters", nil),
	page("/dead-letters", func(g *growing) url.Values {
		return url.Values{"after": {fmt.Sprint(g.size / 2)}}
	}, "after"),
	confirm("cancel", durable.Queued),
	confirm("resubmit", durable.Unknown),
	confirm("fail", durable.Overdue),
	confirm("hold", durable.Overdue),
	confirm("forget", durable.Completed),
	page("/confirm", func(*growing) url.Values {
		return url.Values{"action": {"resume"}, "agent": {labResults}}
	}, "resume"),
	page("/confirm", func(*growing) url.Values {
		return url.Values{"action": {"cancel-queued"}}
	}, "cancel-queued"),
	{"page /confirm (replay)", func(ctx context.Context, g *growing) (func() error, error) {
		i, err := g.add(ctx, storedRun{state: durable.Completed, number: eventsPerRun, event: dead, ended: time.Now()})
		return g.get(ctx, "/confirm", url.Values{"action": {"replay"}, "id": {fmt.Sprint(i + 1)}}), err
	}},
}

// page gets a page with a query. params say what is in it.
func page(path string, query func(*growing) url.Values, params ...string) call {
	name := "page " + path
	if len(params) > 0 {
		name += " (" + strings.Join(params, ", ") + ")"
	}
	return call{name, func(ctx context.Context, g *growing) (func() error, error) {
		var values url.Values
		if query != nil {
			values = query(g)
		}
		return g.get(ctx, path, values), nil
	}}
}

func confirm(action string, state durable.State) call {
	return page("/confirm", func(g *growing) url.Values {
		return url.Values{"action": {action}, "key": {keyOf(g.some(state))}}
	}, action)
}

func dashboardOf(e *durable.Engine) http.Handler {
	return dashboard.Handler(e, dashboard.Options{
		Authorize: func(*http.Request) (string, bool) { return "bench", true },
	})
}

func (g *growing) get(ctx context.Context, path string, query url.Values) func() error {
	r := httptest.NewRequestWithContext(ctx, http.MethodGet, path+"?"+query.Encode(), nil)
	return func() error {
		w := httptest.NewRecorder()
		g.pages.ServeHTTP(w, r)
		if w.Code != http.StatusOK {
			return fmt.Errorf("%s was answered with status %d", r.URL, w.Code)
		}
		return nil
	}
}

func (g *growing) delivery(ctx context.Context, body []byte, run, reference string) (func() error, error) {
	r, err := webhook(ctx, body, run, reference)
	return func() error { return deliver(g.handler, r) }, err
}

// submit queues a submission.
func (g *growing) submit(ctx context.Context) (key string, err error) {
	key = g.newKey()
	_, err = g.engine.SubmitLabResults(ctx, key, labs(1))
	return key, err
}

func (g *growing) newKey() string {
	g.added++
	return keyOf(g.size + g.added)
}

func (g *growing) newRun() string {
	g.added++
	return runID("new", g.added)
}

// ignore returns err unless it is one of expected.
func ignore(err error, expected ...error) error {
	if slices.ContainsFunc(expected, func(target error) bool { return errors.Is(err, target) }) {
		return nil
	}
	return err
}
