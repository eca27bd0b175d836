package report

import (
	"fmt"
	"slices"
)

// Problem says what was left out, changed or could not be linked.
type Problem string

// The problems of texts, sources, labs and options.
const (
	// InvalidUTF8: bytes that are not text are shown as U+FFFD.
	InvalidUTF8 Problem = "bytes that are not UTF-8 were replaced"
	// ControlCharacters: characters that control a terminal or the direction of
	// text were removed.
	ControlCharacters Problem = "control or bidi characters were removed"
	// TooDeep: lists, quotes, brackets or emphasis beyond the limit are shown
	// as they were written.
	TooDeep Problem = "nesting beyond the limit is shown as text"
	// TooManyCells: a table beyond the limit is shown as it was written.
	TooManyCells Problem = "a table beyond the limit is shown as text"
	// ExtraCells: a row of a table has more cells than its header. They are put
	// into its last cell, as they were written.
	ExtraCells Problem = "a row has more cells than its header"
	// TooManyMarkers: markers beyond the limit are shown as text, without a
	// link.
	TooManyMarkers Problem = "markers beyond the limit are not linked"
	// RawHTML: HTML is shown as text.
	RawHTML Problem = "HTML is shown as text"
	// LinkRefused: the text of a link is shown without the link.
	LinkRefused Problem = "a link that is not https with a host, or whose text is a number, is not linked"
	// ImageRefused: an image was replaced by its alternative text.
	ImageRefused Problem = "an image was replaced by its text"
	// NoSource: a marker has no source.
	NoSource Problem = "a marker has no source"
	// DoubtfulMarker: numbers such as [3-5] stand beside a value. They are
	// shown as they were written if a unit follows them or the value lies
	// within them, and else linked to their sources.
	DoubtfulMarker Problem = "numbers in brackets beside a value may be a range or sources"
	// NoNumber: a source has a key that no marker can name.
	NoNumber Problem = "a source has no number, or one that is taken"
	// SourceNotLinked: neither the URL nor the DOI of a source can be linked.
	SourceNotLinked Problem = "a source has no link"
	// SourceCut: what a source says of itself is long, and ends with "…".
	SourceCut Problem = "a long text of a source is cut"
	// FlagContradicted: a flag disagrees with the value and the range.
	FlagContradicted Problem = "the flag contradicts the value beside its range"
	// NoValue: a lab result lacks its name or its value.
	NoValue Problem = "a lab result lacks its name or its value"
	// BadOption: an option was replaced by its default.
	BadOption Problem = "the option cannot be used; the default stands"
	// MissingWord: fixed words of the language are missing and are shown in
	// English.
	MissingWord Problem = "words of the language are missing and are in English"
)

// Issue is something that the page does not show as the result has it. It holds
// no health data, so it can be logged.
type Issue struct {
	// Where is the field that it is about, such as "patientResponse",
	// "patientResponse [7]" for a marker, "citations.clinician[3]",
	// "labs[12]" or "Options.Brand".
	Where   string
	Problem Problem
	// Count is how often; at least 1.
	Count int
}

// String returns one line.
func (i Issue) String() string {
	if i.Count > 1 {
		return fmt.Sprintf("%s: %s (%d times)", i.Where, i.Problem, i.Count)
	}
	return fmt.Sprintf("%s: %s", i.Where, i.Problem)
}

// maxIssues bounds the list: a hostile text can have a problem in every byte.
const maxIssues = 200

// issues collects each problem of a place once.
type issues struct {
	list  []Issue
	index map[Issue]int // by Where and Problem
}

func (s *issues) add(where string, problem Problem) {
	key := Issue{Where: where, Problem: problem}
	if i, known := s.index[key]; known {
		s.list[i].Count++
		return
	}
	if len(s.list) == maxIssues {
		return
	}

	if s.index == nil {
		s.index = make(map[Issue]int)
	}
	s.index[key] = len(s.list)
	key.Count = 1
	s.list = append(s.list, key)
}

func (s *issues) all() []Issue { return slices.Clone(s.list) }
