package heliostest

import (
	"fmt"
	"regexp"
	"strings"
)

const disclaimer = "*Emulated by heliostest from the submitted data: invented text for tests, not a medical analysis.*\n"

type citations struct {
	Patient   map[string]citation `json:"patient"`
	Clinician map[string]citation `json:"clinician"`
}

type citation struct {
	URL      string         `json:"url"`
	Title    string         `json:"title"`
	Metadata map[string]any `json:"metadata"`
}

// respond writes both responses, with their citations. The sources are made up:
// example.org and the DOI prefix 10.5555 are reserved for that.
func respond(c chart) *result {
	return &result{
		PatientResponse:   patientResponse(c),
		ClinicianResponse: clinicianResponse(c),
		Citations: citations{
			Patient: map[string]citation{
				"1": {
					URL:      "https://example.org/heliostest/understanding-lab-results",
					Title:    "Example: Understanding Your Lab Results",
					Metadata: map[string]any{"type": "insight", "source": "Example Health Library"},
				},
				"2": {
					URL:      "https://doi.org/10.5555/heliostest.visit",
					Title:    "Example: Preparing for a Visit to Your Doctor",
					Metadata: map[string]any{"type": "pmc", "doi": "10.5555/heliostest.visit", "pubdate": "2024-06-01"},
				},
			},
			Clinician: map[string]citation{
				"1": {
					URL:   "https://doi.org/10.5555/heliostest.guideline",
					Title: "Example: Guideline for the Follow-up of Abnormal Results",
					Metadata: map[string]any{
						"type": "guideline", "source": "Example Society",
						"author": "Example Society of Laboratory Medicine",
						"doi":    "10.5555/heliostest.guideline", "pubdate": "2024-01-01",
						"abstract_snippet": "Abnormal results are confirmed before they are acted upon...",
						"specialties":      []string{"Internal Medicine"},
					},
				},
				"2": {
					URL:   "https://example.org/heliostest/pubmed/1",
					Title: "Example: Trends Matter More Than Single Values",
					Metadata: map[string]any{
						"type": "pubmed", "url": "https://example.org/heliostest/pubmed/1",
						"title": "Example: Trends Matter More Than Single Values", "pubdate": "2023-09-15",
					},
				},
			},
		},
	}
}

func patientResponse(c chart) string {
	abnormal := c.abnormal()
	var b strings.Builder
	b.WriteString(disclaimer)

	fmt.Fprintf(&b, "\n## Summary\n\nWe looked at %s.", c.contents())
	switch len(abnormal) {
	case 0:
		b.WriteString(" No lab result was marked as unusual. [1]\n")
	case 1:
		fmt.Fprintf(&b, " One result needs attention: **%s** at %s. [1]\n",
			plain(abnormal[0].name), plain(abnormal[0].value))
	default:
		fmt.Fprintf(&b, " %d results need attention, first of all **%s** at %s. [1]\n",
			len(abnormal), plain(abnormal[0].name), plain(abnormal[0].value))
	}

	b.WriteString("\n## Key health areas\n\n")
	for _, m := range abnormal {
		fmt.Fprintf(&b,
			"- **%s: %s** (%s). A single value outside its range is a reason to look again, not a diagnosis. [1]\n",
			plain(m.name), plain(m.value), m.judged())
	}
	for _, n := range c.conditions {
		fmt.Fprintf(&b, "- **%s** is part of your history, so these results "+
			"are best read together with earlier ones. [2]\n", plain(n.name))
	}
	if len(abnormal)+len(c.conditions) == 0 {
		b.WriteString("- Nothing stands out. Keep these results to compare them with later ones. [1]\n")
	}

	b.WriteString("\n## Recommended tests\n\n")
	for _, m := range abnormal {
		fmt.Fprintf(&b, "- Ask whether to repeat %s, to confirm the value. [1]\n", plain(m.name))
	}
	if len(abnormal) == 0 {
		b.WriteString("- None beyond your usual check-ups. [1]\n")
	}

	b.WriteString("\n## What you can do\n\n" +
		"- Take these results to your next appointment, with your questions written down. [2]\n")
	if len(c.medications) > 0 {
		fmt.Fprintf(&b, "- Bring the list of your medications (%s), "+
			"and change nothing on it before you have talked to your doctor. [2]\n", plain(names(c.medications)))
	}

	b.WriteString("\n## Timeline\n\n")
	if len(abnormal) > 0 {
		b.WriteString("- Within two weeks: talk to your doctor about the results above. [2]\n" +
			"- Within three months: repeat the tests you agreed on. [1]\n")
	} else {
		b.WriteString("- At your next check-up: compare these results with new ones. [2]\n")
	}
	return b.String()
}

func clinicianResponse(c chart) string {
	abnormal := c.abnormal()
	var b strings.Builder
	b.WriteString(disclaimer)

	fmt.Fprintf(&b, "\n## Assessment\n\n%s; submitted: %s. %d of %d lab results flagged. [1]\n",
		c.who(), c.contents(), len(abnormal), len(c.labs))
	if len(abnormal)+len(c.vitals) > 0 {
		b.WriteString("\n## Findings\n\n")
	}
	for _, m := range abnormal {
		fmt.Fprintf(&b, "- %s %s (%s) [1]\n", plain(m.name), plain(m.value), m.judged())
	}
	for _, m := range c.vitals {
		fmt.Fprintf(&b, "- %s %s\n", plain(m.name), plain(m.value))
	}
	if len(c.conditions)+len(c.medications) > 0 {
		b.WriteString("\n## Context\n\n")
	}
	for _, n := range c.conditions {
		fmt.Fprintf(&b, "- History: %s\n", n)
	}
	for _, n := range c.medications {
		fmt.Fprintf(&b, "- Medication: %s\n", n)
	}
	b.WriteString("\n## Plan\n\n- Confirm flagged results before acting on them. [1]\n" +
		"- Compare with earlier results; the trend carries more than one value. [2]\n")
	return b.String()
}

func researchTasks(c chart) []string {
	var tasks []string
	for _, m := range c.abnormal() {
		tasks = append(tasks, "Emulated: follow-up of "+m.name)
	}
	for _, n := range c.conditions {
		tasks = append(tasks, "Emulated: current guidance on "+n.name)
	}
	return append(tasks, "Emulated: interactions between the findings")
}

// contents says what was submitted: "2 lab results and 1 medication".
func (c chart) contents() string {
	var parts []string
	for _, kind := range []struct {
		n    int
		name string
	}{
		{len(c.labs), "lab result"}, {len(c.vitals), "vital sign"},
		{len(c.conditions), "condition"}, {len(c.medications), "medication"},
	} {
		switch kind.n {
		case 0:
		case 1:
			parts = append(parts, "1 "+kind.name)
		default:
			parts = append(parts, fmt.Sprintf("%d %ss", kind.n, kind.name))
		}
	}
	switch n := len(parts); n {
	case 0:
		return "the data you sent"
	case 1:
		return parts[0]
	default:
		return strings.Join(parts[:n-1], ", ") + " and " + parts[n-1]
	}
}

func (c chart) who() string {
	who := "Patient"
	if c.gender != "" {
		who += ", " + plain(c.gender)
	}
	if c.age != "" {
		who += ", aged " + plain(c.age)
	}
	return who
}

// judged is Markdown: "High, reference range 4.0-5.6".
func (m measurement) judged() string {
	s := plain(m.verdict())
	if m.reference != "" {
		s += ", reference range " + plain(m.reference)
	}
	return s
}

// String is Markdown: "Metformin (500mg, twice daily)".
func (n note) String() string {
	if n.detail == "" {
		return plain(n.name)
	}
	return plain(n.name) + " (" + plain(n.detail) + ")"
}

func names(list []note) string {
	all := make([]string, len(list))
	for i, n := range list {
		all[i] = n.name
	}
	return strings.Join(all, ", ")
}

// Characters that would be read as Markdown, HTML or a citation marker. The <
// of "<5.7" is none of them and stays as it is.
var special = regexp.MustCompile("[\\\\`*_\\[\\]]|<[A-Za-z/!?]|&[A-Za-z0-9#]+;")

// plain makes submitted text fit for one line of Markdown. It is cut short: the
// response is to be read, and must not grow with what was submitted.
func plain(s string) string {
	s = strings.Join(strings.Fields(s), " ")
	const most = 200
	if runes := []rune(s); len(runes) > most {
		s = string(runes[:most]) + "…"
	}
	return special.ReplaceAllString(s, `\$0`)
}
