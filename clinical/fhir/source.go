package fhir

import (
	"strings"

	"github.com/heliosai/helios-go/clinical"
)

// A report names resources by their ids, and an id can be made of someone's name: "Observation/john-doe-hba1c". Whether it is one is known at the end of the input.

// maxPlaces is how many resources are remembered whose ids may hold names. Of others that do, the report tells the type only.
const maxPlaces = 1 << 14

// place remembers where a resource is whose id may hold a name.
func (c *converter) place(r *resource) {
	if len(c.places) >= maxPlaces || !hasWord(r.id) {
		return
	}
	if source := sourceOf(r); strings.HasSuffix(source, r.id) && c.places[source] == 0 {
		c.places[source] = r.place
	}
}

// hasWord tells whether an id has a word that can be a name, and not only the digits of a UUID.
func hasWord(id string) bool {
	letters, others := 0, 0 // in a row, and those that are no hexadecimal digits
	for i := range len(id) {
		c := id[i] | 0x20
		if c < 'a' || c > 'z' {
			letters, others = 0, 0
			continue
		}
		letters++
		if c > 'f' {
			others++
		}
		if letters >= 3 && (others > 0 || i+1 == len(id) || id[i+1] == '-' || id[i+1] == '.') {
			return true
		}
	}
	return false
}

// isUUID tells whether an id is one, of which no part is a name but by chance.
func isUUID(id string) bool {
	return len(id) == 36 && id[8] == '-' && id[13] == '-' && id[18] == '-' && id[23] == '-' && strings.Trim(id, "0123456789abcdefABCDEF-") == ""
}

// shown returns how an error names a resource: it may be made before all people are known.
func (c *converter) shown(source string) string {
	if place := c.places[source]; place > 0 {
		return entry(place)
	}
	return c.named(source)
}

// named returns how a report names a resource.
func (c *converter) named(source string) string {
	kind, id, ok := strings.Cut(source, "/")
	switch {
	case !ok || isUUID(id) || !c.d.people.InID(id):
		return source
	case c.places[source] > 0:
		return entry(c.places[source])
	}
	return kind
}

// nameless returns a report in which no source holds a name.
func (c *converter) nameless(report *clinical.Report) *clinical.Report {
	names := false
	counts := report.Counts()
	for i := range report.Issues {
		names = names || c.named(report.Issues[i].Source) != report.Issues[i].Source
	}
	for i := range counts {
		names = names || c.named(counts[i].First) != counts[i].First
	}
	if !names {
		return report
	}
	again := &clinical.Report{}
	for list, n := range report.Sent {
		again.AddSent(list, n)
	}
	add := func(reason clinical.Reason, source, detail string, sent bool) {
		if sent {
			again.Note(reason, c.named(source), detail)
		} else {
			again.Drop(reason, c.named(source), detail)
		}
	}
	type key struct {
		reason clinical.Reason
		detail string
		sent   bool
	}
	listed := map[key]int{}
	for _, issue := range report.Issues {
		listed[key{issue.Reason, issue.Detail, issue.Sent}]++
		add(issue.Reason, issue.Source, issue.Detail, issue.Sent)
	}
	for _, count := range counts {
		for range count.N - listed[key{count.Reason, count.Detail, count.Sent}] {
			add(count.Reason, count.First, count.Detail, count.Sent)
		}
	}
	return again
}
