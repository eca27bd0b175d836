package report

import (
	"math"
	"strconv"
)

// numberLine is the drawing of one number beside its standard range. Positions
// are percentages of the width, so that text keeps its size on a phone.
type numberLine struct {
	ID    string // of the gradient
	Label string // all of it in words

	Stops       []stop
	From, Width string // the standard range
	Ticks       []tick // its bounds
	Anchors     []tick
	Value       tick
	OffScale    string // in words, if the value is beyond the end
	Before      bool   // it is beyond the left end
}

// stop is a color of the gradient: "in", "near" or "far" from the range.
type stop struct{ At, Color string }

// tick is a mark on the line with its text.
type tick struct {
	At     string
	Text   string
	Anchor string // text-anchor
	Number string // of an anchor, where there is room for it below the line
}

func newTick(position float64, text string) tick {
	return tick{At: percent(position), Text: text, Anchor: textAnchor(position)}
}

// scale is the part of the numbers that a line shows.
type scale struct{ from, to float64 }

func (s scale) position(n float64) float64 {
	return min(max((n-s.from)/(s.to-s.from)*100, 0), 100)
}

func percent(f float64) string { return strconv.FormatFloat(f, 'f', 2, 64) + "%" }

// newScale returns what a line shows: the range with its own width on either
// side, and further to the value and the anchors, up to four widths. Numbers of
// which none is negative begin at 0. It returns false for what cannot be drawn.
func newScale(l *lab, anchors []Anchor) (s scale, ok bool) {
	const most = 4
	low, high := l.bounds.Low, l.bounds.High
	var width float64
	switch {
	case math.IsInf(low, -1):
		width = math.Abs(high)
		low = high
	case math.IsInf(high, 1):
		width = math.Abs(low)
		high = low
	default:
		width = high - low
	}
	if width == 0 {
		width = max(math.Abs(high), 1)
	}

	s = scale{low - width, high + width}
	numbers := []float64{l.number}
	for _, a := range anchors {
		numbers = append(numbers, a.Value)
	}
	negative := low < 0
	for _, n := range numbers {
		negative = negative || n < 0
		s.from = min(s.from, max(n-width/4, low-most*width))
		s.to = max(s.to, min(n+width/4, high+most*width))
	}
	if !negative {
		s.from = max(s.from, 0)
	}
	length := s.to - s.from
	return s, length > 0 && !math.IsInf(length, 0) && !math.IsNaN(length) && length > math.Abs(s.to)*1e-9
}

// newNumberLine draws l, or returns nil if it has no number or no range.
func (p *page) newNumberLine(l *lab, id string) *numberLine {
	if !l.hasBounds {
		return nil
	}
	anchors := l.anchors
	s, ok := newScale(l, anchors)
	if !ok {
		return nil
	}

	const edge = 1.5 // per cent: paper cuts what stands out
	from, to := s.position(l.bounds.Low), s.position(l.bounds.High)
	line := &numberLine{
		ID: id, Label: p.labWords(l), From: percent(from), Width: percent(to - from),
		Stops: gradient(from, to),
		Value: newTick(min(max(s.position(l.number), edge), 100-edge), l.written),
	}
	if l.number < s.from || l.number > s.to {
		line.OffScale, line.Before = p.words.get("offscale"), l.number < s.from
		line.Label += ". " + line.OffScale
	}

	const room = 9 // percent that a number needs
	line.Ticks = p.boundTicks(l, from, to)
	for _, a := range anchors {
		at := s.position(a.Value)
		mark := newTick(at, a.Label)
		if math.Abs(at-from) > room && math.Abs(at-to) > room {
			mark.Number = strconv.FormatFloat(a.Value, 'f', -1, 64)
		}
		line.Anchors = append(line.Anchors, mark)
		line.Label += ". " + a.Label
	}
	return line
}

// boundTicks marks the bounds. Where they are close together, their texts stand
// outside of them.
func (p *page) boundTicks(l *lab, from, to float64) []tick {
	const close = 18
	var ticks []tick
	hasLow, hasHigh := !math.IsInf(l.bounds.Low, -1), !math.IsInf(l.bounds.High, 1)
	if hasLow {
		t := newTick(from, l.asWritten(l.bounds.Low))
		if hasHigh && to-from < close && from > close/2 {
			t.Anchor = "end"
		}
		ticks = append(ticks, t)
	}
	if hasHigh {
		t := newTick(to, l.asWritten(l.bounds.High))
		if hasLow && to-from < close && to < 100-close/2 {
			t.Anchor = "start"
		}
		ticks = append(ticks, t)
	}
	return ticks
}

// textAnchor keeps a text at a position inside of the drawing.
func textAnchor(position float64) string {
	const margin = 8
	switch {
	case position < margin:
		return "start"
	case position > 100-margin:
		return "end"
	}
	return "middle"
}

// gradient colors the line from the range outwards: there is no step in how
// far a number is from normal.
func gradient(from, to float64) []stop {
	const edge = 0.35
	var stops []stop
	if from > 0 {
		stops = append(stops, stop{percent(0), "far"}, stop{percent(from * (1 - edge)), "near"})
	}
	inset := (to - from) / 8
	stops = append(stops, stop{percent(from + inset*bit(from > 0)), "in"},
		stop{percent(to - inset*bit(to < 100)), "in"})
	if to < 100 {
		stops = append(stops, stop{percent(to + (100-to)*edge), "near"}, stop{percent(100), "far"})
	}
	return stops
}

func bit(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

// Anchor marks a number on the number line of a lab result, such as where
// doctors begin to be concerned. Its label is shown as text.
type Anchor struct {
	Value float64 // in the unit of the result
	Label string
}

// readAnchors asks for the caller's anchors. Their labels get the number in
// front.
func (p *page) readAnchors(l *lab) []Anchor {
	if p.opts.Anchors == nil || !l.hasBounds {
		return nil
	}

	const most = 4
	var anchors []Anchor
	for _, a := range p.opts.Anchors(l.source) {
		if math.IsNaN(a.Value) || math.IsInf(a.Value, 0) || len(anchors) == most {
			p.issues.add("Options.Anchors", BadOption)
			continue
		}
		number := withUnit(strconv.FormatFloat(a.Value, 'f', -1, 64), l.unit)
		a.Label = joinText(": ", number, cleanLine(a.Label, "Options.Anchors", &p.issues))
		anchors = append(anchors, a)
	}
	return anchors
}
