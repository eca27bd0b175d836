package main

import (
	"bufio"
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/heliosai/helios-go"
	"github.com/heliosai/helios-go/clinical"
	"github.com/heliosai/helios-go/clinical/fhir"
	"github.com/heliosai/helios-go/clinical/hl7v2"
)

// input is a request that was made from a file.
type input struct {
	labs  *helios.LabResultsRequest // either this
	agent *helios.AgentRequest      // or this
	// report is about what clinical data became; nil for a request that was
	// read as it is.
	report *clinical.Report
	// unknown counts the fields of list items that the SDK has none for, and so
	// does not send.
	unknown int
}

// The formats of a file.
const (
	formatLabs  = "labs"  // a lab-results request, or a list of labs
	formatAgent = "agent" // an agent request
	formatFHIR  = "fhir"
	formatHL7   = "hl7v2"
)

// conversion is what flags say of an input.
type conversion struct {
	format, agent, patient string
	since                  string
	latest, capAge         bool
	final                  bool
}

func (c *conversion) addFlags(cmd *cobra.Command) {
	set := cmd.Flags()
	set.StringVar(&c.format, "format", "", "labs, agent, fhir or hl7v2 (default: detected)")
	set.StringVar(&c.agent, "agent", "", "light or deep: send a record from FHIR instead of lab results")
	set.StringVar(&c.patient, "patient", "", "which patient to send if FHIR data has several: `Patient/ID`")
	set.StringVar(&c.since, "since", "", "leave out results before this `date`, such as 2025-01-31 (FHIR and HL7 v2)")
	set.BoolVar(&c.latest, "latest", false, "send only the latest result of each test (FHIR and HL7 v2)")
	set.BoolVar(&c.capAge, "cap-age", false, "send every age above 89 as 90 (FHIR and HL7 v2)")
	set.BoolVar(&c.final, "final", false, "leave out preliminary results (FHIR and HL7 v2)")
	completes(cmd, "format", formatLabs, formatAgent, formatFHIR, formatHL7)
	completes(cmd, "agent", helios.AgentLight, helios.AgentDeep)
}

// maxRequest bounds the size of a request that is read as it is, in bytes.
const maxRequest = 16 << 20

// readInput makes a request of a file. With an error the input can still hold a
// report, which says why.
func (a *app) readInput(name string, c conversion) (*input, error) {
	since, err := c.check()
	if err != nil {
		return nil, err
	}
	file, err := a.open(name)
	if err != nil {
		return nil, err
	}
	defer func() { _ = file.Close() }()

	const sniffed = 1 << 20
	buffered := bufio.NewReaderSize(file, sniffed)
	format := c.format
	if format == "" {
		start, err := buffered.Peek(sniffed)
		if err != nil && !errors.Is(err, io.EOF) {
			return nil, err
		}
		if format = sniff(start); format == "" {
			return nil, failf("%s is neither a request, nor FHIR, nor HL7 v2: say what it is with --format",
				inputName(name))
		}
	}

	in, err := c.convert(buffered, format, since)
	if err != nil {
		err = fmt.Errorf("%s: %w", inputName(name), err)
	}
	return in, err
}

func (c *conversion) check() (since time.Time, err error) {
	if !slices.Contains([]string{"", formatLabs, formatAgent, formatFHIR, formatHL7}, c.format) {
		return since, usagef("--format must be labs, agent, fhir or hl7v2")
	}
	if !slices.Contains([]string{"", string(helios.AgentLight), string(helios.AgentDeep)}, c.agent) {
		return since, usagef("--agent must be light or deep; without it lab results are interpreted")
	}
	if c.since != "" {
		if since, err = time.Parse(time.DateOnly, c.since); err != nil {
			return since, usagef("--since must be a date such as 2025-01-31")
		}
	}
	return since, nil
}

func (c *conversion) convert(r io.Reader, format string, since time.Time) (*input, error) {
	if c.agent != "" && (format == formatLabs || format == formatHL7) {
		return nil, usagef("--agent needs a record: FHIR, or an agent request; these are lab results")
	}

	in := &input{}
	var err error
	switch format {
	case formatLabs:
		err = in.readLabs(r)
	case formatAgent:
		err = in.readAgent(r, helios.AgentType(c.agent))
	case formatHL7:
		in.labs, in.report, err = hl7v2.LabResults(r, hl7v2.Options{
			Since: since, LatestPerTest: c.latest, CapAge: c.capAge, ExcludePreliminary: c.final,
		})
	default:
		opts := fhir.Options{
			Patient: c.patient, Since: since, LatestPerTest: c.latest, CapAge: c.capAge, ExcludePreliminary: c.final,
		}
		if c.agent == "" {
			in.labs, in.report, err = fhir.LabResults(r, opts)
		} else {
			in.agent, in.report, err = fhir.Agent(r, helios.AgentType(c.agent), opts)
		}
	}
	return in, err
}

// readLabs reads a request, or a list of labs alone.
func (in *input) readLabs(r io.Reader) error {
	text, err := readRequest(r)
	if err != nil {
		return err
	}

	in.labs = &helios.LabResultsRequest{}
	if bytes.HasPrefix(bytes.TrimSpace(text), []byte("[")) {
		text = slices.Concat([]byte(`{"labResults":`), text, []byte("}"))
	}
	if err := json.Unmarshal(text, in.labs); err != nil {
		return unreadable(err)
	}
	var items struct {
		LabResults []map[string]json.RawMessage `json:"labResults"`
	}
	if json.Unmarshal(text, &items) == nil {
		in.unknown = unknownFields(items.LabResults,
			"name", "value", "flag", "referenceRange", "date", "unit", "category")
	}
	return nil
}

func (in *input) readAgent(r io.Reader, agent helios.AgentType) error {
	text, err := readRequest(r)
	if err != nil {
		return err
	}
	in.agent = &helios.AgentRequest{}
	if err := json.Unmarshal(text, in.agent); err != nil {
		return unreadable(err)
	}
	if agent != "" {
		in.agent.AgentType = agent
	}
	return nil
}

func readRequest(r io.Reader) ([]byte, error) {
	text, err := io.ReadAll(io.LimitReader(r, maxRequest+1))
	if err == nil && len(text) > maxRequest {
		err = failf("a request must not be larger than 16 MiB")
	}
	return bytes.TrimPrefix(text, []byte("\xef\xbb\xbf")), err
}

// unreadable says where JSON is not that of a request, and no value of it.
func unreadable(err error) error {
	var kind *json.UnmarshalTypeError
	if errors.As(err, &kind) {
		is := strings.Fields(kind.Value + " value")[0] // without the value, as in "number 5"
		return failf("%s must be %s, not %s", cmp.Or(kind.Field, "a request"), jsonType(kind.Type), withArticle(is))
	}
	var syntax *json.SyntaxError
	if errors.As(err, &syntax) {
		return failf("it is not valid JSON: see the text before byte %d", syntax.Offset)
	}
	return failf("it is not a request")
}

// jsonType is what JSON calls a value of a Go type.
func jsonType(t reflect.Type) string {
	switch t.Kind() {
	case reflect.String:
		return "a string"
	case reflect.Slice, reflect.Array:
		return "an array"
	case reflect.Bool:
		return "a bool"
	case reflect.Struct, reflect.Map, reflect.Pointer, reflect.Interface:
		return "an object"
	default:
		return "a number"
	}
}

// withArticle puts "a" or "an" before a type of JSON.
func withArticle(name string) string {
	if strings.ContainsRune("aeiou", rune(name[0])) {
		return "an " + name
	}
	return "a " + name
}

func unknownFields(items []map[string]json.RawMessage, known ...string) int {
	n := 0
	for _, item := range items {
		for field := range item {
			if !slices.Contains(known, field) {
				n++
			}
		}
	}
	return n
}

// sniff returns the format of a file that begins with start, or "".
func sniff(start []byte) string {
	start = bytes.TrimPrefix(start, []byte("\xef\xbb\xbf"))
	start = bytes.TrimLeft(start, " \t\r\n\v")
	for _, segment := range []string{"MSH", "FHS", "BHS"} {
		if bytes.HasPrefix(start, []byte(segment)) {
			return formatHL7
		}
	}

	decoder := json.NewDecoder(bytes.NewReader(start))
	open, err := decoder.Token()
	if err == nil && open == json.Delim('[') {
		open, err = decoder.Token()
	}
	if err != nil || open != json.Delim('{') {
		return ""
	}

	// A key decides. What is behind the first bytes is not needed.
	for decoder.More() {
		key, err := decoder.Token()
		if err != nil {
			return ""
		}
		switch key {
		case "resourceType", "entry":
			return formatFHIR
		case "labResults", "name", "value":
			return formatLabs
		case "agentType", "data":
			return formatAgent
		}
		var value json.RawMessage
		if err := decoder.Decode(&value); err != nil {
			return ""
		}
	}
	return ""
}

// request is what is sent, for JSON.
func (in *input) request() any {
	if in.labs != nil {
		return in.labs
	}
	return in.agent
}

// agentType is "light", "deep" or "lab-results".
func (in *input) agentType() string {
	if in.labs != nil {
		return "lab-results"
	}
	return string(in.agent.AgentType)
}

// price is what a run costs at the vendor's documented prices, in dollars.
func price(agent string) string {
	if agent == string(helios.AgentDeep) {
		return "$3.50"
	}
	return "$0.65"
}

// webhook is the request's own webhook URL.
func (in *input) webhook() *string {
	if in.labs != nil {
		return &in.labs.WebhookURL
	}
	return &in.agent.WebhookURL
}

// summary says what is sent, and what not, without any of it. With an error of
// readInput it is the report alone.
func (in *input) summary(failed error) string {
	var b strings.Builder
	if in != nil && in.report != nil {
		b.WriteString(ended(in.report.String()))
	}
	if failed != nil {
		return b.String()
	}
	if in.unknown > 0 {
		fmt.Fprintf(&b, "%s of lab results not sent: the request has none of that name\n", plural(in.unknown, "field"))
	}
	if list := in.contents(); len(list) > 0 {
		fmt.Fprintf(&b, "The request has %s.\n", strings.Join(list, ", "))
	}
	return b.String()
}

func (in *input) contents() []string {
	var list []string
	count := func(n int, name string) {
		if n > 0 {
			list = append(list, plural(n, name))
		}
	}
	given := func(text, name string) {
		if text != "" {
			list = append(list, name)
		}
	}

	if in.labs != nil {
		count(len(in.labs.LabResults), "lab result")
		if c := in.labs.PatientContext; c != nil {
			given(c.Age, "age")
			given(c.Gender, "gender")
			count(len(c.Conditions), "condition")
			count(len(c.Medications), "medication")
			count(len(c.Extra), "further field")
		}
		count(len(in.labs.Extra), "further field")
		return list
	}

	if in.agent == nil {
		return nil
	}
	data := in.agent.Data
	if info := data.PatientInfo; info != nil {
		if info.Age != nil {
			list = append(list, "age")
		}
		given(info.Gender, "gender")
	}
	count(len(data.RecentAbnormalLabs), "abnormal lab")
	count(len(data.RecentNormalLabs), "normal lab")
	count(len(data.PastMedicalHistory), "condition")
	count(len(data.Medications), "medication")
	count(len(data.VitalSigns), "vital sign")
	count(len(data.Extra), "further category")
	count(len(in.agent.Extra), "further field")
	return list
}

func plural(n int, name string) string {
	if n == 1 {
		return "1 " + name
	}
	if stem, ok := strings.CutSuffix(name, "y"); ok {
		return fmt.Sprintf("%d %sies", n, stem)
	}
	return fmt.Sprintf("%d %ss", n, name)
}
