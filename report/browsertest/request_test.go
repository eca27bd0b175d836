package browsertest

import (
	"context"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/audits"
	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestRequests: a page asks for itself and for nothing else, and its own policy
// blocks nothing of it.
func TestRequests(t *testing.T) {
	ctx, site := tab(t), newSite(t)
	events, stop := context.WithCancel(ctx)
	defer stop()

	require.NoError(t, chromedp.Do(ctx, chromedp.Func(func(ctx context.Context, tab *chromedp.Target) error {
		if _, err := cdp.Call(ctx, tab, network.Enable, network.EnableParams{}); err != nil {
			return err
		}
		_, err := cdp.Call(ctx, tab, audits.Enable, cdp.Empty{})
		return err
	})))
	requests := chromedp.Events(events, network.RequestWillBeSent)
	issues := chromedp.Events(events, audits.IssueAdded)
	for _, name := range names {
		require.NoError(t, chromedp.Do(ctx, chromedp.Navigate(site.URL+"/"+name)))
		assert.NotEqual(t, "Times New Roman", evaluate[string](ctx, t,
			`getComputedStyle(document.querySelector("article")).fontFamily`),
			"the style sheet is allowed")
	}
	require.NoError(t, chromedp.Do(ctx, chromedp.Navigate(site.URL+"/empty-patient?end")))

	var asked []string
	for request, err := range requests {
		require.NoError(t, err)
		path := strings.TrimPrefix(request.Request.URL, site.URL+"/")
		if path == "empty-patient?end" {
			break
		}
		asked = append(asked, path)
	}
	assert.Equal(t, names, asked)

	stop()
	for issue, err := range issues {
		if err != nil {
			break // they end with the context
		}
		assert.NotEqual(t, audits.InspectorIssueCodeContentSecurityPolicyIssue, issue.Issue.Code,
			"blocked by the page's own policy")
	}
}
