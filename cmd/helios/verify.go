package main

import (
	"fmt"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/heliosai/helios-go"
	"github.com/heliosai/helios-go/cmd/helios/internal/capture"
	"github.com/heliosai/helios-go/cmd/helios/internal/diagnosis"
)

// maxWebhook is the size of a webhook's body that is read, in bytes, as the
// receiver's.
const maxWebhook = 16 << 20

func verifyCommand(a *app) *cobra.Command {
	var headers []string
	var file, at string
	cmd := &cobra.Command{
		Use:   "verify BODY",
		Short: "Explain why a delivery is refused",
		Long: "Verifies a delivery as the receiver does, and says what is wrong with it: a header, the secret,\n" +
			"what changed the body, or how far off the clock is. BODY is a file with the raw body, or - for\n" +
			"stdin. Give its headers with --header or --headers; those of a file of helios listen --save are\n" +
			"found beside it.",
		Example: "  helios verify --headers headers.txt body.json\n" +
			"  helios verify --header \"X-Helios-Signature: sha256=...\" \\\n" +
			"      --header \"X-Helios-Timestamp: 1736942490\" body.json\n" +
			"  helios verify webhooks/20250115T120130.000000000Z-r-1-7-completed.json\n" +
			"  helios verify --at 2025-01-15T12:01:35Z --headers headers.txt body.json",
		Args: cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			header, err := a.verifyHeader(args[0], file, headers)
			if err != nil {
				return err
			}
			now := time.Now()
			if at != "" {
				if now, err = time.Parse(time.RFC3339, at); err != nil {
					return usagef("--at must be a time such as 2025-01-15T12:01:35Z")
				}
			}
			return a.verify(args[0], header, now)
		},
	}

	set := cmd.Flags()
	a.secretFlags(set)
	set.StringArrayVarP(&headers, "header", "H", nil, "a `header`, \"Name: value\"; may be repeated")
	set.StringVar(&file, "headers", "", "`file` with the headers, one per line")
	set.StringVar(&at, "at", "", "verify as of this `time`, in RFC 3339 (default: now)")
	return cmd
}

// verifyHeader returns the headers that were given, or those beside the body.
func (a *app) verifyHeader(body, file string, lines []string) (http.Header, error) {
	header := http.Header{}
	if file == "" && len(lines) == 0 {
		file = strings.TrimSuffix(body, ".json") + ".header"
		if _, err := os.Stat(file); err != nil {
			return nil, usagef("no headers: give them with --header or --headers FILE")
		}
	}

	if file != "" {
		f, err := a.open(file)
		if err != nil {
			return nil, err
		}
		defer func() { _ = f.Close() }()
		if header, err = capture.ReadHeader(f); err != nil {
			return nil, failf("%s: %w", file, err)
		}
	}
	for _, line := range lines {
		name, value, ok := strings.Cut(line, ":")
		if !ok || strings.TrimSpace(name) == "" {
			return nil, usagef("--header must be \"Name: value\"")
		}
		header.Add(strings.TrimSpace(name), strings.TrimSpace(value))
	}
	return header, nil
}

// verdict is what helios verify --json writes.
type verdict struct {
	OK bool `json:"ok"`
	diagnosis.Finding
	Event *helios.Event `json:"event,omitempty"`
}

func (a *app) verify(name string, header http.Header, now time.Time) error {
	body, err := a.readAll(name, maxWebhook)
	if err != nil {
		return err
	}
	secrets, err := a.secrets()
	if err != nil {
		return err
	}
	receiver, err := a.receiver(helios.WithClock(func() time.Time { return now }))
	if err != nil {
		return err
	}

	// The receiver decides; the diagnosis says why.
	event, err := receiver.VerifyPayload(body, header)
	v := verdict{OK: err == nil, Event: event, Finding: diagnosis.Examine(body, header, secrets, now)}
	if v.OK {
		text := fmt.Sprintf("ok: %s, sent %s ago", describeEvent(event), diagnosis.Span(v.Off))
		if len(secrets) > 1 {
			text += fmt.Sprintf(", signed with secret %d of %d", v.Secret, len(secrets))
		}
		return a.out.result(v, text)
	}

	if len(v.Problems) == 0 {
		v.Problems = append(v.Problems, diagnosis.Problem{What: "event", Text: oneLine(err.Error())})
	}
	var text strings.Builder
	for _, p := range v.Problems {
		fmt.Fprintf(&text, "%s %s\n", a.out.colour(red, p.What+":"), printable(p.Text))
	}
	if err := a.out.result(v, text.String()); err != nil {
		return err
	}
	return failf("the receiver refuses this delivery")
}

// describeEvent is a line for an event, without its data.
func describeEvent(event *helios.Event) string {
	line := fmt.Sprintf("%s, number %d of run %s", event.Status, event.SequenceNumber, event.RunID)
	if step := event.Progress(); step.Name != "" && !event.Final() {
		line += ": " + step.Name
		if step.Step > 0 && step.Total > 0 {
			line += fmt.Sprintf(" (%d of %d)", step.Step, step.Total)
		}
	}
	return printable(line)
}
