package main

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"net/textproto"
	"strconv"
	"strings"
)

// head is the first line and the headers of an HTTP/1.1 message, byte for byte,
// and what the proxy must know of them.
type head struct {
	raw    []byte
	length int64 // of the body
	last   bool  // the connection ends after it
}

var errNotForwarded = errors.New("soak: the proxy knows bodies with a Content-Length only")

func readHead(r *bufio.Reader) (*head, error) {
	h := new(head)
	for {
		line, err := r.ReadSlice('\n')
		if err != nil {
			if len(h.raw)+len(line) > 0 && errors.Is(err, io.EOF) {
				err = io.ErrUnexpectedEOF
			}
			return nil, err
		}
		h.raw = append(h.raw, line...)
		line = bytes.TrimRight(line, "\r\n")
		if len(line) == 0 {
			return h, nil
		}
		name, value, _ := strings.Cut(string(line), ":")
		value = textproto.TrimString(value)
		switch strings.ToLower(name) {
		case "content-length":
			if h.length, err = strconv.ParseInt(value, 10, 64); err != nil || h.length < 0 {
				return nil, errNotForwarded
			}
		case "transfer-encoding":
			return nil, errNotForwarded
		case "connection":
			h.last = strings.EqualFold(value, "close")
		}
	}
}

// readMessage reads a whole message that is small enough for memory. What it
// returns in raw includes the body.
func readMessage(r *bufio.Reader) (*head, error) {
	h, err := readHead(r)
	if err != nil {
		return nil, err
	}
	start := len(h.raw)
	h.raw = append(h.raw, make([]byte, h.length)...)
	if _, err := io.ReadFull(r, h.raw[start:]); err != nil {
		return nil, err
	}
	return h, nil
}
