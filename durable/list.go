package durable

import (
	"context"
	"fmt"
	"slices"
)

// Filter says which submissions [Engine.Submissions] lists.
type Filter struct {
	// State and Agent select submissions in one state, or of one agent type. A
	// zero value selects any.
	State State
	Agent string
	// After is the last key of the page before; empty for the first page.
	After string
	// Limit is the most to return: at most 1000; 0 means 100.
	Limit int
}

const (
	defaultPage = 100
	largestPage = 1000
)

// Submissions lists submissions in the order of their keys, one page per call:
// the next page begins After the last key of this one. They come without Event,
// Message and Progress, which [Engine.Status] has. A page costs the same
// however many submissions there are.
//
// The error is a [helios.ValidationError] for an invalid filter, and
// [helios.ErrUnavailable] if the store failed.
func (e *Engine) Submissions(ctx context.Context, filter Filter) ([]Submission, error) {
	limit := filter.Limit
	if limit == 0 {
		limit = defaultPage
	}
	switch {
	case limit < 0 || limit > largestPage:
		return nil, invalid("limit", fmt.Sprintf("must be 0 to %d", largestPage))
	case filter.State != "" && !slices.Contains(anyState, filter.State):
		return nil, invalid("state", "is not a state of a submission")
	}

	now := e.now()
	args := in(micros(now), filter.After)
	where := "key > $2"
	for _, column := range []struct{ name, value string }{{"state", string(filter.State)}, {"agent", filter.Agent}} {
		if column.value != "" {
			args = append(args, column.value)
			where += fmt.Sprintf(" AND %s = $%d", column.name, len(args))
		}
	}
	args = append(args, limit)
	list := fmt.Sprintf("%s WHERE %s ORDER BY key LIMIT $%d", selectSubmissions, where, len(args))

	var page []Submission
	err := e.store.read(ctx, query(func(r row) error {
		var s Submission
		err := scanSubmission(r, &s)
		page = append(page, s)
		return err
	}, list, args...))
	if err != nil {
		return nil, e.storeFailed("list submissions", err)
	}
	return page, nil
}
