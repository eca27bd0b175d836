package dashboard

import (
	"net/http"
	"net/url"
	"slices"

	"github.com/heliosai/helios-go/durable"
)

// submissionList is a page of submissions, in order of key.
type submissionList struct {
	State  durable.State
	Agent  string
	After  string
	Rows   []durable.Submission
	First  string // the link to the first page; empty on it
	Next   string // the link to the next page; empty on the last
	States []stateText
	Agents []string
}

// Caption says what the list is of.
func (l *submissionList) Caption() string {
	text := "All submissions"
	if l.State != "" {
		text = capitalized(string(l.State)) + " submissions"
	}
	if l.Agent != "" {
		text += " of type " + l.Agent
	}
	return text + ", sorted by key"
}

// Cancelable reports whether all of the list can be canceled at once.
func (l *submissionList) Cancelable() bool { return l.State == durable.Queued && len(l.Rows) > 0 }

func (h *handler) submissions(r *http.Request) (*page, error) {
	query := r.URL.Query()
	list := &submissionList{
		State: durable.State(query.Get("state")), Agent: query.Get("agent"), After: query.Get("after"),
		States: states, Agents: agentTypes,
	}
	if err := list.check(); err != nil {
		return nil, err
	}

	// One more than is shown, to know whether there is a next page.
	rows, err := h.engine.Submissions(r.Context(), durable.Filter{
		State: list.State, Agent: list.Agent, After: list.After, Limit: pageSize + 1,
	})
	if err != nil {
		return nil, err
	}

	list.Rows = rows[:min(len(rows), pageSize)]
	if len(rows) > pageSize {
		list.Next = list.link(list.Rows[pageSize-1].Key)
	}
	if list.After != "" {
		list.First = list.link("")
	}
	return &page{template: "submissions", Title: "Submissions", Body: list, Notice: notices[query.Get("done")]}, nil
}

func (l *submissionList) check() error {
	known := slices.ContainsFunc(states, func(s stateText) bool { return s.State == l.State })
	if l.State != "" && !known {
		return &pageError{
			Status: http.StatusBadRequest,
			Title:  "There is no such state",
			Text:   "Choose one from the list.",
		}
	}
	if l.Agent != "" && !slices.Contains(agentTypes, l.Agent) {
		return &pageError{
			Status: http.StatusBadRequest,
			Title:  "There is no such agent type",
			Text:   "Choose one from the list.",
		}
	}
	return nil
}

// link leads to the rows after a key, with the filter as it is.
func (l *submissionList) link(after string) string {
	query := url.Values{}
	for name, value := range map[string]string{"state": string(l.State), "agent": l.Agent, "after": after} {
		if value != "" {
			query.Set(name, value)
		}
	}
	return "submissions?" + query.Encode()
}
