package heliostest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// object is a decoded JSON object. Submissions are checked as maps, not
// structs: encoding/json would match field names in any case and turn null into
// an empty value, and so hide the mistakes that the fake is there to find.
type object = map[string]any

// submission is a request body that was found valid.
type submission struct {
	agent      string
	webhookURL string
	fields     object
}

// invalid says which rule a field breaks. It must never hold a value: what is
// submitted is health data.
func invalid(path, rule string) error { return errors.New(path + " " + rule) }

// parse checks a body against the contract. It reports the first broken rule.
// With plainHTTP the webhook URL may be http to any host.
func parse(agent string, body []byte, plainHTTP bool) (*submission, error) {
	fields, err := decodeObject(body)
	if err != nil {
		return nil, err
	}
	webhookURL, ok := fields["webhookUrl"].(string)
	if !ok || !isWebhookURL(webhookURL, plainHTTP) {
		return nil, invalid("webhookUrl", "is required and must be an https URL (or http to loopback)")
	}

	if agent == agentLabResults {
		err = checkLabResults(fields)
	} else {
		err = checkAgent(fields)
	}
	if err != nil {
		return nil, err
	}
	return &submission{agent: agent, webhookURL: webhookURL, fields: fields}, nil
}

func decodeObject(body []byte) (object, error) {
	// encoding/json would silently replace what is not UTF-8.
	if !utf8.Valid(body) {
		return nil, errors.New("the body must be UTF-8")
	}

	var fields object
	dec := json.NewDecoder(bytes.NewReader(body))
	dec.UseNumber() // a number of any size is a number
	if err := dec.Decode(&fields); err != nil || fields == nil {
		return nil, errors.New("the body must be a JSON object") // err may quote the body
	}

	if _, err := dec.Token(); err != io.EOF {
		return nil, errors.New("the body must be one JSON object and nothing after it")
	}
	return fields, nil
}

func checkAgent(fields object) error {
	if t := fields["agentType"]; t != agentLight && t != agentDeep {
		return invalid("agentType", "is required and must be light or deep")
	}
	data, ok := fields["data"].(object)
	if !ok {
		return invalid("data", "is required and must be an object")
	}
	if !holdsSomething(data) {
		return invalid("data", "must hold some health data")
	}

	lab := check{"date": isString, "display": isString, "value": isString, "unit": isString,
		"referenceRange": isString, "interpretation": isString}
	return check{
		"patientInfo":        objectOf(check{"age": isNumber, "gender": isString}),
		"recentAbnormalLabs": arrayOf(lab),
		"recentNormalLabs":   arrayOf(lab),
		"pastMedicalHistory": arrayOf(check{"display": isString, "clinicalStatus": isString, "onsetDate": isString}),
		"medications": arrayOf(check{"medication": isString, "status": isString, "dosage": isString,
			"frequency": isString}),
		"vitalSigns": arrayOf(check{"display": isString, "value": isString, "unit": isString,
			"date": isString}),
	}.fields("data", data)
}

func checkLabResults(fields object) error {
	labs, ok := fields["labResults"].([]any)
	if !ok || len(labs) == 0 {
		return invalid("labResults", "is required and must be an array of at least one lab")
	}
	for i, lab := range labs {
		// Optional fields are checked below, with all others.
		if m, ok := lab.(object); ok {
			for _, name := range []string{"name", "value"} {
				if s, _ := m[name].(string); strings.TrimSpace(s) == "" {
					return invalid(fmt.Sprintf("labResults[%d].%s", i, name),
						"is required and must be a string that is not empty")
				}
			}
		}
	}
	return check{
		"labResults": arrayOf(check{"flag": isFlag, "referenceRange": isString, "date": isDate, "unit": isString,
			"category": isString}),
		"patientContext": objectOf(check{
			"age":         isString,
			"gender":      isString,
			"conditions":  arrayOf(check{"name": isString, "status": isString}),
			"medications": arrayOf(check{"name": isString, "dosage": isString, "frequency": isString}),
		}),
	}.fields("", fields)
}

// check holds the rules for the known fields of an object, by name. All of them
// are optional; unknown fields are accepted.
type check map[string]rule

// A rule returns the broken rule, or nil. Its path leads to the value.
type rule func(path string, value any) error

func (c check) fields(path string, o object) error {
	names := make([]string, 0, len(c))
	for name := range c {
		if _, given := o[name]; given {
			names = append(names, name)
		}
	}
	slices.Sort(names) // so that the same body always gets the same answer

	for _, name := range names {
		at := name
		if path != "" {
			at = path + "." + name
		}
		if err := c[name](at, o[name]); err != nil {
			return err
		}
	}
	return nil
}

func objectOf(c check) rule {
	return func(path string, value any) error {
		o, ok := value.(object)
		if !ok {
			return invalid(path, "must be an object")
		}
		return c.fields(path, o)
	}
}

func arrayOf(c check) rule {
	item := objectOf(c)
	return func(path string, value any) error {
		items, ok := value.([]any)
		if !ok {
			return invalid(path, "must be an array")
		}
		for i := range items {
			if err := item(fmt.Sprintf("%s[%d]", path, i), items[i]); err != nil {
				return err
			}
		}
		return nil
	}
}

func isString(path string, value any) error {
	if _, ok := value.(string); !ok {
		return invalid(path, "must be a string")
	}
	return nil
}

func isNumber(path string, value any) error {
	if _, ok := value.(json.Number); !ok {
		return invalid(path, "must be a number")
	}
	return nil
}

func isFlag(path string, value any) error {
	switch value {
	case "High", "Low", "Normal", "Critical":
		return nil
	}
	return invalid(path, "must be High, Low, Normal or Critical")
}

func isDate(path string, value any) error {
	if s, ok := value.(string); ok {
		if _, ok := parseDate(s); ok {
			return nil
		}
	}
	return invalid(path, "must be a date like 2025-01-15, or ISO 8601")
}

// parseDate reads the common forms of ISO 8601. Seconds may have a fraction.
func parseDate(s string) (time.Time, bool) {
	for _, layout := range []string{
		"2006-01-02", "2006-01-02T15:04:05Z07:00", "2006-01-02T15:04:05", "2006-01-02T15:04:05Z0700",
		"2006-01-02T15:04Z07:00", "2006-01-02T15:04", "2006-01", "2006",
		"20060102", "20060102T150405Z0700", "20060102T150405",
	} {
		if t, err := time.Parse(layout, s); err == nil {
			return t, true
		}
	}
	return time.Time{}, false
}

// holdsSomething reports whether there is anything in v that is not empty.
func holdsSomething(v any) bool {
	switch v := v.(type) {
	case nil:
		return false
	case string:
		return strings.TrimSpace(v) != ""
	case []any:
		return slices.ContainsFunc(v, holdsSomething)
	case object:
		for _, value := range v {
			if holdsSomething(value) {
				return true
			}
		}
		return false
	default: // a number or a bool
		return true
	}
}
