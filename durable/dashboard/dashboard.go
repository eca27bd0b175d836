package dashboard

import (
	"context"
	"log/slog"
	"net/http"
	"path"
	"strings"
	"time"

	"github.com/heliosai/helios-go/durable"
)

// Engine holds the methods of an engine that the dashboard needs.
// [durable.Engine], [durable.SQLiteEngine] and [durable.PostgresEngine] satisfy
// it.
type Engine interface {
	Health(ctx context.Context) error
	Stats(ctx context.Context) (durable.Stats, error)
	Submissions(ctx context.Context, filter durable.Filter) ([]durable.Submission, error)
	Status(ctx context.Context, key string) (*durable.Submission, error)
	DeadLetters(ctx context.Context, after int64, limit int) ([]durable.DeadLetter, error)

	Cancel(ctx context.Context, key string) error
	Pause(ctx context.Context, agent string) error
	Resume(ctx context.Context, agent string) error
	Resolve(ctx context.Context, key string, decision durable.Decision) error
	Forget(ctx context.Context, key string) error
	Replay(ctx context.Context, id int64) error
}

// Options configures a [Handler]. The zero value is a read-only dashboard for
// this machine.
type Options struct {
	// Authorize reports who sent the request, and whether that user may see and
	// do everything. The user is shown on the page and logged with every
	// action. Authorize must be safe for concurrent use; whoever it refuses
	// gets 403. Let middleware around the handler ask for a login.
	//
	// Without it the dashboard is read-only and answers loopback clients only.
	Authorize func(r *http.Request) (user string, ok bool)

	// ShowResults adds the result and the service's message to the page of a
	// submission. Both are health data.
	ShowResults bool

	// Logger is told of every action and every failure. The default is
	// [slog.Default].
	Logger *slog.Logger
}

const (
	// pageSize is how many rows a list shows.
	pageSize = 50

	// readTimeout bounds what a page waits for the store.
	readTimeout = 10 * time.Second

	// maxFormSize bounds the body of a POST. A form has a handful of short
	// fields.
	maxFormSize = 16 << 10
)

// handler is the dashboard.
type handler struct {
	engine  Engine
	options Options
	logger  *slog.Logger
	now     func() time.Time
	routes  map[string]func(*http.Request) (*page, error)
}

// Handler returns the dashboard of eng. Its links are relative, so it can be
// mounted under any prefix that ends in a slash, with [http.StripPrefix]. It
// panics if eng is nil. It is safe for concurrent use.
func Handler(eng Engine, opts Options) http.Handler {
	if eng == nil {
		panic("helios: dashboard: Handler: nil engine")
	}
	return newHandler(eng, opts, time.Now)
}

func newHandler(eng Engine, opts Options, now func() time.Time) http.Handler {
	h := &handler{engine: eng, options: opts, logger: opts.Logger, now: now}
	if h.logger == nil {
		h.logger = slog.Default()
	}
	h.routes = map[string]func(*http.Request) (*page, error){
		"/":             h.overview,
		"/submissions":  h.submissions,
		"/submission":   h.submission,
		"/dead-letters": h.deadLetters,
		"/confirm":      h.confirm,
	}

	guard := http.NewCrossOriginProtection()
	guard.SetDenyHandler(http.HandlerFunc(h.refuseCrossSite))
	return secured(guard.Handler(h))
}

// userKey is where the context of a request has its user.
type userKey struct{}

// userOf returns who sent a request; empty if nobody has said so.
func userOf(r *http.Request) string {
	user, _ := r.Context().Value(userKey{}).(string)
	return user
}

// ServeHTTP answers everything below the prefix.
func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	where := "/" + strings.TrimPrefix(r.URL.Path, "/")
	switch {
	case serveAsset(w, r, where):
		return
	case where == "/" && !strings.HasSuffix(requestPath(r), "/"):
		addSlash(w, r)
		return
	}

	user, err := h.admit(r)
	ctx := context.WithValue(r.Context(), userKey{}, user)
	r = r.WithContext(ctx)
	if err != nil {
		h.logger.WarnContext(ctx, "helios: dashboard: request refused", about(r)...)
		h.fail(w, r, err)
		return
	}

	switch route, found := h.routes[where]; {
	case where == "/act" && r.Method == http.MethodPost:
		h.act(w, r)
	case where == "/act":
		h.fail(w, r, methodNotAllowed(http.MethodPost))
	case !found:
		h.fail(w, r, &pageError{Status: http.StatusNotFound, Title: "Page not found"})
	case r.Method != http.MethodGet && r.Method != http.MethodHead:
		h.fail(w, r, methodNotAllowed("GET, HEAD"))
	default:
		h.read(w, r, route)
	}
}

// read answers with a page that changes nothing.
func (h *handler) read(w http.ResponseWriter, r *http.Request, route func(*http.Request) (*page, error)) {
	ctx, cancel := context.WithTimeout(r.Context(), readTimeout)
	defer cancel()
	r = r.WithContext(ctx)

	p, err := route(r)
	if err != nil {
		h.fail(w, r, err)
		return
	}
	h.render(w, r, http.StatusOK, p)
}

// readOnly reports whether nobody may act.
func (h *handler) readOnly() bool { return h.options.Authorize == nil }

// requestPath is the path as the client asked for it, before a prefix was
// stripped.
func requestPath(r *http.Request) string {
	asked, _, _ := strings.Cut(r.RequestURI, "?")
	return asked
}

// addSlash redirects to the prefix with a slash, which relative links need. The
// target is relative too: a proxy may have its own idea of the prefix.
func addSlash(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Location", "./"+path.Base(requestPath(r))+"/")
	w.WriteHeader(http.StatusTemporaryRedirect)
}
