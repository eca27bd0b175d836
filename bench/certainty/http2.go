package main

import (
	"bytes"
	"io"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

// frames is a server's end of an HTTP/2 connection, frame by frame.
type frames struct {
	*http2.Framer
	conn *conn
	keys map[uint32]bool // streams whose request has the key
}

// startHTTP2 reads the client's preface and sends the settings. A client that
// speaks HTTP/1 instead is served like one whose connection breaks after its
// request.
func (c *conn) startHTTP2() (*frames, bool) {
	start, err := c.reader.Peek(len(http2.ClientPreface))
	if err != nil {
		return nil, false
	}
	if string(start) != http2.ClientPreface {
		c.read()
		return nil, false
	}
	_, _ = c.reader.Discard(len(http2.ClientPreface))

	f := &frames{Framer: http2.NewFramer(c.Conn, c.reader), conn: c, keys: map[uint32]bool{}}
	f.ReadMetaHeaders = hpack.NewDecoder(4096, nil)
	return f, f.WriteSettings() == nil
}

// read reads the next request to its end and counts it. It reports false if the
// client ends first.
func (f *frames) read() (stream uint32, ok bool) {
	for {
		frame, err := f.ReadFrame()
		if err != nil {
			return 0, false
		}

		ended := false
		switch frame := frame.(type) {
		case *http2.SettingsFrame:
			if !frame.IsAck() {
				_ = f.WriteSettingsAck()
			}
		case *http2.MetaHeadersFrame:
			for _, field := range frame.Fields {
				if field.Name == "x-api-key" && field.Value == apiKey {
					f.keys[frame.StreamID] = true
				}
			}
			ended = frame.StreamEnded()
		case *http2.DataFrame:
			if n := uint32(len(frame.Data())); n > 0 {
				_ = f.WriteWindowUpdate(0, n)
				_ = f.WriteWindowUpdate(frame.StreamID, n)
			}
			ended = frame.StreamEnded()
		}
		if ended {
			stream = frame.Header().StreamID
			if f.keys[stream] {
				f.conn.got()
			}
			return stream, true
		}
	}
}

// answer sends a whole response.
func (f *frames) answer(stream uint32, status, body string) {
	var block bytes.Buffer
	encoder := hpack.NewEncoder(&block)
	_ = encoder.WriteField(hpack.HeaderField{Name: ":status", Value: status})
	_ = encoder.WriteField(hpack.HeaderField{Name: "content-type", Value: "application/json"})
	_ = f.WriteHeaders(http2.HeadersFrameParam{StreamID: stream, BlockFragment: block.Bytes(), EndHeaders: true})
	_ = f.WriteData(stream, true, []byte(body))
}

// hangUp drains the connection, so that what was written last arrives.
func (f *frames) hangUp() {
	_ = f.conn.tcp.CloseWrite()
	_, _ = io.Copy(io.Discard, f.conn.tcp)
}
