package browsertest

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"

	"github.com/heliosai/helios-go/durable"
	"github.com/heliosai/helios-go/durable/dashboard"
	"github.com/heliosai/helios-go/durable/dashboard/internal/enginetest"
)

// browser is one Chromium for all tests.
var browser struct {
	once   sync.Once
	ctx    context.Context
	cancel []context.CancelFunc
	err    error
}

func TestMain(m *testing.M) {
	code := m.Run()
	for i := len(browser.cancel) - 1; i >= 0; i-- {
		browser.cancel[i]()
	}
	os.Exit(code)
}

// missing skips a test for want of a program, but not in CI.
func missing(t *testing.T, format string, args ...any) {
	t.Helper()
	require.NotEqual(t, "true", os.Getenv("CI"), "CI needs it: "+format, args)
	t.Skipf(format, args...)
}

// tab opens a tab of its own, which is closed when the test has ended.
func tab(t *testing.T) context.Context {
	t.Helper()

	path, err := exec.LookPath("chromium")
	if err != nil {
		missing(t, "no chromium: apt-get install chromium")
	}
	browser.once.Do(func() { startBrowser(path) })
	require.NoError(t, browser.err)

	ctx, cancel := chromedp.NewContext(browser.ctx)
	t.Cleanup(cancel)
	return ctx
}

// startBrowser starts Chromium with a new profile, and without the requests
// that it makes of its own accord.
func startBrowser(path string) {
	opts := []chromedp.ExecAllocatorOption{
		chromedp.ExecPath(path), chromedp.Headless, chromedp.NoSandbox, chromedp.DisableGPU, chromedp.NoFirstRun,
		chromedp.NoDefaultBrowserCheck, chromedp.WSURLReadTimeout(2 * time.Minute),
	}
	for _, flag := range []string{
		"disable-quic", "disable-background-networking", "disable-component-update", "disable-sync",
		"disable-dev-shm-usage", "hide-scrollbars",
	} {
		opts = append(opts, chromedp.Flag(flag, true))
	}
	allocator, cancelAllocator := chromedp.NewExecAllocator(context.Background(), opts...)
	ctx, cancel := chromedp.NewContext(allocator)
	browser.ctx, browser.cancel, browser.err = ctx, []context.CancelFunc{cancelAllocator, cancel}, chromedp.Do(ctx)
}

// site is a program with dashboards under several prefixes.
type site struct {
	*httptest.Server
	engine *enginetest.Engine
}

func newSite(t *testing.T) *site {
	t.Helper()

	now := time.Now()
	s := &site{engine: enginetest.New(now)}
	for i := range 60 {
		s.engine.Put(durable.Submission{
			Key: fmt.Sprintf("study/2026-11/participant-%03d", i), Agent: "deep", State: durable.Queued,
			CreatedAt: now.Add(-time.Hour), Reason: "the spend limit of $250.00 in 24 h is reached",
		})
	}
	hostile := "<script>alert('key')</script>&\"quoted\"" + strings.Repeat("long", 35)
	s.engine.Put(
		durable.Submission{
			Key:       hostile,
			Agent:     "light",
			State:     durable.Failed,
			CreatedAt: now,
			EndedAt:   now,
			Reason:    hostile,
		},
	)

	quiet := slog.New(slog.DiscardHandler)
	staff := dashboard.Options{
		Authorize:   func(*http.Request) (string, bool) { return "m.garcia", true },
		ShowResults: true, Logger: quiet,
	}
	stranger := dashboard.Options{Authorize: func(*http.Request) (string, bool) { return "", false }, Logger: quiet}
	empty := &enginetest.Engine{Counts: durable.Stats{Slots: s.engine.Counts.Slots}, Sick: durable.ErrState}
	broken := &enginetest.Engine{Err: durable.ErrUndecodable}

	mux := http.NewServeMux()
	mount := func(prefix string, eng dashboard.Engine, opts dashboard.Options) {
		mux.Handle(prefix+"/", http.StripPrefix(prefix, dashboard.Handler(eng, opts)))
	}
	mount("/ops/helios", s.engine, staff)
	mount("/read-only", s.engine, dashboard.Options{Logger: quiet})
	mount("/empty", empty, staff)
	mount("/broken", broken, staff)
	mount("/stranger", s.engine, stranger)
	s.Server = httptest.NewServer(mux)
	t.Cleanup(s.Close)
	return s
}

// paths are all pages, by name.
func paths() map[string]string {
	hostile := "<script>alert('key')</script>&\"quoted\"" + strings.Repeat("long", 35)
	pages := map[string]string{
		"overview":                "/ops/helios/",
		"overview-read-only":      "/read-only/",
		"overview-empty":          "/empty/",
		"submissions":             "/ops/helios/submissions",
		"submissions-queued":      "/ops/helios/submissions?state=queued&agent=deep",
		"submissions-last":        "/ops/helios/submissions?state=queued&agent=deep&after=study/2026-11/participant-04",
		"submissions-empty":       "/empty/submissions",
		"submission-queued":       "/ops/helios/submission?key=order-4701",
		"submission-accepted":     "/ops/helios/submission?key=order-4704",
		"submission-completed":    "/ops/helios/submission?key=order-4705",
		"submission-unknown":      "/ops/helios/submission?key=order-4706&done=hold",
		"submission-overdue":      "/ops/helios/submission?key=order-4707",
		"submission-failed":       "/ops/helios/submission?key=" + url.QueryEscape(hostile),
		"submission-read-only":    "/read-only/submission?key=order-4706",
		"dead-letters":            "/ops/helios/dead-letters",
		"dead-letters-read-only":  "/read-only/dead-letters",
		"dead-letters-empty":      "/empty/dead-letters",
		"confirm-cancel":          "/ops/helios/confirm?action=cancel&key=order-4701",
		"confirm-resubmit":        "/ops/helios/confirm?action=resubmit&key=order-4706",
		"confirm-forget":          "/ops/helios/confirm?action=forget&key=order-4705",
		"confirm-pause":           "/ops/helios/confirm?action=pause&agent=light",
		"confirm-resume":          "/ops/helios/confirm?action=resume&agent=deep",
		"confirm-replay":          "/ops/helios/confirm?action=replay&id=17",
		"confirm-cancel-queued":   "/ops/helios/confirm?action=cancel-queued&agent=deep",
		"error-changed":           "/ops/helios/confirm?action=cancel&key=order-4704",
		"error-no-such-key":       "/ops/helios/submission?key=order-9999",
		"error-no-such-page":      "/ops/helios/some/where",
		"error-store":             "/broken/submission?key=order-4701",
		"error-not-authorized":    "/stranger/",
		"error-cross-site-or-get": "/ops/helios/act",
	}
	return pages
}

// look is how a reader sees a page.
type look struct {
	scheme string
	width  int64
}

func looks() []look {
	var all []look
	for _, scheme := range []string{"light", "dark"} {
		for _, width := range []int64{360, 768, 1100, 1280} {
			all = append(all, look{scheme, width})
		}
	}
	return all
}

// as makes a tab look like that.
func (l look) as() chromedp.Action[chromedp.Void] {
	scheme := func(ctx context.Context, tab *chromedp.Target) error {
		_, err := cdp.Call(ctx, tab, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
			Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: l.scheme}},
		})
		return err
	}
	return chromedp.Steps(chromedp.EmulateViewport(l.width, 800), chromedp.Func(scheme))
}

// evaluate returns what a script returns.
func evaluate[T any](ctx context.Context, t *testing.T, script string) T {
	t.Helper()
	value, err := chromedp.Run(ctx, chromedp.Evaluate[T](script, chromedp.EvalAwaitPromise))
	require.NoError(t, err)
	return value
}
