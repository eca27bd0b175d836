package main

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"
	"time"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"github.com/heliosai/helios-go/cmd/helios/internal/capture"
	"github.com/heliosai/helios-go/durable"
)

// states are what --state takes.
var states = []durable.State{
	durable.Queued, durable.Submitting, durable.Accepted, durable.Unknown, durable.Overdue, durable.Completed,
	durable.Failed, durable.Canceled,
}

func storeListCommand(s *store) *cobra.Command {
	var filter durable.Filter
	var state string
	var dead bool
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List submissions, or events whose handler has failed",
		Example: "  helios store list --db helios.db\n" +
			"  helios store list --db helios.db --state unknown --agent deep --json\n" +
			"  helios store list --db helios.db --dead-letters",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			filter.State = durable.State(state)
			if state != "" && !slices.Contains(states, filter.State) {
				return usagef("--state must be %s", oneOf(states))
			}
			if filter.Agent != "" && !slices.Contains(agents, filter.Agent) {
				return usagef("--agent must be %s", oneOf(agents))
			}
			if filter.Limit < 1 || filter.Limit > 1000 {
				return usagef("--limit must be from 1 to 1000")
			}
			return s.with(cmd.Context(), func(eng *engine) error {
				if dead {
					return s.listDead(cmd.Context(), eng, filter.Limit)
				}
				return s.list(cmd.Context(), eng, filter)
			})
		},
	}

	set := cmd.Flags()
	set.StringVar(&state, "state", "", "only those in this state, such as unknown, overdue or queued")
	set.StringVar(&filter.Agent, "agent", "", "only those of this agent type: light, deep or lab-results")
	set.StringVar(&filter.After, "after", "", "only keys after this `key`, the last of the previous page")
	set.IntVar(&filter.Limit, "limit", 100, "how many to list at most, up to 1000")
	set.BoolVar(&dead, "dead-letters", false, "list dead letters: events and ends whose handler failed too often")
	completes(cmd, "state", states...)
	completes(cmd, "agent", agents...)
	return cmd
}

// oneOf is "a, b or c".
func oneOf[T ~string](list []T) string {
	var b strings.Builder
	for i, word := range list {
		switch {
		case i > 0 && i == len(list)-1:
			b.WriteString(" or ")
		case i > 0:
			b.WriteString(", ")
		}
		b.WriteString(string(word))
	}
	return b.String()
}

func (s *store) list(ctx context.Context, eng *engine, filter durable.Filter) error {
	list, err := eng.Submissions(ctx, filter)
	if err != nil {
		return err
	}

	rows := make([][]string, len(list))
	for i, sub := range list {
		rows[i] = []string{sub.Key, sub.Agent, string(sub.State), age(sub.CreatedAt), sub.RunID, sub.Reason}
	}
	if err := writeRows(s.out, list, []string{"KEY", "AGENT", "STATE", "AGE", "RUN", "REASON"}, rows); err != nil {
		return err
	}
	if len(list) == filter.Limit {
		s.out.note("There may be more: --after %s", printable(list[len(list)-1].Key))
	}

	stats, err := eng.Stats(ctx)
	if err != nil {
		return err
	}
	for _, agent := range slices.Sorted(maps.Keys(stats.Paused)) {
		s.out.note("%s: %s", agent, printable(stats.Paused[agent].Reason))
	}
	return nil
}

func (s *store) listDead(ctx context.Context, eng *engine, limit int) error {
	list, err := eng.DeadLetters(ctx, 0, limit)
	if err != nil {
		return err
	}
	rows := make([][]string, len(list))
	for i, letter := range list {
		what := fmt.Sprintf("event %d", letter.SequenceNumber)
		if letter.EndedAs != "" {
			what = "end: " + string(letter.EndedAs)
		}
		rows[i] = []string{
			fmt.Sprint(letter.ID), letter.Key, what, fmt.Sprint(letter.Attempts), age(letter.DiedAt), letter.RunID,
		}
	}
	return writeRows(s.out, list, []string{"ID", "KEY", "WHAT", "ATTEMPTS", "AGE", "RUN"}, rows)
}

// writeRows writes a table, or on a terminal that is too narrow for it a block
// for each row. JSON is one value for each.
func writeRows[T any](o *output, list []T, header []string, rows [][]string) error {
	if o.json {
		for _, v := range list {
			if err := o.result(v, ""); err != nil {
				return err
			}
		}
		return nil
	}
	if len(rows) == 0 {
		o.note("There are none.")
		return nil
	}

	for _, row := range rows {
		for i := range row {
			row[i] = printable(row[i])
		}
	}
	text := table(header, rows)
	if o.terminal {
		for line := range strings.Lines(text) {
			if utf8.RuneCountInString(strings.TrimRight(line, " \n")) > o.width {
				text = blocks(header, rows)
				break
			}
		}
	}
	return o.result(nil, text)
}

func table(header []string, rows [][]string) string {
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	for _, row := range slices.Concat([][]string{header}, rows) {
		_, _ = fmt.Fprintln(w, strings.Join(row, "\t"))
	}
	_ = w.Flush() // a builder takes everything

	var text strings.Builder
	for line := range strings.Lines(b.String()) {
		text.WriteString(strings.TrimRight(line, " \n") + "\n")
	}
	return text.String()
}

func blocks(header []string, rows [][]string) string {
	var b strings.Builder
	for _, row := range rows {
		fmt.Fprintln(&b, row[0])
		for i, cell := range row[1:] {
			if cell != "" {
				fmt.Fprintf(&b, "  %s %s\n", strings.ToLower(header[i+1]), cell)
			}
		}
	}
	return b.String()
}

// age is how long ago something was, to a whole unit.
func age(at time.Time) string {
	d := max(time.Since(at), 0)
	switch {
	case d < time.Minute:
		return fmt.Sprintf("%ds", int(d.Seconds()))
	case d < time.Hour:
		return fmt.Sprintf("%dm", int(d.Minutes()))
	case d < 48*time.Hour:
		return fmt.Sprintf("%dh", int(d.Hours()))
	default:
		return fmt.Sprintf("%dd", int(d.Hours()/24))
	}
}

func storeShowCommand(s *store) *cobra.Command {
	var file string
	cmd := &cobra.Command{
		Use:   "show KEY",
		Short: "Show one submission, and write its final event to a file",
		Long: "Shows the state and history of a submission, and none of its data. --event writes its final event,\n" +
			"which holds the result: health data.",
		Example: "  helios store show o-17 --db helios.db\n" +
			"  helios store show o-17 --db helios.db --event event.json",
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return s.with(cmd.Context(), func(eng *engine) error { return s.show(cmd.Context(), eng, args[0], file) })
		},
	}
	cmd.Flags().StringVar(&file, "event", "", "write the final event to this `file`")
	return cmd
}

func (s *store) show(ctx context.Context, eng *engine, key, file string) error {
	sub, err := eng.Status(ctx, key)
	if err != nil {
		return err
	}
	shown := shownSubmission{sub, eng.encrypted.Load()}
	if err := s.out.result(shown, shown.text()); err != nil || file == "" {
		return err
	}

	switch {
	case shown.Encrypted:
		return failf("the event of %s is encrypted; this command has no key", printable(key))
	case sub.Deleted:
		return failf("the event of %s was deleted", printable(key))
	case sub.Event == nil:
		return failf("the final event of %s has not come", printable(key))
	}
	return capture.WriteFile(file, sub.Event.Raw)
}

// shownSubmission is what helios store show writes.
type shownSubmission struct {
	*durable.Submission
	// Encrypted reports that an event is there that only the application can
	// read.
	Encrypted bool `json:"encrypted,omitempty"`
}

func (sub shownSubmission) text() string {
	var b strings.Builder
	line := func(name, value string) {
		if value != "" {
			fmt.Fprintf(&b, "%-10s %s\n", name, printable(value))
		}
	}
	moment := func(name string, at time.Time) {
		if !at.IsZero() {
			line(name, at.UTC().Format(time.RFC3339)+" ("+age(at)+" ago)")
		}
	}

	line("key", sub.Key)
	line("agent", sub.Agent)
	line("state", string(sub.State))
	line("reason", sub.Reason)
	line("run", sub.RunID)
	line("step", sub.Progress.Name)
	line("attempts", fmt.Sprint(sub.Attempts))
	moment("created", sub.CreatedAt)
	moment("submitted", sub.SubmittedAt)
	moment("accepted", sub.AcceptedAt)
	moment("ended", sub.EndedAt)
	switch {
	case sub.Encrypted:
		line("event", "encrypted; this command has no key")
	case sub.Deleted:
		line("event", "deleted")
	case sub.Event != nil:
		line("event", "in the store: --event FILE writes it")
	}
	return b.String()
}
