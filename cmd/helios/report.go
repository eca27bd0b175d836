package main

import (
	"bytes"
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/heliosai/helios-go"
	"github.com/heliosai/helios-go/cmd/helios/internal/capture"
	"github.com/heliosai/helios-go/report"
	"github.com/heliosai/helios-go/report/fhirdoc"
)

// reportFlags say how a result is shown.
type reportFlags struct {
	audience, language      string
	format, subject, output string
	diagnostic              bool
}

// addFlags adds those that helios submit has too.
func (f *reportFlags) addFlags(cmd *cobra.Command) {
	set := cmd.Flags()
	set.StringVar(&f.audience, "for", "patient", "who the report is for: patient or clinician")
	set.StringVar(&f.language, "language", "", "language of the result, such as en, es or de-AT")
	completes(cmd, "for", report.Patient.String(), report.Clinician.String())
}

// The formats of a report.
const (
	reportHTML = "html"
	reportText = "text"
	reportFHIR = "fhir"
)

func reportCommand(a *app) *cobra.Command {
	var flags reportFlags
	cmd := &cobra.Command{
		Use:   "report EVENT",
		Short: "Make a report from a result",
		Long: "Makes a report from a completed event: an HTML page, plain text, or FHIR resources for a patient's\n" +
			"record. EVENT is a file written by helios submit --wait, helios listen --save or helios store\n" +
			"show --event, or - for stdin. Without -o the report is text on stdout, as wide as the terminal.\n\n" +
			"The extension decides the format: .html, .txt or .json. What cannot be shown as it was received is\n" +
			"reported on stderr. A report is health data; only the owner of its file can read it.",
		Example: "  helios report helios-results/RUN.json -o report.html\n" +
			"  helios report event.json --for clinician\n" +
			"  helios report event.json -o bundle.json --subject Patient/123",
		Args: cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error { return a.report(args[0], flags) },
	}

	set := cmd.Flags()
	flags.addFlags(cmd)
	set.StringVarP(&flags.output, "output", "o", "", "write the report to this `file`")
	set.StringVar(&flags.format, "format", "", "html, text or fhir (default: by the file's extension)")
	set.StringVar(&flags.subject, "subject", "", "with FHIR: the patient in the record, such as Patient/123")
	set.BoolVar(&flags.diagnostic, "diagnostic-report", false,
		"with FHIR: a DiagnosticReport instead of a DocumentReference")
	completes(cmd, "format", reportHTML, reportText, reportFHIR)
	return cmd
}

func (f *reportFlags) check() error {
	if f.audience != report.Patient.String() && f.audience != report.Clinician.String() {
		return usagef("--for must be patient or clinician")
	}
	if f.format == "" {
		switch strings.ToLower(filepath.Ext(f.output)) {
		case ".html", ".htm":
			f.format = reportHTML
		case ".json":
			f.format = reportFHIR
		case "", ".txt":
			f.format = reportText
		default:
			return usagef("the extension of %s decides no format: add --format html, text or fhir", f.output)
		}
	}

	switch f.format {
	case reportHTML, reportText:
		return nil
	case reportFHIR:
		if f.subject == "" {
			return usagef("--subject is missing: say whose record it goes into, such as --subject Patient/123")
		}
		return nil
	default:
		return usagef("--format must be html, text or fhir")
	}
}

func (a *app) report(name string, flags reportFlags) error {
	if err := flags.check(); err != nil {
		return err
	}
	body, err := a.readAll(name, maxWebhook)
	if err != nil {
		return err
	}
	event, err := helios.ParseEvent(body)
	if err != nil {
		return fmt.Errorf("%s: %w", inputName(name), err)
	}

	page, err := a.page(event, flags)
	if err != nil {
		return fmt.Errorf("%s: %w", inputName(name), err)
	}
	text, err := a.render(page, event, flags)
	if err != nil {
		return err
	}
	if flags.output == "" {
		if flags.format == reportFHIR {
			text = []byte(escapeJSON(text))
		}
		return a.out.result(map[string]string{"report": string(text), "format": flags.format}, string(text))
	}
	if err := capture.WriteFile(flags.output, text); err != nil {
		return err
	}
	return a.out.result(map[string]string{"file": flags.output, "format": flags.format}, flags.output)
}

// page makes the report of an event. What cannot be shown as it came is told.
func (a *app) page(event *helios.Event, flags reportFlags) (*report.Report, error) {
	result, err := event.Result()
	var partial *helios.ResultError
	if err != nil && !errors.As(err, &partial) {
		return nil, err
	}
	if partial != nil {
		a.out.note("%s of the result could not be read: %s",
			plural(len(partial.Fields), "place"), oneLine(partial.Error()))
	}

	audience := report.Patient
	if flags.audience == report.Clinician.String() {
		audience = report.Clinician
	}
	page := report.New(result, audience, report.Options{Time: event.Timestamp, Language: flags.language})
	for _, issue := range page.Issues() {
		a.out.note("%s", oneLine(issue.String()))
	}
	return page, nil
}

func (a *app) render(page *report.Report, event *helios.Event, flags reportFlags) ([]byte, error) {
	var text bytes.Buffer
	switch flags.format {
	case reportHTML:
		err := page.WriteHTML(&text)
		return text.Bytes(), err
	case reportText:
		width := a.out.width
		if flags.output != "" {
			width = defaultWidth
		}
		err := page.WriteText(&text, width)
		return text.Bytes(), err
	default:
		file := fhirdoc.DocumentReference
		if flags.diagnostic {
			file = fhirdoc.DiagnosticReport
		}
		return file(page, fhirdoc.Options{Subject: flags.subject, RunID: event.RunID, Time: event.Timestamp})
	}
}
