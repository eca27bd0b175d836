package browsertest

import (
	"context"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// focused describes what has the focus, and whether it can be seen.
const focused = `(() => {
	const e = document.activeElement, box = e.getBoundingClientRect(), style = getComputedStyle(e)
	const outlined = style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2
	const seen = outlined && box.width > 1 && box.height > 1
	return {Name: e.getAttribute("aria-label") || e.innerText || e.id, Seen: seen}
})()`

type focus struct {
	Name string
	Seen bool
}

// TestKeyboard follows a marker to its source, and goes back from there.
func TestKeyboard(t *testing.T) {
	ctx, site := tab(t), newSite(t)
	require.NoError(t, chromedp.Do(ctx, chromedp.Navigate(site.URL+"/lab-results-patient")))

	assert.Equal(t, focus{"Source 1", true}, press(ctx, t, kb.Tab), "the first stop")
	press(ctx, t, kb.Enter)
	assert.Equal(t, "#helios-patient-source-1", evaluate[string](ctx, t, `location.hash`))
	assert.True(t, evaluate[bool](ctx, t,
		`document.querySelector(":target").getBoundingClientRect().top < innerHeight`))

	assert.Equal(t, focus{"Example: What Your Kidney Numbers Mean", true}, press(ctx, t, kb.Tab),
		"the source's own link is next")
	assert.Equal(t, focus{"Back to the text, place 1", true}, press(ctx, t, kb.Tab))
	press(ctx, t, kb.Enter)
	assert.Equal(t, "#helios-patient-cite-1", evaluate[string](ctx, t, `location.hash`))
	assert.Equal(t, focus{"Source 1", true}, press(ctx, t, kb.Tab), "the marker after it")
}

// TestKeyboard_EveryStop walks through a page: every link can be reached, and
// the focus can be seen everywhere.
func TestKeyboard_EveryStop(t *testing.T) {
	ctx, site := tab(t), newSite(t)
	require.NoError(t, chromedp.Do(ctx, chromedp.Navigate(site.URL+"/deep-clinician")))

	stops := evaluate[int](ctx, t, `document.querySelectorAll("a[href], [tabindex]").length`)
	require.Greater(t, stops, 10)
	for range stops {
		now := press(ctx, t, kb.Tab)
		assert.True(t, now.Seen, "the focus on %q cannot be seen", now.Name)
		evaluate[int](ctx, t, `document.activeElement.dataset.seen = "yes"; 0`)
	}
	assert.Equal(t, stops, evaluate[int](ctx, t, `document.querySelectorAll("[data-seen]").length`))
}

// press presses a key, and returns what has the focus then.
func press(ctx context.Context, t *testing.T, key string) focus {
	t.Helper()
	require.NoError(t, chromedp.Do(ctx, chromedp.KeyEvent(key)))
	return evaluate[focus](ctx, t, focused)
}
