package browsertest

import (
	"context"
	"encoding/json"
	"fmt"
	"html/template"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"

	"github.com/heliosai/helios-go"
	"github.com/heliosai/helios-go/report"
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
func missing(t *testing.T, what string) {
	t.Helper()
	require.NotEqual(t, "true", os.Getenv("CI"), "CI needs it: %s", what)
	t.Skip(what)
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

// names are all pages.
var names = []string{
	"light-patient", "light-clinician", "deep-patient", "deep-clinician", "lab-results-patient",
	"lab-results-clinician",
	"odd-patient", "empty-patient", "arabic", "german", "brand", "both", "courses",
}

// newSite serves the pages, each with its policy.
func newSite(t *testing.T) *httptest.Server {
	t.Helper()

	mux := http.NewServeMux()
	serve := func(name string, r *report.Report) {
		mux.HandleFunc("/"+name, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Security-Policy", r.ContentSecurityPolicy())
			w.Header().Set("Content-Type", "text/html; charset=utf-8")
			_ = r.WriteHTML(w)
		})
	}
	made := time.Date(2025, 1, 15, 12, 1, 30, 0, time.UTC)
	for _, name := range []string{"light", "deep", "lab-results", "odd", "empty"} {
		for _, audience := range []report.Audience{report.Patient, report.Clinician} {
			serve(name+"-"+audience.String(), report.New(result(t, name), audience, report.Options{
				Time: made, Anchors: anchors, Below: "Questions? Call your practice.",
			}))
		}
	}

	labs := result(t, "lab-results")
	serve("german", report.New(labs, report.Patient, report.Options{Language: "de", Time: made, Anchors: anchors}))
	serve("brand", report.New(labs, report.Patient, report.Options{Brand: "#7a1fa2", Time: made,
		Title: "Northside Clinic"}))
	serve("arabic", report.New(arabic(labs.LabResults), report.Patient, report.Options{Language: "ar", Time: made}))
	serve("courses", report.New(courses(made), report.Patient, report.Options{Time: made}))
	mux.HandleFunc("/both", func(w http.ResponseWriter, _ *http.Request) { serveBoth(w, labs) })

	site := httptest.NewServer(mux)
	t.Cleanup(site.Close)
	return site
}

var bothPage = template.Must(template.New("").Parse(`<!DOCTYPE html><html lang="en"><head><title>Both</title>
<meta name="viewport" content="width=device-width"><style>{{.Style}}</style></head>
<body><main><h1>Both audiences</h1>{{.Patient}}{{.Clinician}}</main></body></html>`))

// serveBoth puts the fragments of both audiences on a page of its own.
func serveBoth(w http.ResponseWriter, result *helios.Result) {
	patient := report.New(result, report.Patient, report.Options{})
	clinician := report.New(result, report.Clinician, report.Options{})
	w.Header().Set("Content-Security-Policy", patient.ContentSecurityPolicy())
	_ = bothPage.Execute(w, map[string]any{
		"Style": patient.Style(), "Patient": patient.HTML(), "Clinician": clinician.HTML(),
	})
}

func result(t *testing.T, name string) *helios.Result {
	t.Helper()
	file, err := os.ReadFile("../testdata/" + name + ".json")
	require.NoError(t, err)
	var event struct{ Result *helios.Result }
	require.NoError(t, json.Unmarshal(file, &event))
	return event.Result
}

func arabic(labs []helios.LabResult) *helios.Result {
	return &helios.Result{
		PatientResponse: "## ملخص\n\nمستوى السكر في دمك **أعلى** من المعدل [1].\n\n- تحدث مع طبيبك. [1, 9]\n- " +
			"HbA1c 7.2 %\n",
		Citations: helios.Citations{Patient: map[string]helios.Citation{
			"1": {URL: "https://example.org/ar", Title: "مثال: فهم نتائجك"},
		}},
		LabResults: labs,
	}
}

// courses has a short text and four tests with 14 results each.
func courses(newest time.Time) *helios.Result {
	result := &helios.Result{PatientResponse: strings.Repeat("## Summary\n\nYour kidneys filter less.\n\n", 5)}
	for _, name := range []string{"Creatinine", "Urea", "Potassium", "Sodium"} {
		for i := range 14 {
			result.LabResults = append(result.LabResults, helios.LabResult{Name: name, Value: strconv.Itoa(3 + i%4),
				Unit: "mmol/L", ReferenceRange: "4-5", Date: newest.AddDate(0, -i, 0).Format(time.DateOnly)})
		}
	}
	return result
}

func anchors(lab helios.LabResult) []report.Anchor {
	if lab.Name != "Hemoglobin A1c" {
		return nil
	}
	return []report.Anchor{{Value: 9, Label: "many doctors begin to be concerned here"}}
}

// look is how a reader sees a page.
type look struct {
	scheme string
	width  int64
}

func (l look) String() string { return fmt.Sprintf("%s_%d", l.scheme, l.width) }

func looks() []look {
	var all []look
	for _, scheme := range []string{"light", "dark"} {
		for _, width := range []int64{360, 768, 1280} {
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
