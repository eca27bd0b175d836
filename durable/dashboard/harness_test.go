package dashboard

import (
	"bytes"
	"html"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/heliosai/helios-go/durable/dashboard/internal/enginetest"
)

// console is a dashboard, its engine and its log.
type console struct {
	http.Handler
	engine *enginetest.Engine
	log    *bytes.Buffer
}

// newConsole is a dashboard for one user, m.garcia.
func newConsole(set ...func(*Options)) *console {
	c := &console{engine: enginetest.New(enginetest.Now), log: &bytes.Buffer{}}
	opts := Options{
		Authorize: func(*http.Request) (string, bool) { return "m.garcia", true },
		Logger:    slog.New(slog.NewTextHandler(c.log, nil)),
	}
	for _, change := range set {
		change(&opts)
	}
	c.Handler = newHandler(c.engine, opts, func() time.Time { return enginetest.Now })
	return c
}

// localOnly takes Authorize away.
func localOnly(o *Options) { o.Authorize = nil }

// answer is what a user gets.
type answer struct {
	*http.Response
	html string
	text string // what can be read, with white space as one blank
}

var (
	tags   = regexp.MustCompile(`(?s)<[^>]*>`)
	blanks = regexp.MustCompile(`\s+`)
)

// ask sends a request from this machine.
func (c *console) ask(t *testing.T, r *http.Request) *answer {
	t.Helper()
	if r.RemoteAddr == "192.0.2.1:1234" { // httptest's
		r.RemoteAddr = "127.0.0.1:50000"
	}
	w := httptest.NewRecorder()
	c.ServeHTTP(w, r)

	body, err := io.ReadAll(w.Result().Body)
	require.NoError(t, err)
	text := blanks.ReplaceAllString(html.UnescapeString(tags.ReplaceAllString(string(body), " ")), " ")
	return &answer{w.Result(), string(body), text}
}

func (c *console) get(t *testing.T, target string) *answer {
	t.Helper()
	return c.ask(t, httptest.NewRequest(http.MethodGet, "http://localhost/"+target, nil))
}

// post sends a form as a browser does that is on the dashboard.
func (c *console) post(t *testing.T, form url.Values) *answer {
	t.Helper()
	return c.ask(t, newPost(form))
}

func newPost(form url.Values) *http.Request {
	r := httptest.NewRequest(http.MethodPost, "http://localhost/act", strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	return r
}

var fields = regexp.MustCompile(`<input type="hidden" name="([^"]*)" value="([^"]*)">`)

// confirmed is the form of a confirmation page, as it is sent when the user
// presses its button.
func (c *console) confirmed(t *testing.T, query string) url.Values {
	t.Helper()
	page := c.get(t, "confirm?"+query)
	require.Equal(t, http.StatusOK, page.StatusCode, page.text)
	form := url.Values{}
	for _, field := range fields.FindAllStringSubmatch(page.html, -1) {
		form.Set(field[1], html.UnescapeString(field[2]))
	}
	return form
}
