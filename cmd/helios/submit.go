package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/heliosai/helios-go"
	"github.com/heliosai/helios-go/cmd/helios/internal/capture"
)

// submitFlags are those of helios submit.
type submitFlags struct {
	conversion
	report                reportFlags
	yes, wait, showAnswer bool
	addr, dir             string
	timeout               time.Duration
}

func submitCommand(a *app) *cobra.Command {
	var flags submitFlags
	cmd := &cobra.Command{
		Use:   "submit FILE",
		Short: "Send labs or a record, and wait for the result",
		Long: "Sends a file: a request as JSON, FHIR or HL7 v2; the format is detected. - reads stdin. It shows\n" +
			"what is sent and what is not, and asks before it pays.\n\n" +
			"With --wait it listens at --addr for the webhooks of the run, shows its steps, and keeps the\n" +
			"result: the event is on disk before its webhook is answered, and a report is written beside it.\n" +
			"The webhook URL must lead to --addr. With an emulator on this machine, no webhook URL is needed.\n\n" +
			"Exit code 3 means that the run was accepted, or may have been, and so may be paid: do not send the\n" +
			"file again. The message says where its result is, or where it will arrive.",
		Example: "  helios submit labs.json --wait\n" +
			"  helios submit bundle.json --agent deep --wait --addr :8081 \\\n" +
			"      --webhook-url https://hook.example.com/helios\n" +
			"  helios submit oru.hl7 --yes --json",
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error { return a.submit(cmd.Context(), args[0], flags) },
	}

	set := cmd.Flags()
	a.apiFlags(set)
	a.secretFlags(set)
	flags.addFlags(cmd)
	flags.report.addFlags(cmd)
	set.BoolVarP(&flags.yes, "yes", "y", false, "do not ask before paying")
	set.BoolVar(&flags.wait, "wait", false, "listen for the result")
	set.StringVar(&flags.addr, "addr", "localhost:8081", "with --wait: `address` to listen at")
	set.StringVar(&flags.dir, "save", "helios-results", "with --wait: `directory` for the result")
	set.DurationVar(&flags.timeout, "timeout", 45*time.Minute, "with --wait: how long to wait")
	set.BoolVar(&flags.showAnswer, "show-answer", false,
		"show the service's own message if it refuses; it may repeat what was sent")
	return cmd
}

// submitted is what helios submit writes.
type submitted struct {
	RunID     string `json:"runId"`
	Agent     string `json:"agent"`
	Status    string `json:"status"`
	Event     string `json:"event,omitempty"`          // the file of the final event
	Report    string `json:"report,omitempty"`         // the file of the report
	Remaining *int   `json:"remainingSlots,omitempty"` // nil if the answer did not say
}

func (a *app) submit(ctx context.Context, name string, flags submitFlags) error {
	if err := flags.report.check(); err != nil {
		return err
	}
	if flags.wait && flags.timeout <= 0 {
		return usagef("--timeout must be above 0")
	}
	in, err := a.readInput(name, flags.conversion)
	a.out.note("%s", in.summary(err))
	if err != nil {
		return err
	}
	if a.webhookURL != "" {
		*in.webhook() = a.webhookURL
	}
	client, err := a.client()
	if err != nil {
		return err
	}

	var box *inbox
	if flags.wait {
		if box, err = a.openInbox(ctx, in, flags); err != nil {
			return err
		}
		defer box.close(ctx)
		a.out.note("Listening at %s", box.url)
	}
	if err := validate(client, in); err != nil {
		return err
	}
	if err := a.confirm(ctx, in, client.BaseURL(), flags.yes, name == "-"); err != nil {
		return err
	}

	run, err := submitInput(ctx, client, in)
	if err != nil {
		a.showAnswer(err, flags.showAnswer)
	}
	if box == nil {
		if err != nil {
			return err
		}
		// On stderr too: whoever loses the line on stdout must not send it
		// again.
		a.out.note("Accepted: run %s", printable(run.ID))
		err := a.out.result(
			submitted{RunID: run.ID, Agent: in.agentType(), Status: run.Status, Remaining: remaining(run)},
			fmt.Sprintf("accepted: run %s", printable(run.ID)))
		if err != nil {
			return acceptedf("run %s is accepted, do not send it again: stdout failed: %w", printable(run.ID), err)
		}
		return nil
	}
	return a.await(ctx, box, in, run, err, flags.report)
}

func validate(client *helios.Client, in *input) error {
	if in.labs != nil {
		return client.LabResults.Validate(in.labs)
	}
	return client.Agent.Validate(in.agent)
}

func submitInput(ctx context.Context, client *helios.Client, in *input) (*helios.Run, error) {
	if in.labs != nil {
		return client.LabResults.Submit(ctx, in.labs)
	}
	return client.Agent.Submit(ctx, in.agent)
}

// confirm says what will be paid, and asks a person. Without one, --yes has to
// be given.
func (a *app) confirm(ctx context.Context, in *input, baseURL string, yes, stdinIsFile bool) error {
	cost := price(in.agentType())
	if isLoopback(baseURL) {
		cost = "nothing, since that is this machine"
	}
	a.out.note("One %s run at %s costs %s.", in.agentType(), baseURL, cost)
	if yes {
		return nil
	}

	if stdinIsFile {
		return usagef("the request is on stdin, so nobody can be asked whether to pay: add --yes")
	}
	return a.ask(ctx, "Send it?", false)
}

// ask asks a person on the terminal. Without one, yes has to be given.
func (a *app) ask(ctx context.Context, question string, yes bool) error {
	if yes {
		return nil
	}
	if terminal(a.stdin) == 0 {
		return usagef("there is no terminal to ask on: add --yes")
	}

	_, _ = fmt.Fprint(a.out.stderr, question+" [y/N] ")
	reply := make(chan string, 1)
	go func() { // ends with the process at the latest
		line, _ := bufio.NewReader(a.stdin).ReadString('\n')
		reply <- strings.ToLower(strings.TrimSpace(line))
	}()
	select {
	case <-ctx.Done():
		a.out.note("")
		return ctx.Err()
	case line := <-reply:
		if line == "y" || line == "yes" {
			return nil
		}
		return failf("nothing was done")
	}
}

// showAnswer shows what the service wrote about a refusal.
func (a *app) showAnswer(err error, wanted bool) {
	var refused *helios.APIError
	if !errors.As(err, &refused) || refused.Message == "" {
		return
	}
	if wanted {
		a.out.note("The service wrote: %s", printable(refused.Message))
		return
	}
	a.out.note("The service gave a reason: add --show-answer to see it. It may repeat what was sent.")
}

// openInbox starts to listen before anything is sent, and gives the request a
// webhook URL that its run can be recognised by.
func (a *app) openInbox(ctx context.Context, in *input, flags submitFlags) (*inbox, error) {
	box, err := a.listenForRun(ctx, flags.addr, flags.dir)
	if err != nil {
		return nil, err
	}
	box.timeout = flags.timeout

	webhook := *in.webhook()
	if webhook == "" {
		webhook = a.webhook()
	}
	if webhook == "" && isLoopback(a.base()) {
		webhook = box.url + webhookPath
	}
	if webhook == "" {
		box.close(ctx)
		return nil, usagef("--wait needs --webhook-url: a public https URL that leads to %s, by a tunnel for example",
			flags.addr)
	}
	if isLoopback(webhook) && withoutQuery(webhook) != box.url+webhookPath {
		a.out.note("The result goes to %s, which must lead to %s, or it does not arrive here.",
			withoutQuery(webhook), box.url)
	}
	if *in.webhook(), err = helios.WebhookURL(webhook, struct {
		Submission string `url:"submission"`
	}{box.token}); err != nil {
		box.close(ctx)
		return nil, err
	}
	return box, nil
}

// await waits for the result of a run that was accepted, or may have been.
func (a *app) await(
	ctx context.Context, box *inbox, in *input, run *helios.Run, sent error, flags reportFlags,
) error {
	if sent != nil && !errors.Is(sent, helios.ErrOutcomeUnknown) {
		return sent
	}
	waiting, cancel := context.WithTimeout(ctx, box.timeout)
	defer cancel()

	var runID string
	if sent == nil {
		runID = run.ID
		a.out.note("Accepted: run %s", printable(runID))
	} else {
		a.out.note("Nobody knows whether the run was accepted: %s\n"+
			"Its first webhook would prove it. Waiting for it ...",
			oneLine(sent.Error()))
		var ok bool
		if runID, ok = box.first(waiting); !ok {
			return sent
		}
		a.out.note("It was accepted after all: run %s", printable(runID))
	}

	event, err := box.tracker.Wait(waiting, runID, func(e *helios.Event) {
		a.out.note("%s  %s", time.Now().Format("15:04:05"), describeStep(e))
	})
	var failed *helios.RunError
	if err != nil && !errors.As(err, &failed) {
		why := "no result arrived within " + box.timeout.String()
		if ctx.Err() != nil {
			why = "interrupted"
		}
		return acceptedf("%s: run %s goes on, and its result will arrive at %s: "+
			"helios listen --addr %s --save %s keeps it",
			why, printable(runID), withoutQuery(*in.webhook()), box.addr, box.dir)
	}

	done := submitted{
		RunID: runID, Agent: in.agentType(), Status: event.Status, Event: box.file(runID), Remaining: remaining(run),
	}
	return a.finish(done, event, failed, flags)
}

// remaining returns the slots that an answer has told, or nil.
func remaining(run *helios.Run) *int {
	if run == nil || run.Concurrency.Limit == 0 {
		return nil
	}
	return &run.Concurrency.Remaining
}

// finish writes the report, and prints where it and the event are.
func (a *app) finish(done submitted, event *helios.Event, failed *helios.RunError, flags reportFlags) error {
	text := fmt.Sprintf("%s: run %s\nevent:  %s\n", printable(event.Status), printable(done.RunID), done.Event)
	if failed == nil {
		path := strings.TrimSuffix(done.Event, ".json") + ".html"
		if err := a.writeReport(event, flags, path); err != nil {
			return acceptedf("the result is in %s, but there is no report of it: %w", done.Event, err)
		}
		done.Report = path
		text += fmt.Sprintf("report: %s\n", path)
	}

	err := a.out.result(done, text)
	switch {
	case err != nil:
		return acceptedf("run %s has ended, and its event is in %s: stdout failed: %w", printable(done.RunID),
			done.Event, err)
	case failed != nil:
		return failf("the run has failed: %s says why", done.Event)
	default:
		return nil
	}
}

func (a *app) writeReport(event *helios.Event, flags reportFlags, path string) error {
	page, err := a.page(event, flags)
	if err != nil {
		return err
	}
	var text bytes.Buffer
	if err := page.WriteHTML(&text); err != nil {
		return err
	}
	return capture.WriteFile(path, text.Bytes())
}

// describeStep is a line for a status update.
func describeStep(event *helios.Event) string {
	step := event.Progress()
	name := step.Name
	if name == "" {
		name = event.Status
	}
	if step.Step > 0 && step.Total > 0 {
		name = fmt.Sprintf("%d of %d: %s", step.Step, step.Total, name)
	}
	return printable(name)
}

func withoutQuery(raw string) string {
	u, err := url.Parse(raw)
	if err != nil {
		return "the webhook URL"
	}
	u.User, u.RawQuery, u.Fragment = nil, "", ""
	return u.String()
}
