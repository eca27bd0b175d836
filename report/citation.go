package report

import (
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/parser"
	"github.com/yuin/goldmark/text"
)

// Limits of one marker.
const (
	maxMarkerLength = 80 // bytes
	maxNumbers      = 40 // that it names, ranges written out
	maxNumber       = 9999
)

var kindMarker = ast.NewNodeKind("HeliosMarker")

// marker is a citation marker, such as [1] or [1, 3-5].
type marker struct {
	ast.BaseInline
	cites []cite
}

// cite is a number of a marker.
type cite struct {
	number int
	source *Source // nil if there is none
	id     int     // of the link to the source
}

func (m *marker) Kind() ast.NodeKind            { return kindMarker }
func (m *marker) Dump(source []byte, level int) { ast.DumpHelper(m, source, level, nil, nil) }

// markerParser parses citation markers. It runs before links.
//
//	marker  = "[" item { ("," | ";") item } "]"
//	item    = number [ ("-" | "–" | "—") number ]
//	number  = 1 to 4 digits, not 0
//
// White space may stand between all of them. [4.0-5.6] is none, and neither is
// a range of values, or one of more than maxNumbers.
type markerParser struct{}

func (markerParser) Trigger() []byte { return []byte{'['} }

func (markerParser) Parse(_ ast.Node, block text.Reader, pc parser.Context) ast.Node {
	line, segment := block.PeekLine()
	numbers, isRange, length := parseMarker(line)
	if length == 0 {
		return nil
	}
	s := stateOf(pc)
	if isRange && s.isReferenceRange(numbers, line[:length], block.Source()[:segment.Start], line[length:]) {
		return nil
	}

	if s.tooManyMarkers(numbers) {
		s.report(TooManyMarkers)
		return nil
	}

	m := &marker{cites: make([]cite, len(numbers))}
	for i, number := range numbers {
		m.cites[i] = s.cite(number)
	}
	block.Advance(length + ownURL(m, line[length:]))
	return m
}

// parseMarker returns the numbers of the marker at the beginning of line, each
// once, whether there is a range in it, and its length; 0 if there is none.
func parseMarker(line []byte) (numbers []int, isRange bool, length int) {
	line = line[:min(len(line), maxMarkerLength)]
	i := 1
	skip := func() { i += spaces(line[i:]) }
	number := func() (n int) {
		skip()
		for end := i + 4; i < min(end, len(line)) && line[i] >= '0' && line[i] <= '9'; i++ {
			n = n*10 + int(line[i]-'0')
		}
		skip()
		return n
	}

	for {
		first := number()
		last := first
		if dash := dashLength(line[i:]); dash > 0 {
			i += dash
			last, isRange = number(), true
		}
		if first < 1 || last < first || len(numbers)+last-first >= maxNumbers || i == len(line) {
			return nil, false, 0
		}
		for n := first; n <= last; n++ {
			numbers = appendNumber(numbers, n)
		}

		switch line[i] {
		case ',', ';':
			i++
		case ']':
			return numbers, isRange, i + 1
		default:
			return nil, false, 0
		}
	}
}

func appendNumber(numbers []int, n int) []int {
	for _, other := range numbers {
		if other == n {
			return numbers
		}
	}
	return append(numbers, n)
}

func dashLength(line []byte) int {
	switch r, size := utf8.DecodeRune(line); r {
	case '-', '\u2010', '\u2011', '\u2013', '\u2014':
		return size
	}
	return 0
}

// tooManyMarkers counts numbers, and reports whether they are more than a page
// links; these are shown as they were written. A short range can name many.
func (s *state) tooManyMarkers(numbers []int) bool {
	markers, missing := s.markers, s.missing
	for _, n := range numbers {
		if s.sources.numbered[n] != nil {
			markers++
		} else {
			missing++
		}
	}
	if markers <= maxMarkers && missing <= maxMarkers {
		s.missing = missing
		return false
	}

	for _, n := range numbers {
		if source := s.sources.numbered[n]; source != nil {
			source.Cited++
		}
	}
	return true
}

// cite links a number to its source, or reports why not.
func (s *state) cite(number int) cite {
	c := cite{number: number, source: s.sources.numbered[number]}
	if c.source == nil {
		where := s.where
		if number <= s.sources.last+farBeyond { // else it may be a value
			where += " [" + strconv.Itoa(number) + "]"
		}
		s.issues.add(where, NoSource)
		s.sources.missed(number)
		return c
	}

	c.source.Cited++
	s.markers++
	c.id = s.markers
	c.source.backlinks = append(c.source.backlinks, c.id)
	return c
}

// ownURL returns the length of "(url)" behind a marker if it is the link of its
// source, which is then said twice. Any other is text.
func ownURL(m *marker, line []byte) int {
	t := inlineTarget(line)
	if t.length == 0 || len(t.title) > 0 || len(m.cites) != 1 || m.cites[0].source == nil {
		return 0
	}
	href, _, ok := safeURL(unescape(t.destination))
	if ok && strings.TrimSuffix(href, "/") == strings.TrimSuffix(m.cites[0].source.URL, "/") {
		return t.length
	}
	return 0
}
