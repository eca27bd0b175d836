package browsertest

import (
	"context"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/audits"
	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestRequests: every page asks the dashboard for itself, its style sheet and
// its icon, and nobody for anything else.
func TestRequests(t *testing.T) {
	ctx, s := tab(t), newSite(t)
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
	for _, name := range slices.Sorted(maps.Keys(paths())) {
		require.NoError(t, chromedp.Do(ctx, chromedp.Navigate(s.URL+paths()[name])))
	}
	require.NoError(t, chromedp.Do(ctx, chromedp.Navigate(s.URL+"/ops/helios/?end")))

	seen := 0
	for request, err := range requests {
		require.NoError(t, err)
		assert.True(t, strings.HasPrefix(request.Request.URL, s.URL+"/"), "%s", request.Request.URL)
		seen++
		if strings.HasSuffix(request.Request.URL, "?end") {
			break
		}
	}
	assert.Greater(t, seen, len(paths()))

	stop()
	for issue, err := range issues {
		if err != nil {
			break // they end with the context
		}
		assert.NotEqual(
			t,
			audits.InspectorIssueCodeContentSecurityPolicyIssue,
			issue.Issue.Code,
			"blocked by the page's own policy",
		)
	}
}
