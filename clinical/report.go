package clinical

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"
)

// MaxIssues is how many issues a report lists one by one.
const MaxIssues = 1000

// Issue is one finding of a [Report].
type Issue struct {
	Reason Reason `json:"reason"`
	// Source is where it was found: "Observation/123", "entry 17" or "message
	// 2, OBX 14". It holds no name, value or identifier of the patient.
	Source string `json:"source"`
	// Detail is a word of the standard's own vocabulary, such as the status
	// "cancelled" or the type "Procedure"; or "".
	Detail string `json:"detail,omitempty"`
	// Sent is true if the item is sent all the same.
	Sent bool `json:"sent"`
}

// Count is how often something was found.
type Count struct {
	Reason Reason `json:"reason"`
	Detail string `json:"detail,omitempty"`
	Sent   bool   `json:"sent"`
	N      int    `json:"n"`
	First  string `json:"first"` // the source of the first
}

// Report says what is sent, what is not, and why. The zero value is an empty
// report. It is not safe for concurrent use while it is written; packages fhir
// and hl7v2 have written theirs when they return it. As JSON it has the members
// sent, counts and issues.
type Report struct {
	// Sent counts the items of the request by the list that they are in, such
	// as "labResults".
	Sent map[string]int
	// Issues holds the first MaxIssues findings, in the order in which they
	// were made. [Report.Count] and [Report.Counts] count all.
	Issues []Issue

	counts map[countKey]*Count
}

type countKey struct {
	reason Reason
	detail string
	sent   bool
}

// Drop reports something that is not sent.
func (r *Report) Drop(reason Reason, source, detail string) {
	r.add(Issue{Reason: reason, Source: source, Detail: detail}, 1)
}

// Note reports something that is sent with a reservation, or without a part.
func (r *Report) Note(reason Reason, source, detail string) {
	r.add(Issue{Reason: reason, Source: source, Detail: detail, Sent: true}, 1)
}

// AddSent counts items of the request.
func (r *Report) AddSent(list string, n int) {
	if n == 0 {
		return
	}
	if r.Sent == nil {
		r.Sent = map[string]int{}
	}
	r.Sent[list] += n
}

func (r *Report) add(issue Issue, n int) {
	if len(r.Issues) < MaxIssues {
		if len(r.Issues) == cap(r.Issues) { // twice as many: append grows by less
			r.Issues = slices.Grow(r.Issues, len(r.Issues))
		}
		r.Issues = append(r.Issues, issue)
	}
	r.count(issue, n)
}

func (r *Report) count(issue Issue, n int) {
	key := countKey{issue.Reason, issue.Detail, issue.Sent}
	if c := r.counts[key]; c != nil {
		c.N += n
		return
	}
	if r.counts == nil {
		r.counts = map[countKey]*Count{}
	}
	r.counts[key] = &Count{Reason: issue.Reason, Detail: issue.Detail, Sent: issue.Sent, N: n, First: issue.Source}
}

// Merge adds what other has.
func (r *Report) Merge(other *Report) {
	if other == nil {
		return
	}
	for list, n := range other.Sent {
		r.AddSent(list, n)
	}
	r.Issues = append(r.Issues, other.Issues[:min(len(other.Issues), MaxIssues-len(r.Issues))]...)
	for _, c := range other.Counts() {
		r.count(Issue{Reason: c.Reason, Source: c.First, Detail: c.Detail, Sent: c.Sent}, c.N)
	}
}

// Count returns how often something was found, with any detail.
func (r *Report) Count(reason Reason) int {
	n := 0
	for key, c := range r.counts {
		if key.reason == reason {
			n += c.N
		}
	}
	return n
}

// Dropped returns how many things are not sent. One thing is counted once.
func (r *Report) Dropped() int {
	n := 0
	for key, c := range r.counts {
		if !key.sent {
			n += c.N
		}
	}
	return n
}

// Counts returns how often each thing was found: first what is not sent, the
// most frequent first.
func (r *Report) Counts() []Count {
	counts := make([]Count, 0, len(r.counts))
	for _, c := range r.counts {
		counts = append(counts, *c)
	}

	slices.SortFunc(counts, func(a, b Count) int {
		if a.Sent != b.Sent {
			if b.Sent {
				return -1
			}
			return 1
		}
		return cmp.Or(cmp.Compare(b.N, a.N), cmp.Compare(a.Reason, b.Reason), cmp.Compare(a.Detail, b.Detail))
	})
	return counts
}

// String returns a table for a person.
func (r Report) String() string {
	type line struct {
		n     int
		text  string
		first string
	}

	var sections [3][]line
	for _, list := range slices.Sorted(maps.Keys(r.Sent)) {
		sections[0] = append(sections[0], line{n: r.Sent[list], text: list})
	}
	for _, c := range r.Counts() {
		l := line{c.N, string(c.Reason), c.First}
		if c.Detail != "" {
			l.text += ": " + c.Detail
		}
		section := 1
		if c.Sent {
			section = 2
		}
		sections[section] = append(sections[section], l)
	}

	width, digits := 0, 1
	for _, lines := range sections {
		for _, l := range lines {
			digits = max(digits, len(fmt.Sprint(l.n)))
			if l.first != "" {
				width = max(width, utf8.RuneCountInString(l.text))
			}
		}
	}

	var b strings.Builder
	for i, title := range [3]string{"sent", "not sent", "sent with a reservation"} {
		if i > 0 && len(sections[i]) == 0 {
			continue
		}
		b.WriteString(title)
		if len(sections[i]) == 0 {
			b.WriteString(": nothing")
		}
		b.WriteByte('\n')
		for _, l := range sections[i] {
			if l.first == "" {
				fmt.Fprintf(&b, "  %*d  %s\n", digits, l.n, l.text)
			} else {
				fmt.Fprintf(&b, "  %*d  %-*s  %s\n", digits, l.n, width, l.text, l.first)
			}
		}
	}
	return b.String()
}

// MarshalJSON encodes the report with all counts and the listed issues.
func (r Report) MarshalJSON() ([]byte, error) {
	return json.Marshal(struct {
		Sent   map[string]int `json:"sent"`
		Counts []Count        `json:"counts"`
		Issues []Issue        `json:"issues"`
	}{r.Sent, r.Counts(), r.Issues})
}
