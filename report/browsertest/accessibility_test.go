package browsertest

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// runAxe returns what is wrong with the page, one line for each element.
const runAxe = `(async () => {
	const found = await axe.run(document, {
		runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
	})
	return found.violations.flatMap(v => v.nodes.map(n => v.id + ": " + n.html + " " + n.failureSummary))
})()`

// tooWide returns what is wider than the window.
const tooWide = `document.documentElement.scrollWidth <= window.innerWidth ? [] :
	[...document.querySelectorAll("body *")]
		.filter(e => e.getBoundingClientRect().right > window.innerWidth + 1).map(e => e.outerHTML.slice(0, 120))`

func TestAccessibility(t *testing.T) {
	axe, err := os.ReadFile("node_modules/axe-core/axe.min.js")
	if err != nil {
		missing(t, "no axe-core: npm ci")
	}
	ctx, site := tab(t), newSite(t)
	pictures := os.Getenv("SCREENSHOTS")

	t.Run("faults_are_found", func(t *testing.T) {
		require.NoError(t, chromedp.Do(ctx, chromedp.Navigate(site.URL+"/lab-results-patient")))
		evaluate[int](ctx, t, string(axe)+`
			;document.querySelector("svg").removeAttribute("aria-label")
			document.querySelector("h2").style.color = "#ddd"; 0`)
		problems := strings.Join(evaluate[[]string](ctx, t, runAxe), " ")
		assert.Contains(t, problems, "svg-img-alt: ")
		assert.Contains(t, problems, "color-contrast: ")
	})

	for _, look := range looks() {
		for _, name := range names {
			t.Run(name+"_"+look.String(), func(t *testing.T) {
				require.NoError(t, chromedp.Do(ctx, look.as(), chromedp.Navigate(site.URL+"/"+name)))
				evaluate[int](ctx, t, string(axe)+"\n;0")

				problems := evaluate[[]string](ctx, t, runAxe)
				assert.Empty(t, problems, strings.Join(problems, "\n\n"))
				assert.Empty(t, evaluate[[]string](ctx, t, tooWide), "wider than the window")
				if pictures != "" {
					takePicture(ctx, t, filepath.Join(pictures, name+"_"+look.String()+".png"))
				}
			})
		}
	}
}

func takePicture(ctx context.Context, t *testing.T, name string) {
	t.Helper()
	picture, err := chromedp.Run(ctx, chromedp.FullScreenshot(100))
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(name, picture, 0o600))
}
