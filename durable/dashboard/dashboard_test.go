package dashboard

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/heliosai/helios-go"
	"github.com/heliosai/helios-go/durable"
	"github.com/heliosai/helios-go/durable/dashboard/internal/enginetest"
)

func TestPages(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, path string
		status     int
		want       []string
		not        []string
	}{
		{
			"overview",
			"",
			200,
			[]string{
				"Ready. 2 processes are running.",
				"1 unknown submission may or may not have been accepted",
				"1 overdue submission",
				"3 dead letters",
				"1 paused agent type",
				"2 submissions held back by the spend limit",
				"queued waiting to be sent 2 26 min no",
				"accepted running at Helios 1 9 min 12 s yes",
				"completed the result is stored (not counted) – – yes",
				"deep $3.50 per run 0 of 7 paused (manually) Resume deep …",
				"lab-results $0.65 per run 7 of 12 yes Pause lab-results …",
				"Events waiting for the handler or its next attempt 3 4 s",
				"End notifications ended submissions not yet passed to HandleEnd 1 1 s",
				"Dead letters the handler failed on every attempt 3 4 d 4 h",
				"$183.40 of $250.00 in the last 24 h",
				"Held back: 2 submissions.",
				"Data as of 2026-11-28 12:00:00 UTC . Signed in as m.garcia",
			},
			nil,
		},
		{
			"all submissions",
			"submissions",
			200,
			[]string{
				"All submissions, sorted by key",
				"order-4701 queued light 0 2026-11-28 11:34:00 UTC 26 min ago all slots are in use",
				"order-4709 canceled",
			},
			[]string{"Next page", "First page", "Cancel all queued"},
		},
		{"by state and agent", "submissions?state=queued&agent=deep", 200, []string{
			"Queued submissions of type deep, sorted by key", "order-4702", "Cancel all queued deep submissions…",
		}, []string{"order-4701", "order-4706"}},
		{
			"a list that is empty",
			"submissions?state=completed&agent=deep",
			200,
			[]string{"No submissions match."},
			nil,
		},
		{"after the last key", "submissions?after=zzz", 200, []string{"No more submissions.", "First page"}, nil},
		{"no such state", "submissions?state=lost", 400, []string{"There is no such state"}, nil},
		{"no such agent", "submissions?agent=heavy", 400, []string{"There is no such agent type"}, nil},
		{
			"accepted submission",
			"submission?key=order-4704",
			200,
			[]string{
				"order-4704 accepted running at Helios",
				"Attempts 2",
				"Run ID 550e8400-e29b-41d4-a716-446655440000",
				"Created 2026-11-28 11:48:00 UTC 12 min ago",
				"Last sent attempt 2 2026-11-28 11:50:47 UTC 9 min 13 s ago",
				"Accepted run 550e8400-e29b-41d4-a716-446655440000 2026-11-28 11:50:48 UTC",
				"Running step 4 of 8",
			},
			[]string{"Actions"},
		},
		{
			"queued submission",
			"submission?key=order-4701",
			200,
			[]string{"Cancel…", "Costs nothing", "Run ID none received"},
			[]string{"Send again"},
		},
		{
			"unknown submission",
			"submission?key=order-4706",
			200,
			[]string{
				"Paid? possibly",
				"Reason the connection was lost before an answer could be read",
				"Send again… Costs $3.50, and you may be paying a second time.",
				"Give up…",
				"Keep waiting…",
			},
			[]string{"Erase data"},
		},
		{
			"overdue submission",
			"submission?key=order-4707",
			200,
			[]string{
				"Paid? yes",
				"Send again…",
				"Overdue accepted, but no result within the deadline 2026-11-28 09:46:00 UTC",
			},
			nil,
		},
		{
			"completed submission",
			"submission?key=order-4705",
			200,
			[]string{"Completed the result is stored 2026-11-24 08:00:00 UTC 4 d 4 h ago", "Erase data…"},
			[]string{"Send again"},
		},
		{
			"failed submission",
			"submission?key=order-4708",
			200,
			[]string{"Helios answered 422 Unprocessable Entity", "Send again… Costs $0.65", "Erase data…"},
			[]string{"Give up"},
		},
		{
			"no such key",
			"submission?key=order-9",
			404,
			[]string{"No submission has this key", "List submissions after order-9"},
			nil,
		},
		{"no key", "submission", 400, []string{"No key was given"}, nil},
		{
			"dead letters",
			"dead-letters",
			200,
			[]string{
				"order-4705 run 2f1c7a52-95d1-4f0e-8c1e-0d7f5e8a3b11 final event number 9 returned an error 100 " +
					"2026-11-24 08:00:00 UTC 4 d 4 h ago 2026-11-28 09:00:00 UTC 3 h ago Replay dead letter 17 …",
				"order-4708 end notification failed panicked 100",
				"no key run b0a4c9de-1d2f-4e7b-9a55-7c3de21f9042 status update number 4 – 100",
			},
			nil,
		},
		{
			"dead letters after the last",
			"dead-letters?after=23",
			200,
			[]string{"No more dead letters.", "First page"},
			nil,
		},
		{
			"dead letters after no number",
			"dead-letters?after=x",
			400,
			[]string{"Invalid dead letter number"},
			nil,
		},
		{"no such page", "some/where", 404, []string{"Page not found"}, nil},
		{
			"an action by a link",
			"act?action=cancel&key=order-4701",
			405,
			[]string{"Method not allowed"},
			nil,
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			c := newConsole()

			got := c.get(t, tt.path)

			assert.Equal(t, tt.status, got.StatusCode)
			for _, want := range tt.want {
				assert.Contains(t, got.text, want)
			}
			for _, not := range tt.not {
				assert.NotContains(t, got.text, not)
			}
			assert.NotContains(t, got.html, enginetest.HealthData, "health data")
			assert.Empty(t, c.engine.Calls())
			assert.Equal(t, "no-store", got.Header.Get("Cache-Control"))
			assert.Equal(t, "text/html; charset=utf-8", got.Header.Get("Content-Type"))
			assert.Contains(t, got.Header.Get("Content-Security-Policy"), "default-src 'none'")
		})
	}
}

func TestPages_Empty(t *testing.T) {
	t.Parallel()
	c := newConsole()
	*c.engine = enginetest.Engine{Sick: fmt.Errorf("host=db.internal refused")}

	got := c.get(t, "")
	assert.Equal(t, http.StatusOK, got.StatusCode)
	assert.Contains(t, got.text, "Not ready.")
	assert.Contains(t, got.text, "Nothing else needs your attention.")
	assert.NotContains(t, got.text, "Spend limit")
	assert.NotContains(t, got.text, "db.internal")
	assert.Contains(t, c.log.String(), "db.internal")

	assert.Contains(t, c.get(t, "dead-letters").text, "There are no dead letters.")
}

func TestSubmissions_Paging(t *testing.T) {
	t.Parallel()
	c := newConsole()
	var want []string
	for i := range 2*pageSize + 1 {
		key := fmt.Sprintf("z/%03d&x=1", i)
		want = append(want, key)
		c.engine.Put(durable.Submission{Key: key, Agent: "light", State: durable.Unknown, CreatedAt: enginetest.Now})
	}

	var got []string
	target := "submissions?state=unknown&agent=light"
	for range 3 {
		page := c.get(t, target)
		for _, key := range want {
			if strings.Contains(page.text, " "+key+" unknown") {
				got = append(got, key)
			}
		}
		target = nextLink(page)
	}
	assert.Equal(t, want, got)
	assert.Empty(t, target, "the last page leads nowhere")
}

func TestDeadLetters_Paging(t *testing.T) {
	t.Parallel()
	c := newConsole()
	c.engine.Letters = nil
	for i := range pageSize + 1 {
		c.engine.Letters = append(
			c.engine.Letters,
			durable.DeadLetter{ID: int64(i + 1), RunID: fmt.Sprintf("run-%03d", i+1)},
		)
	}

	first := c.get(t, "dead-letters")
	assert.Contains(t, first.text, "run-050")
	assert.NotContains(t, first.text, "run-051")

	second := c.get(t, nextLink(first))
	assert.Contains(t, second.text, "run-051")
	assert.NotContains(t, second.text, "run-050")
	assert.Empty(t, nextLink(second))
}

// nextLink is where "Next page" leads, or empty.
func nextLink(a *answer) string {
	_, rest, found := strings.Cut(a.html, `rel="next" href="`)
	if !found {
		return ""
	}
	link, _, _ := strings.Cut(rest, `"`)
	return strings.ReplaceAll(link, "&amp;", "&")
}

func TestPages_StoreFails(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		err    error
		status int
		want   string
	}{
		{
			"unavailable",
			fmt.Errorf("host=db.internal user=helios: %w", helios.ErrUnavailable),
			503,
			"The store cannot be reached",
		},
		{
			"undecodable",
			fmt.Errorf("host=db.internal: %w", durable.ErrUndecodable),
			500,
			"The stored data cannot be decoded",
		},
		{"other", fmt.Errorf("host=db.internal"), 500, "The store reported an error"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			for _, path := range []string{
				"", "submissions", "submission?key=order-4701", "dead-letters",
				"confirm?action=cancel&key=order-4701", "confirm?action=pause&agent=light",
			} {
				c := newConsole()
				c.engine.Err = tt.err

				got := c.get(t, path)

				assert.Equal(t, tt.status, got.StatusCode, path)
				assert.Contains(t, got.text, tt.want, path)
				assert.NotContains(t, got.html, "db.internal", path)
				assert.Contains(t, c.log.String(), "db.internal", path)
			}
		})
	}
}

func TestPages_HostileText(t *testing.T) {
	t.Parallel()
	const hostile = `"><script>alert(1)</script><a href=javascript:alert(1)>`
	c := newConsole(func(o *Options) {
		o.ShowResults = true
		o.Authorize = func(*http.Request) (string, bool) { return hostile, true }
	})
	c.engine.Put(
		durable.Submission{
			Key:     hostile,
			Agent:   "light",
			State:   durable.Unknown,
			Reason:  hostile,
			Message: hostile,
			RunID:   hostile,
		},
	)
	c.engine.Letters = []durable.DeadLetter{{ID: 1, Key: hostile, RunID: hostile}}
	c.engine.Counts.Paused["deep"] = durable.Pause{Reason: hostile}
	key := url.QueryEscape(hostile)

	for _, path := range []string{
		"", "submissions", "submissions?after=" + url.QueryEscape("!"+hostile), "submission?key=" + key,
		"submission?key=x" + key, "dead-letters",
		"confirm?action=resubmit&key=" + key, "confirm?action=resume&agent=deep", "confirm?action=replay&id=1",
	} {
		got := c.get(t, path)
		assert.NotContains(t, got.html, "<script", path)
		assert.NotContains(t, got.html, `<a href=javascript`, path)
		assert.Contains(t, got.text, `<script>alert(1)</script>`, path)
	}

	form := c.confirmed(t, "action=resubmit&key="+key)
	assert.Equal(t, hostile, form.Get("key"))
	done := c.post(t, form)
	assert.Equal(t, http.StatusSeeOther, done.StatusCode)
	assert.Equal(t, "submission?done=resubmit&key="+key, done.Header.Get("Location"))
}

func TestShowResults(t *testing.T) {
	t.Parallel()
	c := newConsole(func(o *Options) { o.ShowResults = true })

	completed := c.get(t, "submission?key=order-4705")
	assert.Contains(t, completed.text, "For the clinician ## Summary "+enginetest.HealthData)
	assert.Contains(t, completed.html, "&lt;b&gt;"+enginetest.HealthData+"&lt;/b&gt;", "as text, not as HTML")
	assert.Contains(t, c.log.String(), `msg="helios: dashboard: result shown" user=m.garcia`)
	assert.Contains(t, c.log.String(), "key=order-4705")
	assert.NotContains(t, c.log.String(), enginetest.HealthData)

	failed := c.get(t, "submission?key=order-4708")
	assert.Contains(t, failed.text, "Message from Helios "+enginetest.HealthData)

	c.log.Reset()
	assert.NotContains(t, c.get(t, "submission?key=order-4701").text, "Result")
	assert.NotContains(t, c.log.String(), "result shown", "there is none")

	for _, path := range []string{"", "submissions", "dead-letters", "submission?key=order-4704"} {
		assert.NotContains(t, c.get(t, path).html, enginetest.HealthData, path)
	}
}

func TestHandler_MountedUnderAPrefix(t *testing.T) {
	t.Parallel()
	c := newConsole()
	for _, prefix := range []string{"", "/ops", "/a/b/c"} {
		handler := http.StripPrefix(prefix, c)

		w := httptest.NewRecorder()
		handler.ServeHTTP(w, httptest.NewRequest(http.MethodGet, prefix+"/submissions", nil))
		assert.Equal(t, http.StatusOK, w.Code, prefix)
		for _, link := range links(w.Body.String()) {
			assert.False(t, strings.HasPrefix(link, "/") || strings.Contains(link, "//"), "%q is not relative", link)
		}

		asset := httptest.NewRecorder()
		handler.ServeHTTP(asset, httptest.NewRequest(http.MethodGet, prefix+"/style.css?v=1", nil))
		assert.Equal(t, "text/css; charset=utf-8", asset.Header().Get("Content-Type"), prefix)
	}

	// What is not found deeper down finds its style sheet all the same.
	assert.Contains(t, c.get(t, "some/where/else").html, `href="../../style.css?v=`)
}

func TestHandler_PrefixWithoutSlash(t *testing.T) {
	t.Parallel()
	c := newConsole()
	w := httptest.NewRecorder()
	http.StripPrefix("/a/ops", c).ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/a/ops?x=1", nil))

	require.Equal(t, http.StatusTemporaryRedirect, w.Code)
	to, err := url.Parse("http://example.com/a/ops?x=1")
	require.NoError(t, err)
	to, err = to.Parse(w.Header().Get("Location"))
	require.NoError(t, err)
	assert.Equal(t, "http://example.com/a/ops/", to.String())
}

func links(page string) []string {
	var all []string
	for _, attribute := range []string{`href="`, `action="`} {
		for _, part := range strings.Split(page, attribute)[1:] {
			link, _, _ := strings.Cut(part, `"`)
			all = append(all, link)
		}
	}
	return all
}

func TestHandler_NilEngine(t *testing.T) {
	t.Parallel()
	assert.PanicsWithValue(t, "helios: dashboard: Handler: nil engine", func() { Handler(nil, Options{}) })
}

func TestHandler_Methods(t *testing.T) {
	t.Parallel()
	c := newConsole()
	for method, status := range map[string]int{
		http.MethodHead: 200, http.MethodPost: 405, http.MethodDelete: 405, http.MethodPut: 405,
	} {
		r := httptest.NewRequest(method, "http://localhost/submissions", nil)
		r.Header.Set("Sec-Fetch-Site", "same-origin")
		assert.Equal(t, status, c.ask(t, r).StatusCode, method)
	}
}

func TestAge(t *testing.T) {
	t.Parallel()
	for d, want := range map[time.Duration]string{
		0: "0 s", 999 * time.Millisecond: "0 s", time.Second: "1 s", 61 * time.Second: "1 min 1 s", time.Hour: "1 h",
		2*time.Hour + 14*time.Minute + 3*time.Second: "2 h 14 min",
		49 * time.Hour: "2 d 1 h", 1000 * time.Hour: "41 d 16 h",
	} {
		assert.Equal(t, want, age(d))
	}
	assert.Equal(t, "in 5 min", instant{enginetest.Now.Add(5 * time.Minute), enginetest.Now}.Relative())
	assert.Equal(t, "now", instant{enginetest.Now, enginetest.Now}.Relative())
}

func TestUSD(t *testing.T) {
	t.Parallel()
	for amount, want := range map[float64]string{
		0: "$0.00", 0.65: "$0.65", 3.5: "$3.50", 1234567.891: "$1,234,567.89", 0.65 * 3: "$1.95", 1000: "$1,000.00",
	} {
		assert.Equal(t, want, usd(amount))
	}
}

func TestOverview_NotReady(t *testing.T) {
	t.Parallel()
	c := newConsole()
	c.engine.Sick = errors.Join(durable.ErrNotRunning, durable.ErrPaused)

	got := c.get(t, "")

	assert.Contains(
		t,
		got.text,
		"Not ready. No process is running the engine, so nothing is being sent or handled. "+
			"At least one agent type is paused",
	)
	assert.Empty(t, c.log.String(), "what the page says need not be looked up in the log")
}

func TestOverview_Pauses(t *testing.T) {
	t.Parallel()
	c := newConsole()
	c.engine.Counts.Paused = map[string]durable.Pause{
		"light":       {Reason: "429: too many concurrent runs", Until: enginetest.Now.Add(time.Minute)},
		"lab-results": {Reason: "403: forbidden", Until: enginetest.Now.Add(time.Minute), Refused: true},
	}

	got := c.get(t, "")

	assert.Contains(t, got.text, "1 paused agent type", "the 429 ends by itself")
	assert.Contains(
		t,
		got.text,
		"paused until 2026-11-28 12:01:00 UTC in 1 min 429: too many concurrent runs Resume light … Pause light …",
	)
}
