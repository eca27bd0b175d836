package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"github.com/heliosai/helios-go"
)

// The fields of a lab-results request. The service takes others too; a file with a field that is not here more likely has a typing error.
var fieldsOf = map[string][]string{
	"":                             {"labResults", "patientContext"},
	"labResults[]":                 {"name", "value", "flag", "referenceRange", "date", "unit", "category"},
	"patientContext":               {"age", "gender", "conditions", "medications"},
	"patientContext.conditions[]":  {"name", "status"},
	"patientContext.medications[]": {"name", "dosage", "frequency"},
}

// checker walks a JSON file token by token, so that every complaint can name the line and the field.
type checker struct {
	file string
	data []byte
	dec  *json.Decoder
}

// parseRequest reads a lab-results request, or a list of lab results alone.
func parseRequest(file string, data []byte) (*helios.LabResultsRequest, error) {
	data = bytes.TrimPrefix(data, []byte("\ufeff"))
	if i := invalidUTF8(data); i >= 0 {
		return nil, fmt.Errorf("%s:%d: the text is not UTF-8", file, 1+bytes.Count(data[:i], []byte("\n")))
	}
	c := &checker{file: file, data: data, dec: json.NewDecoder(bytes.NewReader(data))}
	list := bytes.HasPrefix(bytes.TrimSpace(data), []byte("["))
	path, kind := "", ""
	if list {
		path, kind = "labResults", "labResults"
	}
	if err := c.value(path, kind); err != nil {
		return nil, err
	}
	if rest := bytes.TrimSpace(data[c.dec.InputOffset():]); len(rest) > 0 {
		return nil, fmt.Errorf("%s:%d: text after the end of the JSON", file, c.lineAt(int64(bytes.LastIndex(data, rest))))
	}
	req := new(helios.LabResultsRequest)
	var err error
	if list {
		err = json.Unmarshal(data, &req.LabResults)
	} else {
		err = json.Unmarshal(data, req)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	if len(req.LabResults) == 0 {
		return nil, c.errorf("labResults", "holds no lab results")
	}
	if n := len(req.LabResults); n > helios.MaxLabResults {
		return nil, c.errorf("labResults", fmt.Sprintf("holds %d lab results; a run takes %d", n, helios.MaxLabResults))
	}
	return req, nil
}

// invalidUTF8 returns where the first byte is that is not UTF-8, or -1.
func invalidUTF8(data []byte) int {
	for i := 0; i < len(data); {
		r, size := utf8.DecodeRune(data[i:])
		if r == utf8.RuneError && size == 1 {
			return i
		}
		i += size
	}
	return -1
}

// value checks the next value. path names it for people, as "labResults[3]"; kind names its place in fieldsOf, as "labResults[]".
func (c *checker) value(path, kind string) error {
	token, err := c.next(path)
	if err != nil {
		return err
	}
	_, object := fieldsOf[kind]
	_, list := fieldsOf[kind+"[]"]
	switch {
	case object && token == json.Delim('{'):
		return c.object(path, kind)
	case object:
		return c.errorf(path, "must be an object")
	case list && token == json.Delim('['):
		for i := 0; c.dec.More(); i++ {
			if err := c.value(fmt.Sprintf("%s[%d]", path, i), kind+"[]"); err != nil {
				return err
			}
		}
		_, err := c.next(path)
		return err
	case list:
		return c.errorf(path, "must be a list")
	}
	text, ok := token.(string)
	switch {
	case !ok:
		return c.errorf(path, "must be a string")
	case (kind == "labResults[].name" || kind == "labResults[].value") && strings.TrimSpace(text) == "":
		return c.errorf(path, "is empty")
	}
	return nil
}

func (c *checker) object(path, kind string) error {
	start := c.line()
	seen := map[string]bool{}
	for c.dec.More() {
		token, err := c.next(path)
		if err != nil {
			return err
		}
		name := token.(string) // a decoder gives nothing else here
		field := strings.TrimPrefix(path+"."+name, ".")
		known := false
		for _, f := range fieldsOf[kind] {
			known = known || f == name
		}
		switch {
		case !known:
			return c.errorf(field, "unknown field; known are "+strings.Join(fieldsOf[kind], ", "))
		case seen[name]:
			return c.errorf(field, "is there twice")
		}
		seen[name] = true
		if err := c.value(field, strings.TrimPrefix(kind+"."+name, ".")); err != nil {
			return err
		}
	}
	if kind == "labResults[]" {
		for _, name := range []string{"name", "value"} {
			if !seen[name] {
				return fmt.Errorf("%s:%d: %s.%s: is missing", c.file, start, path, name)
			}
		}
	}
	_, err := c.next(path)
	return err
}

func (c *checker) next(path string) (json.Token, error) {
	token, err := c.dec.Token()
	var syntax *json.SyntaxError
	end := int64(len(bytes.TrimSpace(c.data)))
	switch {
	case err == nil:
		return token, nil
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.As(err, &syntax) && strings.HasPrefix(err.Error(), "unexpected end"):
		return nil, fmt.Errorf("%s:%d: %sthe JSON ends too early", c.file, c.lineAt(end), label(path))
	case errors.As(err, &syntax):
		return nil, fmt.Errorf("%s:%d: %sbroken JSON: %w", c.file, c.lineAt(syntax.Offset), label(path), err)
	default:
		return nil, c.errorf(path, err.Error())
	}
}

func (c *checker) errorf(path, problem string) error {
	return fmt.Errorf("%s:%d: %s%s", c.file, c.line(), label(printable(path)), problem)
}

func label(path string) string {
	if path == "" {
		return ""
	}
	return path + ": "
}

func (c *checker) line() int { return c.lineAt(c.dec.InputOffset()) }

func (c *checker) lineAt(offset int64) int {
	return 1 + bytes.Count(c.data[:min(int(offset), len(c.data))], []byte("\n"))
}
