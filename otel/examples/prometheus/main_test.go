package main

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"
)

// TestQueries looks up what every query of alerts.yml and dashboard.json names
// in the example's scrape: each metric, and a series that its labels match.
func TestQueries(t *testing.T) {
	t.Parallel()
	scraped := scrape(t)
	for name, query := range queries(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			selectors := selector.FindAllStringSubmatch(query, -1)
			require.NotEmpty(t, selectors, query)
			for _, s := range selectors {
				require.Contains(t, scraped, s[1])
				assert.True(t, matchesAny(t, scraped[s[1]], s[2]), "%s matches no series", s[0])
			}
			assert.Equal(t, strings.Count(query, "("), strings.Count(query, ")"), query)
		})
	}
}

// TestAlerts: there is one for everything that costs money.
func TestAlerts(t *testing.T) {
	t.Parallel()
	names := map[string]bool{}
	for _, rule := range rules(t) {
		assert.False(t, names[rule.Alert], "%s is there twice", rule.Alert)
		names[rule.Alert] = true
		assert.Contains(t, []string{"warning", "critical"}, rule.Labels["severity"], rule.Alert)
		assert.NotEmpty(t, rule.Annotations["summary"], rule.Alert)
		assert.NotEmpty(t, rule.Annotations["action"], rule.Alert)
	}
	for _, name := range []string{
		"HeliosOutcomeUnknown", "HeliosResultOverdue", "HeliosDeadLetter", "HeliosQueueWaits", "HeliosDeliveryRefused",
	} {
		assert.Contains(t, names, name)
	}
}

func TestRun_serves_until_interrupted(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	out := &cancelling{cancel: cancel}
	require.NoError(t, run(ctx, out, "127.0.0.1:0"))
	assert.Contains(t, out.String(), "Serving http://127.0.0.1:0/metrics")

	require.Error(t, run(t.Context(), new(bytes.Buffer), "no address"))
}

// cancelling ends the program when it has said that it serves.
type cancelling struct {
	bytes.Buffer
	cancel context.CancelFunc
}

func (c *cancelling) Write(p []byte) (int, error) {
	if bytes.Contains(p, []byte("Serving")) {
		c.cancel()
	}
	return c.Buffer.Write(p)
}

var (
	selector = regexp.MustCompile(`\b(helios_\w+)(\{[^}]*\})?`)
	matcher  = regexp.MustCompile(`(\w+)(=~|!~|!=|=)"((?:[^"\\]|\\.)*)"`)
)

// scrape runs the example and returns the labels of its series, by their names.
func scrape(t *testing.T) map[string][]map[string]string {
	t.Helper()
	var out bytes.Buffer
	require.NoError(t, run(t.Context(), &out, ""))

	series := map[string][]map[string]string{}
	for line := range strings.Lines(out.String()) {
		s := selector.FindStringSubmatch(line)
		if strings.HasPrefix(line, "#") || s == nil {
			continue
		}
		labels := map[string]string{}
		for _, m := range matcher.FindAllStringSubmatch(s[2], -1) {
			labels[m[1]] = m[3]
		}
		series[s[1]] = append(series[s[1]], labels)
	}
	return series
}

// matchesAny reports whether the matchers of a selector match one of the
// series.
func matchesAny(t *testing.T, series []map[string]string, selected string) bool {
	t.Helper()
	for _, labels := range series {
		all := true
		for _, m := range matcher.FindAllStringSubmatch(selected, -1) {
			equal := labels[m[1]] == m[3]
			if strings.HasSuffix(m[2], "~") {
				equal = regexp.MustCompile("^(?:" + m[3] + ")$").MatchString(labels[m[1]])
			}
			all = all && equal != strings.HasPrefix(m[2], "!")
		}
		if all {
			return true
		}
	}
	return false
}

// queries returns all of alerts.yml and dashboard.json, by what they are for.
func queries(t *testing.T) map[string]string {
	t.Helper()
	all := map[string]string{}
	for _, rule := range rules(t) {
		all["alert "+rule.Alert] = rule.Expr
	}

	text, err := os.ReadFile("dashboard.json")
	require.NoError(t, err)
	var dashboard struct {
		Panels []struct {
			Title   string
			Targets []struct{ Expr, RefID string }
		}
	}
	require.NoError(t, json.Unmarshal(text, &dashboard))
	require.NotEmpty(t, dashboard.Panels)
	for _, panel := range dashboard.Panels {
		require.NotEmpty(t, panel.Targets, panel.Title)
		for _, target := range panel.Targets {
			all["panel "+panel.Title+" "+target.RefID] = target.Expr
		}
	}
	return all
}

type rule struct {
	Alert, Expr         string
	Labels, Annotations map[string]string
}

func rules(t *testing.T) (all []rule) {
	t.Helper()
	text, err := os.ReadFile("alerts.yml")
	require.NoError(t, err)
	var file struct {
		Groups []struct{ Rules []rule }
	}
	require.NoError(t, yaml.Unmarshal(text, &file))
	for _, group := range file.Groups {
		all = append(all, group.Rules...)
	}
	require.NotEmpty(t, all)
	return all
}
