package fhir

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
)

// peekSize is how much of the input is looked at to say what it is.
const peekSize = 4 << 10

// open inflates gzip. The error names what the input is if it is no JSON.
func open(r io.Reader) (io.Reader, error) {
	head, r := peek(r)
	if bytes.HasPrefix(head, []byte("\x1f\x8b")) {
		inflated, err := gzip.NewReader(r)
		if err != nil {
			return nil, fmt.Errorf("%w: it begins as gzip does and cannot be inflated: %w", ErrMalformed, err)
		}
		head, r = peek(inflated)
	}

	if kind := kindOf(head); kind != "" {
		return nil, fmt.Errorf("%w: it is %s", ErrMalformed, kind)
	}
	return r, nil
}

func peek(r io.Reader) ([]byte, io.Reader) {
	b := bufio.NewReaderSize(r, peekSize)
	head, err := b.Peek(peekSize)
	if err != nil {
		return head, io.MultiReader(bytes.NewReader(head), failedReader{err})
	}
	return head, b
}

type failedReader struct{ err error }

func (f failedReader) Read([]byte) (int, error) { return 0, f.err }

var formats = []struct{ prefix, name string }{
	{"\xff\xfe", "UTF-16 text, not UTF-8"}, {"\xfe\xff", "UTF-16 text, not UTF-8"},
	{"{\x00", "UTF-16 text, not UTF-8"}, {"\x00{", "UTF-16 text, not UTF-8"},
	{"PK\x03\x04", "a ZIP archive"}, {"%PDF", "PDF"}, {"\x1f\x8b", "compressed twice"},
	{"MSH|", "an HL7 v2 message, which package hl7v2 reads"},
	{"\x0bMSH", "an HL7 v2 message, which package hl7v2 reads"},
	{"FHS|", "a batch of HL7 v2, which package hl7v2 reads"}, {"@prefix", "FHIR as Turtle, not as JSON"},
}

// kindOf names what begins with head if that is no JSON; "" if it may be.
func kindOf(head []byte) string {
	for _, format := range formats {
		if bytes.HasPrefix(head, []byte(format.prefix)) {
			return format.name
		}
	}

	head = bytes.TrimLeft(bytes.TrimPrefix(head, []byte("\ufeff")), " \t\r\n")
	line, _, _ := bytes.Cut(head, []byte("\n"))
	switch {
	case len(head) == 0 || bytes.IndexByte([]byte("{[\x1e"), head[0]) >= 0:
		return ""
	case head[0] != '<':
		for _, separator := range []string{",", ";", "\t"} {
			if bytes.Count(line, []byte(separator)) >= 2 {
				return "CSV"
			}
		}
		return ""
	case bytes.Contains(head, []byte("ClinicalDocument")):
		return "a C-CDA document"
	case bytes.Contains(head, []byte("http://hl7.org/fhir")):
		return "FHIR as XML, not as JSON"
	case bytes.Contains(bytes.ToLower(head), []byte("<html")):
		return "HTML"
	}

	return "XML"
}
