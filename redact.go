package helios

import (
	"fmt"
	"io"
	"log/slog"
)

// Every type that holds health data prints and logs as its name, whatever the
// verb. Formatter is the only interface that fmt asks for every verb, %#v and
// %d included. encoding/json is left alone: it makes what is sent and what is
// stored.

func printName(w io.Writer, name string) { _, _ = io.WriteString(w, redacted(name)) }
func redacted(name string) string        { return "helios." + name + "{redacted}" }
func logName(name string) slog.Value     { return slog.StringValue(redacted(name)) }

// Format prints the type's name and no data.
func (AgentRequest) Format(f fmt.State, _ rune) { printName(f, "AgentRequest") }

// LogValue logs the type's name and no data.
func (AgentRequest) LogValue() slog.Value { return logName("AgentRequest") }

// Format prints the type's name and no data.
func (HealthData) Format(f fmt.State, _ rune) { printName(f, "HealthData") }

// LogValue logs the type's name and no data.
func (HealthData) LogValue() slog.Value { return logName("HealthData") }

// Format prints the type's name and no data.
func (PatientInfo) Format(f fmt.State, _ rune) { printName(f, "PatientInfo") }

// LogValue logs the type's name and no data.
func (PatientInfo) LogValue() slog.Value { return logName("PatientInfo") }

// Format prints the type's name and no data.
func (Lab) Format(f fmt.State, _ rune) { printName(f, "Lab") }

// LogValue logs the type's name and no data.
func (Lab) LogValue() slog.Value { return logName("Lab") }

// Format prints the type's name and no data.
func (Condition) Format(f fmt.State, _ rune) { printName(f, "Condition") }

// LogValue logs the type's name and no data.
func (Condition) LogValue() slog.Value { return logName("Condition") }

// Format prints the type's name and no data.
func (Medication) Format(f fmt.State, _ rune) { printName(f, "Medication") }

// LogValue logs the type's name and no data.
func (Medication) LogValue() slog.Value { return logName("Medication") }

// Format prints the type's name and no data.
func (VitalSign) Format(f fmt.State, _ rune) { printName(f, "VitalSign") }

// LogValue logs the type's name and no data.
func (VitalSign) LogValue() slog.Value { return logName("VitalSign") }

// Format prints the type's name and no data.
func (LabResultsRequest) Format(f fmt.State, _ rune) { printName(f, "LabResultsRequest") }

// LogValue logs the type's name and no data.
func (LabResultsRequest) LogValue() slog.Value { return logName("LabResultsRequest") }

// Format prints the type's name and no data.
func (LabResult) Format(f fmt.State, _ rune) { printName(f, "LabResult") }

// LogValue logs the type's name and no data.
func (LabResult) LogValue() slog.Value { return logName("LabResult") }

// Format prints the type's name and no data.
func (PatientContext) Format(f fmt.State, _ rune) { printName(f, "PatientContext") }

// LogValue logs the type's name and no data.
func (PatientContext) LogValue() slog.Value { return logName("PatientContext") }

// Format prints the type's name and no data.
func (ContextCondition) Format(f fmt.State, _ rune) { printName(f, "ContextCondition") }

// LogValue logs the type's name and no data.
func (ContextCondition) LogValue() slog.Value { return logName("ContextCondition") }

// Format prints the type's name and no data.
func (ContextMedication) Format(f fmt.State, _ rune) { printName(f, "ContextMedication") }

// LogValue logs the type's name and no data.
func (ContextMedication) LogValue() slog.Value { return logName("ContextMedication") }

// Format prints the type's name and no data.
func (Result) Format(f fmt.State, _ rune) { printName(f, "Result") }

// LogValue logs the type's name and no data.
func (Result) LogValue() slog.Value { return logName("Result") }

// Format prints the type's name and no data.
func (SelectedElement) Format(f fmt.State, _ rune) { printName(f, "SelectedElement") }

// LogValue logs the type's name and no data.
func (SelectedElement) LogValue() slog.Value { return logName("SelectedElement") }

// Format prints the type's name and no data.
func (Citations) Format(f fmt.State, _ rune) { printName(f, "Citations") }

// LogValue logs the type's name and no data.
func (Citations) LogValue() slog.Value { return logName("Citations") }

// Format prints the type's name and no data.
func (Citation) Format(f fmt.State, _ rune) { printName(f, "Citation") }

// LogValue logs the type's name and no data.
func (Citation) LogValue() slog.Value { return logName("Citation") }

// Format prints the type's name and no data.
func (CitationMetadata) Format(f fmt.State, _ rune) { printName(f, "CitationMetadata") }

// LogValue logs the type's name and no data.
func (CitationMetadata) LogValue() slog.Value { return logName("CitationMetadata") }
