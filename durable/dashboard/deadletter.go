package dashboard

import (
	"net/http"
	"strconv"

	"github.com/heliosai/helios-go/durable"
)

// deadLetterList is a page of dead letters, oldest first.
type deadLetterList struct {
	Rows  []durable.DeadLetter
	After int64
	Next  int64 // the last ID of this page; 0 on the last page
}

func (h *handler) deadLetters(r *http.Request) (*page, error) {
	list := &deadLetterList{}
	if after := r.URL.Query().Get("after"); after != "" {
		id, err := letterID(after)
		if err != nil {
			return nil, err
		}
		list.After = id
	}

	// One more than is shown, to know whether there is a next page.
	rows, err := h.engine.DeadLetters(r.Context(), list.After, pageSize+1)
	if err != nil {
		return nil, err
	}

	list.Rows = rows[:min(len(rows), pageSize)]
	if len(rows) > pageSize {
		list.Next = list.Rows[pageSize-1].ID
	}
	return &page{
		template: "dead-letters", Title: "Dead letters", Body: list, Notice: notices[r.URL.Query().Get("done")],
	}, nil
}

// failure says how a handler has failed.
func failure(kind durable.FailureKind) string {
	switch kind {
	case durable.FailureError:
		return "returned an error"
	case durable.FailurePanic:
		return "panicked"
	case durable.FailureGoexit:
		return "called runtime.Goexit"
	case durable.FailureDeadline:
		return "timed out"
	case durable.FailureUndecodable:
		return "could not be decoded"
	case durable.FailureCrash:
		return "process died"
	default:
		return string(kind)
	}
}

// letterID reads the ID of a dead letter.
func letterID(text string) (int64, error) {
	id, err := strconv.ParseInt(text, 10, 64)
	if err != nil || id < 0 {
		return 0, &pageError{Status: http.StatusBadRequest, Title: "Invalid dead letter number"}
	}
	return id, nil
}

// findLetter returns a dead letter, or the page that says that there is none.
func (h *handler) findLetter(r *http.Request, id int64) (*durable.DeadLetter, error) {
	rows, err := h.engine.DeadLetters(r.Context(), id-1, 1)
	if err != nil {
		return nil, err
	}
	if len(rows) == 0 || rows[0].ID != id {
		return nil, &pageError{
			Status: http.StatusNotFound, Title: "Dead letter not found",
			Text: "It may have been replayed already.",
		}
	}
	return &rows[0], nil
}
