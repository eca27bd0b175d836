package report

import (
	"math"
	"slices"
	"strings"
)

// course is the drawing of several results of one test over time.
type course struct {
	Label     string
	Band      bool   // the standard range is known
	IsPart    bool   // some results are not drawn
	Top, High string // of the band: where it begins, and its height
	Points    []point
	Segments  []segment
	First     string // dates at the ends, in words
	Last      string
}

type point struct {
	X, Y, LabelY string
	Text, Anchor string // "" where there is no room
}

type segment struct{ X1, Y1, X2, Y2 string }

// maxPoints bounds a course; the newest are drawn.
const maxPoints = 60

// newCourse draws the results of a test that have a number and a date, or
// returns nil if there are fewer than two dates.
func (p *page) newCourse(t *test) *course {
	var dated []*lab
	for _, l := range t.results {
		if l.isNumeric && !l.time.IsZero() && len(dated) < maxPoints {
			dated = append(dated, l)
		}
	}
	slices.Reverse(dated)
	if len(dated) < 2 || !dated[0].time.Before(dated[len(dated)-1].time) {
		return nil
	}

	newest := dated[len(dated)-1]
	s, ok := courseScale(dated, newest)
	if !ok {
		return nil
	}
	const left, width, top, height = 6, 88, 20, 52 // of the drawing, in per cent
	y := func(n float64) float64 { return top + height*(100-s.position(n))/100 }
	begin, length := dated[0].time, newest.time.Sub(dated[0].time).Seconds()

	c := &course{First: dated[0].date, Last: newest.date, IsPart: len(dated) < len(t.results)}
	if newest.hasBounds {
		c.Band = true
		upper, lower := 2.0, float64(top+height)+8
		if !math.IsInf(newest.bounds.High, 1) {
			upper = y(newest.bounds.High)
		}
		if !math.IsInf(newest.bounds.Low, -1) {
			lower = y(newest.bounds.Low)
		}
		c.Top, c.High = percent(upper), percent(lower-upper)
	}

	words := []string{p.words.get("course") + ", " + t.Name}
	for i, l := range dated {
		at := point{
			X: percent(left + width*l.time.Sub(begin).Seconds()/length), Y: percent(y(l.number)),
			LabelY: percent(y(l.number) - 8), Anchor: "middle",
		}
		if i == 0 || i == len(dated)-1 || len(dated) <= 4 {
			at.Text = l.written
		}
		if i > 0 {
			before := c.Points[i-1]
			c.Segments = append(c.Segments, segment{before.X, before.Y, at.X, at.Y})
		}
		c.Points = append(c.Points, at)
		words = append(words, p.words.get("on", "{value}", l.value, "{date}", l.date))
	}
	c.Label = strings.Join(words, ". ")
	return c
}

// courseScale returns a scale with all numbers and the bounds of the newest.
func courseScale(dated []*lab, newest *lab) (scale, bool) {
	s := scale{math.Inf(1), math.Inf(-1)}
	add := func(n float64) {
		if !math.IsInf(n, 0) {
			s.from, s.to = min(s.from, n), max(s.to, n)
		}
	}
	for _, l := range dated {
		add(l.number)
	}
	if newest.hasBounds {
		add(newest.bounds.Low)
		add(newest.bounds.High)
	}
	if s.from == s.to {
		s.from, s.to = s.from-1, s.to+1
	}
	length := s.to - s.from
	return s, length > 0 && !math.IsInf(length, 0)
}
