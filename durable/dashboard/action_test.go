package dashboard

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/heliosai/helios-go"
	"github.com/heliosai/helios-go/durable"
	"github.com/heliosai/helios-go/durable/dashboard/internal/enginetest"
)

func TestActions(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, query string
		want        []string // on the confirmation
		call        string   // of the engine
		location    string
		logged      string
	}{
		{
			"cancel",
			"action=cancel&key=order-4702",
			[]string{
				"Cancel this submission?",
				"It will not be sent",
				"Costs nothing. The run would have cost $3.50.",
			},
			"cancel order-4702",
			"submission?done=cancel&key=order-4702",
			"action=cancel key=order-4702 agent=deep",
		},
		{
			"resubmit an unknown one",
			"action=resubmit&key=order-4706",
			[]string{
				"Send this submission again?",
				"May cost $3.50 a second time: it is not known whether it was accepted before.",
			},
			"resolve order-4706 resubmit",
			"submission?done=resubmit&key=order-4706",
			"action=resubmit key=order-4706 agent=deep",
		},
		{
			"resubmit an overdue one",
			"action=resubmit&key=order-4707",
			[]string{"Costs $3.50 a second time: it was already accepted as run 6fa459ea-ee8a-4ca4-894e-db77e160355e."},
			"resolve order-4707 resubmit",
			"submission?done=resubmit&key=order-4707",
			"action=resubmit key=order-4707",
		},
		{
			"resubmit a failed one",
			"action=resubmit&key=order-4708",
			[]string{
				"Costs $0.65. If it was accepted before, you pay a second time; see the reason above.",
				"Reason Helios answered 422 Unprocessable Entity",
			},
			"resolve order-4708 resubmit",
			"submission?done=resubmit&key=order-4708",
			"action=resubmit key=order-4708",
		},
		{"give up", "action=fail&key=order-4706",
			[]string{"Give up on this submission?", "If a webhook for its run arrives later, the result still counts."},
			"resolve order-4706 fail", "submission?done=fail&key=order-4706", "action=fail key=order-4706"},
		{"hold", "action=hold&key=order-4707",
			[]string{"Keep waiting for this submission?", "It stays overdue until"},
			"resolve order-4707 hold", "submission?done=hold&key=order-4707", "action=hold key=order-4707"},
		{"forget", "action=forget&key=order-4705",
			[]string{"Erase the data of this submission?", "This cannot be undone.",
				"so that the same key is never paid twice"},
			"forget order-4705", "submission?done=forget&key=order-4705", "action=forget key=order-4705"},
		{
			"pause",
			"action=pause&agent=light",
			[]string{
				"Pause light?",
				"No process sends submissions of type light until someone resumes it.",
				"Slots in use 2 of 7",
			},
			"pause light",
			"./#agents",
			"action=pause agent=light",
		},
		{
			"resume",
			"action=resume&agent=deep",
			[]string{
				"Resume deep?",
				"as slots become free. Queued now: 1 submission.",
				"Sending what is queued costs $3.50 at the documented prices.",
				"Reason paused until it is resumed",
			},
			"resume deep",
			"./#agents",
			"action=resume agent=deep",
		},
		{
			"replay",
			"action=replay&id=17",
			[]string{
				"Replay this dead letter?",
				"Costs nothing: nothing is sent to Helios.",
				"Key order-4705",
				"Attempts 100",
			},
			"replay 17",
			"dead-letters?done=replay",
			"action=replay key=order-4705 dead_letter=17",
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			c := newConsole()

			page := c.get(t, "confirm?"+tt.query)
			assert.Equal(t, http.StatusOK, page.StatusCode)
			for _, want := range append(tt.want, "Go back") {
				assert.Contains(t, page.text, want)
			}
			assert.NotContains(t, page.html, enginetest.HealthData)
			assert.Empty(t, c.engine.Calls(), "to ask is not to do")

			got := c.post(t, c.confirmed(t, tt.query))
			assert.Equal(t, http.StatusSeeOther, got.StatusCode)
			assert.Equal(t, tt.location, got.Header.Get("Location"))
			assert.Equal(t, []string{tt.call}, c.engine.Calls())
			assert.Contains(
				t,
				c.log.String(),
				`msg="helios: dashboard: action done" user=m.garcia remote=127.0.0.1:50000 `+
					`method=POST path=/act `+tt.logged,
			)
		})
	}
}

// TestActions_SentTwice: whoever reloads, goes back or presses twice must not
// pay twice.
func TestActions_SentTwice(t *testing.T) {
	t.Parallel()
	c := newConsole()
	form := c.confirmed(t, "action=resubmit&key=order-4706")
	assert.Equal(t, http.StatusSeeOther, c.post(t, form).StatusCode)

	again := c.post(t, form)
	assert.Equal(t, http.StatusConflict, again.StatusCode)
	assert.Contains(
		t,
		again.text,
		"The page was out of date The submission is now queued, so this is not possible. Nothing was done.",
	)

	// It has become unknown again: another attempt, and another payment.
	c.engine.Put(durable.Submission{Key: "order-4706", Agent: "deep", State: durable.Unknown, Attempts: 2})
	third := c.post(t, form)
	assert.Equal(t, http.StatusConflict, third.StatusCode)
	assert.Contains(t, third.text, "Someone else has acted")
	assert.Contains(t, third.html, `href="submission?key=order-4706"`)
	assert.Equal(t, []string{"resolve order-4706 resubmit"}, c.engine.Calls())
	assert.Contains(t, c.log.String(), `msg="helios: dashboard: action not done" user=m.garcia`)
}

func TestActions_SomebodyIsFaster(t *testing.T) {
	t.Parallel()
	for query, faster := range map[string]func(*enginetest.Engine){
		"action=cancel&key=order-4701": func(e *enginetest.Engine) {
			e.Put(durable.Submission{Key: "order-4701", State: durable.Submitting})
		},
		"action=replay&id=17": func(e *enginetest.Engine) { e.Letters = nil },
	} {
		c := newConsole()
		form := c.confirmed(t, query)
		c.engine.BeforeAct = faster

		got := c.post(t, form)

		assert.Equal(t, http.StatusConflict, got.StatusCode, query)
		assert.Contains(t, got.text, "The page was out of date", query)
		assert.Contains(t, got.text, "Nothing was done", query)
		assert.Empty(t, c.engine.Calls(), query)
	}
}

func TestActions_Refused(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, query string
		status      int
		want        string
	}{
		{"no action", "key=order-4701", 400, "There is no such action"},
		{"an action that does not exist", "action=delete&key=order-4701", 400, "There is no such action"},
		{"cancel what runs", "action=cancel&key=order-4704", 409, "is now accepted"},
		{"resubmit what has completed", "action=resubmit&key=order-4705", 409, "is now completed"},
		{"give up what has failed", "action=fail&key=order-4708", 409, "is now failed"},
		{"forget what runs", "action=forget&key=order-4704", 409, "is now accepted"},
		{"cancel a key that is not there", "action=cancel&key=x", 404, "No submission has this key"},
		{"cancel without a key", "action=cancel", 400, "No key was given"},
		{"pause what is paused", "action=pause&agent=deep", 409, "The page was out of date"},
		{"resume what is not paused", "action=resume&agent=light", 409, "The page was out of date"},
		{"pause no agent", "action=pause", 404, "There is no such agent type"},
		{"replay what is not there", "action=replay&id=18", 404, "Dead letter not found"},
		{"replay no number", "action=replay&id=17x", 400, "Invalid dead letter number"},
		{
			"cancel all of an agent that is not there",
			"action=cancel-queued&agent=heavy",
			400,
			"There is no such agent type",
		},
		{"cancel all before no time", "action=cancel-queued&seen=yesterday", 400, "The form could not be read"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			c := newConsole()
			form, err := url.ParseQuery(tt.query)
			assert.NoError(t, err)

			for _, got := range []*answer{c.get(t, "confirm?"+tt.query), c.post(t, form)} {
				assert.Equal(t, tt.status, got.StatusCode)
				assert.Contains(t, got.text, tt.want)
			}
			assert.Empty(t, c.engine.Calls())
		})
	}
}

func TestActions_WithoutConfirmation(t *testing.T) {
	t.Parallel()
	c := newConsole()
	got := c.post(t, url.Values{"action": {"resubmit"}, "key": {"order-4706"}})
	assert.Equal(t, http.StatusConflict, got.StatusCode)
	assert.Empty(t, c.engine.Calls())
}

func TestActions_FormTooLarge(t *testing.T) {
	t.Parallel()
	c := newConsole()
	form := c.confirmed(t, "action=cancel&key=order-4701")
	form.Set("more", strings.Repeat("x", maxFormSize))
	got := c.post(t, form)
	assert.Equal(t, http.StatusBadRequest, got.StatusCode)
	assert.Empty(t, c.engine.Calls())
}

func TestActions_StoreFails(t *testing.T) {
	t.Parallel()
	c := newConsole()
	form := c.confirmed(t, "action=cancel&key=order-4701")
	c.engine.BeforeAct = func(e *enginetest.Engine) {
		e.Err = fmt.Errorf("host=db.internal: %w", helios.ErrUnavailable)
	}

	got := c.post(t, form)

	assert.Equal(t, http.StatusServiceUnavailable, got.StatusCode)
	assert.NotContains(t, got.html, "db.internal")
	assert.Contains(t, c.log.String(), "action not done")
	assert.Empty(t, c.engine.Calls())
}

func TestCancelQueued(t *testing.T) {
	t.Parallel()
	c := newConsole()
	c.engine.Put(
		durable.Submission{
			Key:       "order-4711",
			Agent:     "deep",
			State:     durable.Queued,
			CreatedAt: enginetest.Now.Add(-time.Minute),
		},
	)

	page := c.get(t, "confirm?action=cancel-queued&agent=deep")
	assert.Contains(t, page.text, "Cancel all queued submissions of type deep?")
	assert.Contains(t, page.text, "Queued 2 submissions")
	assert.Contains(t, page.text, "The runs would have cost $7.00 at the documented prices.")

	form := c.confirmed(t, "action=cancel-queued&agent=deep")
	c.engine.Put(
		durable.Submission{
			Key:       "order-4712",
			Agent:     "deep",
			State:     durable.Queued,
			CreatedAt: enginetest.Now.Add(time.Second),
		},
	)
	got := c.post(t, form)

	assert.Equal(t, http.StatusOK, got.StatusCode)
	assert.Contains(t, got.text, "2 submissions canceled")
	assert.Equal(
		t,
		[]string{"cancel order-4702", "cancel order-4711"},
		c.engine.Calls(),
		"of this agent, and not what came later",
	)
	assert.Contains(t, c.log.String(), "action=cancel-queued agent=deep canceled=2")

	again := c.post(t, form)
	assert.Contains(t, again.text, "0 submissions canceled")
}

func TestCancelQueued_AThousandAtOnce(t *testing.T) {
	t.Parallel()
	c := newConsole()
	c.engine = &enginetest.Engine{}
	c.Handler = newHandler(
		c.engine,
		Options{
			Authorize: func(*http.Request) (string, bool) { return "", true },
			Logger:    slog.New(slog.DiscardHandler),
		},
		func() time.Time { return enginetest.Now },
	)
	for i := range mostCanceled + 1 {
		c.engine.Put(durable.Submission{Key: fmt.Sprintf("k-%05d", i), Agent: "deep", State: durable.Queued})
	}

	page := c.get(t, "confirm?action=cancel-queued")
	assert.Contains(t, page.text, "Queued 1,000 submissions or more")
	assert.Contains(t, page.text, "$3,500.00 or more")

	form := c.confirmed(t, "action=cancel-queued")
	got := c.post(t, form)
	assert.Contains(t, got.text, "1,000 submissions canceled More are still queued. Cancel again to continue.")
	assert.Len(t, c.engine.Calls(), mostCanceled)
	assert.Contains(t, c.post(t, form).text, "1 submission canceled")
}

func TestCancelQueued_StoreFailsInTheMiddle(t *testing.T) {
	t.Parallel()
	c := newConsole()
	form := c.confirmed(t, "action=cancel-queued")
	c.engine.BeforeAct = func(e *enginetest.Engine) {
		if len(e.Calls()) == 1 {
			e.Err = context.DeadlineExceeded
		}
	}

	got := c.post(t, form)

	assert.Equal(t, http.StatusServiceUnavailable, got.StatusCode)
	assert.Contains(t, got.text, "Canceled before the error: 1 submission.")
	assert.Contains(t, c.log.String(), "canceled=1")
}

func TestResume_SpendLimit(t *testing.T) {
	t.Parallel()
	c := newConsole()
	c.engine.Counts.Paused["deep"] = durable.Pause{Reason: "the spend limit is reached", SpendLimit: true}

	assert.Contains(t, c.get(t, "confirm?action=resume&agent=deep").text, "The spend limit still applies")
	assert.Contains(t, c.get(t, "").text, "paused (spend limit)")
	assert.Contains(t, c.get(t, "").text, "Pause deep", "beside the limit it can be paused by hand")

	c.engine.Counts.Paused["deep"] = durable.Pause{Reason: "paused until it is resumed", ByHand: true, SpendLimit: true}
	assert.Contains(t, c.get(t, "").text, "paused (manually, spend limit)")
	assert.NotContains(t, c.get(t, "").text, "Pause deep")
	assert.Equal(t, http.StatusConflict, c.get(t, "confirm?action=pause&agent=deep").StatusCode)
}

func TestForget_StillHandled(t *testing.T) {
	t.Parallel()
	c := newConsole()
	form := c.confirmed(t, "action=forget&key=order-4705")
	c.engine.BeforeAct = func(e *enginetest.Engine) { e.Err = durable.ErrState }

	got := c.post(t, form)

	assert.Equal(t, http.StatusConflict, got.StatusCode)
	assert.Contains(t, got.text,
		"Nothing was done. If nothing has changed, some of its events are still waiting for the handler.")
}
