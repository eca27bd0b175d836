package browsertest

import (
	"context"
	"net/http"
	"net/http/httptest"
	"os"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"

	"github.com/heliosai/helios-go/report"
)

// TestPicture writes the picture of the README: PICTURE=../report.png go test
// -run Picture. Without PICTURE it only shows that it could.
func TestPicture(t *testing.T) {
	example := result(t, "lab-results")
	example.PatientResponse = "## Summary\n\nMost of what stands out in your results has to do with your " +
		"**kidneys**: creatinine is higher " +
		"and eGFR lower than the standard range, and both have moved further since last year. [1, 2] Talk to your " +
		"doctor **this week**. [3]\n"
	example.LabResults = example.LabResults[:4]
	example.Metadata = nil
	page := report.New(example, report.Patient, report.Options{Time: time.Date(2025, 1, 15, 0, 0, 0, 0, time.UTC)})

	site := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _ = page.WriteHTML(w) }))
	t.Cleanup(site.Close)
	picture := photograph(tab(t), t, site.URL)
	require.NotEmpty(t, picture)
	if name := os.Getenv("PICTURE"); name != "" {
		require.NoError(t, os.WriteFile(name, picture, 0o600))
	}
}

func photograph(ctx context.Context, t *testing.T, url string) []byte {
	t.Helper()
	require.NoError(t, chromedp.Do(ctx, look{"light", 760}.as(), chromedp.Navigate(url)))
	picture, err := chromedp.Run(ctx, chromedp.FullScreenshot(100))
	require.NoError(t, err)
	return picture
}
