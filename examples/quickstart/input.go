package main

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/heliosai/helios-go"
)

//go:embed labs.json
var sample []byte

// A run takes 200 lab results, which are some 40 KiB. A file beyond this is
// some other file.
const maxFileSize = 1 << 20

var errUsage = errors.New("usage: quickstart [labs.json]")

// readRequest reads the file that args name, or the sample if they name none.
func readRequest(args []string) (*helios.LabResultsRequest, error) {
	switch {
	case len(args) == 0:
		return parseRequest("labs.json", sample)
	case len(args) > 1 || strings.HasPrefix(args[0], "-"):
		return nil, errUsage
	}

	data, err := readFile(args[0])
	if err != nil {
		return nil, err
	}
	return parseRequest(args[0], data)
}

// readFile reads a file of at most maxFileSize, and no more of a larger one.
func readFile(name string) ([]byte, error) {
	file, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer file.Close()

	data, err := io.ReadAll(io.LimitReader(file, maxFileSize+1))
	if err != nil {
		return nil, err
	}
	if len(data) > maxFileSize {
		return nil, fmt.Errorf("%s: larger than %d bytes; a run takes %d lab results",
			name, maxFileSize, helios.MaxLabResults)
	}
	return data, nil
}

// The fields of a lab-results request. The service takes others too; a file
// with a field that is not here more likely has a typing error.
var fieldsOf = map[string][]string{
	"":                             {"labResults", "patientContext"},
	"labResults[]":                 {"name", "value", "flag", "referenceRange", "date", "unit", "category"},
	"patientContext":               {"age", "gender", "conditions", "medications"},
	"patientContext.conditions[]":  {"name", "status"},
	"patientContext.medications[]": {"name", "dosage", "frequency"},
}

// parseRequest reads a lab-results request, or a list of lab results alone.
func parseRequest(file string, data []byte) (*helios.LabResultsRequest, error) {
	data = bytes.TrimPrefix(data, []byte("\ufeff"))
	if i := invalidUTF8(data); i >= 0 {
		return nil, fmt.Errorf("%s:%d: the text is not UTF-8", file, 1+bytes.Count(data[:i], []byte("\n")))
	}

	isList := bytes.HasPrefix(bytes.TrimSpace(data), []byte("["))
	c := newChecker(file, data)
	if err := c.document(isList); err != nil {
		return nil, err
	}

	req := new(helios.LabResultsRequest)
	var into any = req
	if isList {
		into = &req.LabResults
	}
	if err := json.Unmarshal(data, into); err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}

	switch n := len(req.LabResults); {
	case n == 0:
		return nil, c.errorf("labResults", "holds no lab results")
	case n > helios.MaxLabResults:
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

// checker walks a JSON file token by token, so that every complaint can name
// the line and the field.
type checker struct {
	file  string
	data  []byte
	dec   *json.Decoder
	lines *lineCounter
}

func newChecker(file string, data []byte) *checker {
	return &checker{
		file: file, data: data, dec: json.NewDecoder(bytes.NewReader(data)), lines: &lineCounter{rest: data, line: 1},
	}
}

// document checks the whole file: a request, or a list of lab results.
func (c *checker) document(isList bool) error {
	path := ""
	if isList {
		path = "labResults"
	}
	if err := c.value(path, path); err != nil {
		return err
	}

	end := int(c.dec.InputOffset())
	if rest := bytes.TrimLeft(c.data[end:], " \t\r\n"); len(rest) > 0 {
		return fmt.Errorf("%s:%d: text after the end of the JSON", c.file, c.lines.at(len(c.data)-len(rest)))
	}
	return nil
}

// value checks the next value. path names it for people, as "labResults[3]";
// kind names its place in fieldsOf, as "labResults[]".
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
		return c.list(path, kind)
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

func (c *checker) list(path, kind string) error {
	for i := 0; c.dec.More(); i++ {
		if err := c.value(fmt.Sprintf("%s[%d]", path, i), kind+"[]"); err != nil {
			return err
		}
	}

	_, err := c.next(path) // the ]
	return err
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

		switch known := fieldsOf[kind]; {
		case !slices.Contains(known, name):
			return c.errorf(field, "unknown field; known are "+strings.Join(known, ", "))
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

	_, err := c.next(path) // the }
	return err
}

// next returns the next token.
func (c *checker) next(path string) (json.Token, error) {
	token, err := c.dec.Token()
	if err == nil {
		return token, nil
	}

	var syntax *json.SyntaxError
	broken := errors.As(err, &syntax)
	switch {
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF),
		broken && strings.HasPrefix(err.Error(), "unexpected end"):
		end := c.lines.at(len(bytes.TrimRight(c.data, " \t\r\n")))
		return nil, fmt.Errorf("%s:%d: %sthe JSON ends too early", c.file, end, label(path))
	case broken:
		at := c.lines.at(int(syntax.Offset))
		return nil, fmt.Errorf("%s:%d: %sbroken JSON: %w", c.file, at, label(path), err)
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

// line returns the line of the last token.
func (c *checker) line() int { return c.lines.at(int(c.dec.InputOffset())) }

// lineCounter finds the lines of offsets that only grow. It drops what it has
// counted, so no byte is counted twice.
type lineCounter struct {
	rest   []byte // from offset on
	offset int
	line   int // of offset, from 1
}

// at returns the line of an offset, or the line of the last one if it is not
// beyond that.
func (l *lineCounter) at(offset int) int {
	n := min(max(offset-l.offset, 0), len(l.rest))
	l.line += bytes.Count(l.rest[:n], []byte("\n"))
	l.rest = l.rest[n:]
	l.offset += n
	return l.line
}
