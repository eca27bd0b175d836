package report

import (
	"cmp"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/heliosai/helios-go"
	"github.com/heliosai/helios-go/clinical"
)

// lab is one result, cleaned and read.
type lab struct {
	name, value, flag, category string // as they are shown; value with its unit
	date                        string // as it is shown
	time                        time.Time
	hasClock                    bool // time has a time of day

	number    float64
	written   string // the number as it came
	unit      string
	isNumeric bool

	rangeText string // as it came
	bounds    clinical.Range
	hasBounds bool // number and bounds can be compared

	anchors []Anchor
	source  helios.LabResult
}

// side is where a number is beside its standard range.
type side int

const (
	unknown side = iota
	below
	inside
	above
)

// newLab reads a result, and reports at where what is wrong with it.
func (p *page) newLab(r helios.LabResult, where string) *lab {
	clean := func(s string) string { return cleanLine(s, where, &p.issues) }
	l := &lab{
		name: clean(r.Name), value: clean(r.Value), category: clean(r.Category), unit: clean(r.Unit),
		rangeText: clean(r.ReferenceRange), flag: p.flagWord(clean(string(r.Flag))), source: r,
	}
	l.date, l.time, l.hasClock = p.readDate(clean(r.Date))
	if l.name == "" || l.value == "" {
		p.issues.add(where, NoValue)
	}

	l.readNumber()
	if !l.isNumeric && l.unit != "" && !strings.HasSuffix(l.value, l.unit) {
		l.value = withUnit(l.value, l.unit)
	}
	l.readBounds()
	l.anchors = p.readAnchors(l)
	if l.contradicts(r.Flag) {
		p.issues.add(where, FlagContradicted)
	}
	return l
}

// readNumber reads the value, if it is one number. Its unit may repeat that of
// the result but must not differ from it.
func (l *lab) readNumber() {
	q, ok := clinical.ParseQuantity(l.value)
	if !ok || q.Comparator != "" || q.Unit != "" && l.unit != "" && !clinical.SameUnit(q.Unit, l.unit) {
		return
	}
	l.number, l.written, l.unit, l.isNumeric = q.Value, q.Number, cmp.Or(q.Unit, l.unit), true
	l.value = withUnit(q.Number, l.unit)
}

// readBounds reads the range, if the number can be compared with it.
func (l *lab) readBounds() {
	bounds, ok := clinical.ParseRange(l.rangeText)
	if !ok || !l.isNumeric || bounds.Unit != "" && l.unit != "" && !clinical.SameUnit(bounds.Unit, l.unit) {
		return
	}
	l.bounds, l.hasBounds = bounds, true
}

func withUnit(value, unit string) string {
	if unit == "" || value == "" {
		return value
	}
	return value + "\u00a0" + unit
}

func (l *lab) side() side {
	switch {
	case !l.hasBounds:
		return unknown
	case l.bounds.Below(l.number):
		return below
	case l.bounds.Above(l.number):
		return above
	}
	return inside
}

// contradicts reports whether flag and range say different things.
func (l *lab) contradicts(flag helios.Flag) bool {
	is := l.side()
	if is == unknown {
		return false
	}
	switch {
	case strings.EqualFold(string(flag), string(helios.FlagNormal)):
		return is != inside
	case strings.EqualFold(string(flag), string(helios.FlagHigh)):
		return is != above
	case strings.EqualFold(string(flag), string(helios.FlagLow)):
		return is != below
	}
	return false
}

// flagWord returns a flag in the words of the report, or as it came.
func (p *page) flagWord(flag string) string {
	switch f := strings.ToLower(flag); f {
	case "high", "low", "normal", "critical":
		return p.words.get("flag." + f)
	}
	return flag
}

// sideWord returns where the number is beside the range, in words.
func (p *page) sideWord(l *lab) string {
	switch l.side() {
	case below:
		return p.words.get("is.below")
	case inside:
		return p.words.get("is.inside")
	case above:
		return p.words.get("is.above")
	default:
		return ""
	}
}

// rangeWords returns the range in words where it could be read, and else as it
// came.
func (p *page) rangeWords(l *lab) string {
	if !l.hasBounds {
		return l.rangeText
	}

	b := l.bounds
	unit := cmp.Or(b.Unit, l.unit)
	low, high := l.asWritten(b.Low), withUnit(l.asWritten(b.High), unit)
	switch {
	case math.IsInf(b.Low, -1) && b.HighOpen:
		return p.words.values("range.below", "{high}", high)
	case math.IsInf(b.Low, -1):
		return p.words.values("range.to", "{high}", high)
	case math.IsInf(b.High, 1) && b.LowOpen:
		return p.words.values("range.above", "{low}", withUnit(low, unit))
	case math.IsInf(b.High, 1):
		return p.words.values("range.from", "{low}", withUnit(low, unit))
	}
	return p.words.values("range.between", "{low}", low, "{high}", high)
}

var digitsPattern = regexp.MustCompile(`-?[0-9]*[.,]?[0-9]+`)

// asWritten returns a bound of the range with the digits that it came with:
// 4.0 is not 4.
func (l *lab) asWritten(bound float64) string {
	sign := ""
	if bound < 0 {
		sign = "-"
	}
	for _, digits := range digitsPattern.FindAllString(l.rangeText, 8) {
		if n, err := strconv.ParseFloat(strings.Replace(digits, ",", ".", 1), 64); err == nil &&
			math.Abs(n) == math.Abs(bound) {
			return sign + strings.TrimPrefix(digits, "-")
		}
	}
	return strconv.FormatFloat(bound, 'f', -1, 64)
}

// words returns the whole result in words, for those who do not see the line.
func (p *page) labWords(l *lab) string {
	parts := []string{l.name + ": " + l.value}
	for _, part := range []string{l.flag, p.sideWord(l)} {
		if part != "" {
			parts = append(parts, part)
		}
	}
	if r := p.rangeWords(l); r != "" {
		parts = append(parts, p.words.get("range")+": "+r)
	}
	if l.date != "" {
		parts = append(parts, l.date)
	}
	return strings.Join(parts, ". ")
}

// readDate returns a date as the report shows it. One that cannot be read is
// shown as it came.
func (p *page) readDate(s string) (shown string, t time.Time, hasClock bool) {
	for _, layout := range [...]string{
		time.DateOnly, time.RFC3339, "2006-01-02T15:04:05Z0700", "2006-01-02T15:04:05", "2006-01-02T15:04Z07:00",
		"2006-01-02T15:04", "2006-01-02 15:04:05", "2006-01-02 15:04", "20060102",
	} {
		if t, err := time.Parse(layout, s); err == nil {
			return p.formatDate(t), t, strings.Contains(layout, "15")
		}
	}
	for _, layout := range [...]string{"2006-01", "2006"} {
		if t, err := time.Parse(layout, s); err == nil {
			return s, t, false
		}
	}
	return s, time.Time{}, false
}

func (p *page) formatDate(t time.Time) string { return t.Format(p.dateLayout) }

// test is a laboratory test with its results, the newest first.
type test struct {
	Name    string
	results []*lab
}

// tellTimes adds the time of day to dates that several results have.
func (t *test) tellTimes() {
	days := make(map[string]int)
	for _, l := range t.results {
		days[l.date]++
	}
	for _, l := range t.results {
		if l.hasClock && days[l.date] > 1 {
			l.date += l.time.Format(" 15:04")
		}
	}
}

// category is a group of tests under a heading, which may be empty.
type category struct {
	Name  string
	Tests []*test
}

// maxUnits bounds how many units of a test are compared with the next one.
const maxUnits = 16

// newCategories groups results by category and test, each in the order in which
// it is first seen. Results of one name whose units differ are several tests.
func (p *page) newCategories(labs []helios.LabResult) []*category {
	var all []*category
	categories := make(map[string]*category)
	tests := make(map[[2]string][]*test)

	for i, result := range labs {
		l := p.newLab(result, "labs["+strconv.Itoa(i)+"]")
		if l.name == "" && l.value == "" {
			continue
		}

		c := categories[strings.ToLower(l.category)]
		if c == nil {
			c = &category{Name: l.category}
			categories[strings.ToLower(l.category)] = c
			all = append(all, c)
		}
		key := [2]string{strings.ToLower(l.category), strings.ToLower(l.name)}
		same := slices.IndexFunc(tests[key][:min(len(tests[key]), maxUnits)], func(t *test) bool {
			return clinical.SameUnit(t.results[0].unit, l.unit)
		})
		if same < 0 {
			same = len(tests[key])
			tests[key] = append(tests[key], &test{Name: l.name})
			c.Tests = append(c.Tests, tests[key][same])
		}
		t := tests[key][same]
		t.results = append(t.results, l)
	}

	for _, c := range all {
		for _, t := range c.Tests {
			slices.SortStableFunc(t.results, func(a, b *lab) int { return b.time.Compare(a.time) })
			t.tellTimes()
		}
	}
	return all
}
