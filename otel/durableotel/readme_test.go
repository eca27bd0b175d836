package durableotel_test

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
)

// TestREADME compares the tables of the README with what a busy process
// exports: every metric, its type, its unit and its attributes, and that each
// value of an attribute is one of those that are listed.
func TestREADME(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := busy(t, w)
	metrics, values := tables(t, "../README.md")

	exported := map[string][]string{}
	for name, m := range p.collected(t) {
		kind, sets := describe(t, m)
		var keys []string
		for _, set := range sets {
			for _, kv := range set.ToSlice() {
				keys = append(keys, string(kv.Key))
				assert.Contains(t, values[string(kv.Key)], kv.Value.String(), "%s of %s", kv.Key, name)
			}
		}
		slices.Sort(keys)
		exported[name] = append([]string{kind, m.Unit}, slices.Compact(keys)...)
		assert.NotEmpty(t, m.Description, name)
	}
	assert.Equal(t, metrics, exported)
}

var quoted = regexp.MustCompile("`([^`]*)`")

// tables reads the rows whose first cell is the name of a metric, and those
// whose first cell is the name of an attribute.
func tables(t *testing.T, name string) (metrics, values map[string][]string) {
	t.Helper()
	text, err := os.ReadFile(name)
	require.NoError(t, err)
	_, section, ok := strings.Cut(string(text), "\n## Metrics\n")
	require.True(t, ok)
	section, _, _ = strings.Cut(section, "\n## ")

	metrics, values = map[string][]string{}, map[string][]string{}
	for line := range strings.SplitSeq(section, "\n") {
		if !strings.HasPrefix(line, "| `") {
			continue
		}
		cells := strings.Split(strings.Trim(line, "| "), " | ")
		first := in(cells[0])[0]
		if !strings.HasPrefix(first, "helios.") {
			values[first] = in(strings.Join(cells[1:], " "))
			continue
		}
		attributes := in(strings.Join(cells[3:], " "))
		slices.Sort(attributes)
		metrics[first] = append([]string{cells[1], in(cells[2])[0]}, attributes...)
	}
	return metrics, values
}

// in returns what stands in backticks.
func in(cell string) (all []string) {
	for _, m := range quoted.FindAllStringSubmatch(cell, -1) {
		all = append(all, m[1])
	}
	return all
}

// describe returns the type of a metric and the attributes of its series.
func describe(t *testing.T, m metricdata.Metrics) (kind string, sets []attribute.Set) {
	t.Helper()
	switch data := m.Data.(type) {
	case metricdata.Sum[int64]:
		require.True(t, data.IsMonotonic)
		return "counter", setsOf(data.DataPoints)
	case metricdata.Gauge[int64]:
		return "gauge", setsOf(data.DataPoints)
	case metricdata.Gauge[float64]:
		return "gauge", setsOf(data.DataPoints)
	case metricdata.Histogram[int64]:
		return "histogram", histogramSets(data.DataPoints)
	case metricdata.Histogram[float64]:
		return "histogram", histogramSets(data.DataPoints)
	}
	t.Fatalf("%s is a %T", m.Name, m.Data)
	return "", nil
}

func setsOf[N int64 | float64](points []metricdata.DataPoint[N]) (sets []attribute.Set) {
	for _, p := range points {
		sets = append(sets, p.Attributes)
	}
	return sets
}

func histogramSets[N int64 | float64](points []metricdata.HistogramDataPoint[N]) (sets []attribute.Set) {
	for _, p := range points {
		sets = append(sets, p.Attributes)
	}
	return sets
}
