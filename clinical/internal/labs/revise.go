package labs

import "github.com/heliosai/helios-go/clinical"

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
