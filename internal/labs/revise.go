package labs

import "github.com/heliosai/helios-go/clinical"

// Revise calls f for each result that is kept, so that the source's reader can add or change what it came to know later: a category, notes, a text of which
// something is withheld. If f returns a reason the result is left out. f must not change what tells one result from another.
func (s *Set) Revise(f func(*Result) clinical.Reason) {
	for _, r := range s.rows {
		if r.out {
			continue
		}
		if reason := f(r.Result); reason != "" {
			s.remove(r, reason)
		}
	}
}
