package labs

import (
	"slices"

	"github.com/heliosai/helios-go/clinical"
	"github.com/heliosai/helios-go/clinical/internal/people"
)

// Revise calls f for each result that is kept, with which the source's reader
// adds what it learned later: a category, notes, a cleared text. If f returns a
// reason the result is left out. f must not change the fields that results are
// compared by.
func (s *Set) Revise(f func(*Result) clinical.Reason) {
	for _, r := range s.rows {
		if r.isOut {
			continue
		}
		if reason := f(r.Result); reason != "" {
			s.remove(r, reason)
		}
	}
}

// Note adds a reservation. The notes that are there are shared with others.
func (r *Result) Note(reason clinical.Reason) { r.Notes = append(slices.Clip(r.Notes), reason) }

// Clear looks through the texts of a result, and returns why it is not sent. A
// name or a unit that cannot be sent gives way to its code, and a range is left
// out.
func (r *Result) Clear(screen *people.Screen, name, coded, value people.Text) clinical.Reason {
	reason, instead := screen.Name(&r.Name, r.FreeName, name, r.CodedName, coded)
	if reason != "" {
		return reason
	}
	if instead != "" {
		r.Note(instead)
	}

	switch v := &r.Value; {
	case v.Number == "":
		reason = screen.Text(&v.Text, v.Free, people.MaxPhrase, value)
	case v.Comparator == "" && screen.HasNumber(v.Number, r.Unit):
		reason = clinical.Identifying
	}
	if reason != "" {
		return reason
	}

	if reason := screen.Unit(r.Unit); reason != "" {
		if r.UnitCode == "" || screen.Unit(r.UnitCode) != "" {
			return reason
		}
		r.Unit = r.UnitCode
		r.Note(reason)
	}

	r.clearRanges(screen)
	return ""
}

func (r *Result) clearRanges(screen *people.Screen) {
	for i := range r.Ranges {
		text := r.Ranges[i].Text
		reason := screen.Range(&text)
		if reason == "" && screen.Identifies(r.Ranges[i].Unit, people.Unit) {
			reason = clinical.Identifying
		}
		switch {
		case reason != "":
			r.Ranges = nil // the others too: it may have limited them
			r.Note(reason)
			return
		case text != r.Ranges[i].Text:
			r.Ranges = slices.Clone(r.Ranges) // other results share them
			r.Ranges[i].Text = text
		}
	}
}
