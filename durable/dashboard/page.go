package dashboard

import (
	"bytes"
	"context"
	"embed"
	"errors"
	"html/template"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/heliosai/helios-go"
	"github.com/heliosai/helios-go/durable"
)

//go:embed templates
var templateFiles embed.FS

// templates holds each page with the layout around it.
var templates = parseTemplates("overview", "submissions", "submission", "dead-letters", "confirm", "error")

func parseTemplates(names ...string) map[string]*template.Template {
	layout := template.Must(template.New("layout.html").Funcs(template.FuncMap{
		"asset":   func(path string) string { return assets["/"+path].digest },
		"usd":     usd,
		"number":  number,
		"counted": counted,
		"age":     age,
		"stateOf": stateOf,
		"failure": failure,
	}).ParseFS(templateFiles, "templates/layout.html"))

	pages := make(map[string]*template.Template, len(names))
	for _, name := range names {
		pages[name] = template.Must(template.Must(layout.Clone()).ParseFS(templateFiles, "templates/"+name+".html"))
	}
	return pages
}

// page is what a template is given.
type page struct {
	template string

	Title  string
	Notice string // of what was just done
	Body   any    // the template's own

	// The rest is set by render.
	Base     string // leads from this page to the dashboard's root
	Tab      string
	User     string
	Search   string // the key that was asked for
	ReadOnly bool
	Hidden   bool // the reader may not see the navigation
	Now      time.Time
}

// At is t as the page shows it.
func (p *page) At(t time.Time) instant { return instant{t.UTC(), p.Now} }

// render writes a page. It is made as a whole first, so that it is whole or an
// error.
func (h *handler) render(w http.ResponseWriter, r *http.Request, status int, p *page) {
	p.Tab, p.User, p.ReadOnly, p.Now = p.template, userOf(r), h.readOnly(), h.now().UTC()
	p.Base = strings.Repeat("../", strings.Count(strings.TrimPrefix(r.URL.Path, "/"), "/"))

	var body bytes.Buffer
	if err := templates[p.template].Execute(&body, p); err != nil {
		h.logger.ErrorContext(r.Context(), "helios: dashboard: a page could not be rendered",
			slog.String("page", p.template), slog.String("error", err.Error()))
		http.Error(w, "This page could not be rendered. See the log for details.", http.StatusInternalServerError)
		return
	}

	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write(body.Bytes()) // fails only if the client has gone
}

// pageError is an error that the reader gets as a page.
type pageError struct {
	Status int
	Title  string
	Text   string
	Key    string // of the submission that it is about, if it is there
	After  string // a key to list from
	Queue  string // the link to what is queued
	allow  string
	hidden bool
	search string
}

func (e *pageError) Error() string { return e.Title }

func methodNotAllowed(allow string) error {
	return &pageError{
		Status: http.StatusMethodNotAllowed, Title: "Method not allowed", allow: allow,
		Text: "Nothing was done. Use the links and buttons of the dashboard.",
	}
}

// fail answers with the page of an error.
func (h *handler) fail(w http.ResponseWriter, r *http.Request, err error) {
	var known *pageError
	if !errors.As(err, &known) {
		known = h.storeFailed(r, err)
	}
	if known.allow != "" {
		w.Header().Set("Allow", known.allow)
	}
	h.render(w, r, known.Status, &page{
		template: "error", Title: known.Title, Body: known, Hidden: known.hidden, Search: known.search,
	})
}

// storeFailed describes a failure of the engine. Its text is for the log: it
// may name hosts and users of a database.
func (h *handler) storeFailed(r *http.Request, err error) *pageError {
	h.logger.ErrorContext(r.Context(), "helios: dashboard: the store failed",
		append(about(r), slog.String("error", err.Error()))...)

	switch {
	case errors.Is(err, durable.ErrUndecodable):
		return &pageError{
			Status: http.StatusInternalServerError, Title: "The stored data cannot be decoded",
			Text: "The codec of this process lacks a key, or the data was altered. See the log for details.",
		}
	case errors.Is(err, helios.ErrUnavailable), errors.Is(err, context.DeadlineExceeded):
		return &pageError{
			Status: http.StatusServiceUnavailable, Title: "The store cannot be reached",
			Text: "Nothing can be shown or done until it answers again. See the log for details.",
		}
	default:
		return &pageError{
			Status: http.StatusInternalServerError, Title: "The store reported an error",
			Text: "See the log for details.",
		}
	}
}
