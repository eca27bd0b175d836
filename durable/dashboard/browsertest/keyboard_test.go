package browsertest

import (
	"context"
	"testing"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// focused describes what has the focus, and whether it can be seen.
const focused = `(() => {
	const e = document.activeElement, box = e.getBoundingClientRect(), style = getComputedStyle(e)
	const outlined = style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2
	return {Text: e.innerText || e.id, Seen: outlined && box.width > 1 && box.height > 1}
})()`

type focus struct {
	Text string
	Seen bool
}

// TestKeyboard decides about an unknown submission with nothing but a keyboard.
func TestKeyboard(t *testing.T) {
	ctx, s := tab(t), newSite(t)
	require.NoError(t, chromedp.Do(ctx, chromedp.Navigate(s.URL+"/ops/helios/submission?key=order-4706")))

	assert.Equal(t, focus{"Skip to content", true}, press(ctx, t, kb.Tab), "the first stop")
	press(ctx, t, kb.Enter)
	assert.Equal(t, "main", evaluate[string](ctx, t, `document.activeElement.id`))

	walkTo(ctx, t, "Send again…")
	follow(ctx, t)
	assert.Equal(t, "Send this submission again?", heading(ctx, t))
	assert.Contains(t, evaluate[string](ctx, t, `document.body.innerText`), "May cost $3.50 a second time")
	assert.Empty(t, s.engine.Calls(), "it has only asked")

	walkTo(ctx, t, "Send it again")
	follow(ctx, t)
	assert.Equal(t, "order-4706", heading(ctx, t))
	assert.Equal(
		t,
		"The submission is back in the queue.",
		evaluate[string](ctx, t, `document.querySelector("[role=status]").innerText`),
	)
	assert.Equal(t, []string{"resolve order-4706 resubmit"}, s.engine.Calls())
}

// press presses a key, and returns what has the focus then.
func press(ctx context.Context, t *testing.T, key string) focus {
	t.Helper()
	require.NoError(t, chromedp.Do(ctx, chromedp.KeyEvent(key)))
	return evaluate[focus](ctx, t, focused)
}

// walkTo presses Tab until text has the focus. Every stop on the way must be
// seen.
func walkTo(ctx context.Context, t *testing.T, text string) {
	t.Helper()
	for range 40 {
		now := press(ctx, t, kb.Tab)
		assert.True(t, now.Seen, "the focus on %q cannot be seen", now.Text)
		if now.Text == text {
			return
		}
	}
	require.Fail(t, "the keyboard does not reach it", text)
}

// follow presses Enter, and waits for the page that this leads to.
func follow(ctx context.Context, t *testing.T) {
	t.Helper()
	_, err := chromedp.RunResponse(ctx, chromedp.KeyEvent(kb.Enter))
	require.NoError(t, err)
}

func heading(ctx context.Context, t *testing.T) string {
	t.Helper()
	return evaluate[string](ctx, t, `document.querySelector("h1").innerText`)
}

// TestWithoutJavaScript cancels a submission, finds another and turns a page
// where scripts are disabled.
func TestWithoutJavaScript(t *testing.T) {
	ctx, s := tab(t), newSite(t)
	require.NoError(t, chromedp.Do(ctx, chromedp.Func(func(ctx context.Context, tab *chromedp.Target) error {
		_, err := cdp.Call(
			ctx,
			tab,
			emulation.SetScriptExecutionDisabled,
			emulation.SetScriptExecutionDisabledParams{Value: true},
		)
		return err
	})))
	require.NoError(t, chromedp.Do(ctx, chromedp.Navigate(s.URL+"/ops/helios/submission?key=order-4701")))

	click(ctx, t, `.offers a`)
	assert.Equal(t, "Cancel this submission?", heading(ctx, t))
	click(ctx, t, `.decide button`)
	assert.Equal(t, []string{"cancel order-4701"}, s.engine.Calls())

	require.NoError(t, chromedp.Do(ctx, chromedp.SetValue(`#search`, "order-4707")))
	click(ctx, t, `.search button`)
	assert.Equal(t, "order-4707", heading(ctx, t))

	require.NoError(t, chromedp.Do(ctx, chromedp.Navigate(s.URL+"/ops/helios/submissions?state=queued")))
	click(ctx, t, `.paging [rel=next]`)
	assert.Contains(
		t,
		evaluate[string](ctx, t, `document.querySelector("caption").innerText`),
		"after study/2026-11/participant-",
	)
}

func click(ctx context.Context, t *testing.T, selector string) {
	t.Helper()
	_, err := chromedp.RunResponse(ctx, chromedp.Click(selector))
	require.NoError(t, err)
}
