package main

import (
	"encoding/json"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/heliosai/helios-go"
)

func convertCommand(a *app) *cobra.Command {
	var conv conversion
	cmd := &cobra.Command{
		Use:   "convert FILE",
		Short: "Convert FHIR or HL7 v2 to a request",
		Long: "Writes the request to stdout, and to stderr a report of what would be sent, what not, and why.\n" +
			"FILE is FHIR JSON, HL7 v2, or a request; the format is detected. - reads stdin. Nothing is sent.\n\n" +
			"The request is health data. The report is not: it has counts, reasons and locations.",
		Example: "  helios convert bundle.json > request.json\n" +
			"  helios convert --agent light --patient Patient/123 bundle.json\n" +
			"  helios convert --json oru.hl7           # request and report as one JSON value",
		Args: cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error { return a.convert(args[0], conv) },
	}
	conv.addFlags(cmd)
	return cmd
}

// validRequest reports why the service would refuse a request, wherever it is
// sent.
func validRequest(in *input) error {
	client, err := helios.NewClient(helios.WithAPIKey("not-used"), helios.WithBaseURL(defaultBaseURL),
		helios.WithWebhookURL(anyWebhook), helios.WithPlainHTTP())
	if err != nil {
		return err
	}
	return validate(client, in)
}

func (a *app) convert(name string, conv conversion) error {
	in, err := a.readInput(name, conv)
	if !a.out.json {
		a.out.note("%s", in.summary(err))
	}
	if err != nil {
		return err
	}
	if err := validRequest(in); err != nil {
		return fmt.Errorf("%s: %w", inputName(name), err)
	}

	text, err := json.MarshalIndent(in.request(), "", "  ")
	if err != nil {
		return err
	}
	return a.out.result(map[string]any{
		"request": in.request(), "report": in.report, "agent": in.agentType(), "unknownFields": in.unknown,
	}, escapeJSON(text))
}
