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

// Supersede lets the editions that another set has, of which nothing is sent, take the place of older ones in this set: the resource is about someone else now.
func (s *Set) Supersede(other *Set) {
	for _, r := range other.rows {
		if !r.out && r.Edition.Number != 1 {
			s.standForResource(r.resource, r.claim())
		}
	}
	for key, c := range other.voids {
		s.standForResource(key, c)
	}
}
