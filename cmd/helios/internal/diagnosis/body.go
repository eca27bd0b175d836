package diagnosis

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"iter"
	"slices"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// original is what a body may have been before something changed it.
type original struct {
	change string // what was done to it
	body   []byte
}

// maxReencoded bounds the bodies whose JSON is written anew, in bytes: each is
// written in some forty ways.
const maxReencoded = 2 << 20

var byteOrderMark = []byte("\xef\xbb\xbf")

// originals returns what body may have been.
func originals(body []byte) []original {
	list := []original{
		{"a line break at its end was cut off", slices.Concat(body, []byte("\n"))},
		{"a line break at its end was cut off", slices.Concat(body, []byte("\r\n"))},
		{"a line break was added at its end", bytes.TrimSuffix(body, []byte("\n"))},
		{"a line break was added at its end", bytes.TrimSuffix(body, []byte("\r\n"))},
		{"white space was added around it", bytes.TrimSpace(body)},
		{"CRLF became LF", bytes.ReplaceAll(body, []byte("\n"), []byte("\r\n"))},
		{"LF became CRLF", bytes.ReplaceAll(body, []byte("\r\n"), []byte("\n"))},
		{"a byte order mark was added", bytes.TrimPrefix(body, byteOrderMark)},
		{"a byte order mark was cut off", slices.Concat(byteOrderMark, body)},
	}
	if plain, ok := gunzip(body); ok {
		list = append(list, original{"it was compressed with gzip", plain})
		body = plain
	}

	if len(body) > maxReencoded || !json.Valid(body) {
		return list
	}
	for change, text := range encodings(body) {
		list = append(list, original{change, text}, original{change, slices.Concat(text, []byte("\n"))})
	}
	return list
}

func gunzip(body []byte) ([]byte, bool) {
	r, err := gzip.NewReader(bytes.NewReader(body))
	if err != nil {
		return nil, false
	}
	const most = 16 << 20
	plain, err := io.ReadAll(io.LimitReader(r, most))
	return plain, err == nil
}

// spacing is how an encoder separates what it writes.
type spacing struct{ indent, item, colon string }

// escapes are what an encoder escapes in texts beyond what it must, or whether
// it keeps them as they are.
type escapes struct{ keep, html, ascii, slash bool }

// encodings yields body in the ways in which usual encoders write JSON. The
// order of keys stays as it is.
func encodings(body []byte) iter.Seq2[string, []byte] {
	spacings := []spacing{
		{"", ",", ":"},   // JSON.stringify, json.Marshal
		{"", ", ", ": "}, // json.dumps
		{"  ", ",", ": "}, {"    ", ",", ": "}, {"\t", ",", ": "},
	}
	styles := []escapes{{keep: true}, {}, {html: true}, {ascii: true}, {slash: true}, {ascii: true, slash: true}}

	return func(yield func(string, []byte) bool) {
		for _, style := range styles {
			for _, space := range spacings {
				if !yield("its JSON was re-encoded", encode(body, space, style)) {
					return
				}
			}
		}
	}
}

// encode writes valid JSON anew. Numbers stay as they are written.
func encode(body []byte, space spacing, style escapes) []byte {
	var out bytes.Buffer
	depth := 0
	line := func() {
		if space.indent != "" {
			out.WriteString("\n" + strings.Repeat(space.indent, depth))
		}
	}

	for i := 0; i < len(body); {
		switch c := body[i]; c {
		case ' ', '\t', '\r', '\n':
			i++
		case '{', '[':
			out.WriteByte(c)
			i++
			if next := skipSpace(body, i); next < len(body) && (body[next] == '}' || body[next] == ']') {
				out.WriteByte(body[next])
				i = next + 1
				continue
			}
			depth++
			line()
		case '}', ']':
			depth--
			line()
			out.WriteByte(c)
			i++
		case ',':
			out.WriteString(space.item)
			line()
			i++
		case ':':
			out.WriteString(space.colon)
			i++
		case '"':
			end := endOfString(body, i)
			writeString(&out, body[i:end], style)
			i = end
		default:
			out.WriteByte(c)
			i++
		}
	}
	return out.Bytes()
}

func skipSpace(body []byte, i int) int {
	for i < len(body) && strings.IndexByte(" \t\r\n", body[i]) >= 0 {
		i++
	}
	return i
}

// endOfString returns the index behind the string that begins at i.
func endOfString(body []byte, i int) int {
	for i++; i < len(body); i++ {
		switch body[i] {
		case '\\':
			i++
		case '"':
			return i + 1
		}
	}
	return len(body)
}

// writeString writes a string of valid JSON with other escapes.
func writeString(out *bytes.Buffer, quoted []byte, style escapes) {
	var text string
	if style.keep || json.Unmarshal(quoted, &text) != nil {
		out.Write(quoted)
		return
	}

	out.WriteByte('"')
	for _, r := range text {
		switch {
		case r == '"' || r == '\\' || r == '/' && style.slash:
			out.WriteByte('\\')
			out.WriteRune(r)
		case r == '\n':
			out.WriteString(`\n`)
		case r == '\r':
			out.WriteString(`\r`)
		case r == '\t':
			out.WriteString(`\t`)
		case r == '\b':
			out.WriteString(`\b`)
		case r == '\f':
			out.WriteString(`\f`)
		case r < ' ', style.html && strings.ContainsRune("<>&\u2028\u2029", r), style.ascii && r >= utf8.RuneSelf:
			for _, unit := range utf16.Encode([]rune{r}) {
				fmt.Fprintf(out, `\u%04x`, unit)
			}
		default:
			out.WriteRune(r)
		}
	}
	out.WriteByte('"')
}

// sorted reports whether the keys of an object with several are in order.
func sorted(body []byte) bool {
	decoder := json.NewDecoder(bytes.NewReader(body))
	if open, err := decoder.Token(); err != nil || open != json.Delim('{') {
		return false
	}

	var keys []string
	for decoder.More() {
		key, err := decoder.Token()
		if err != nil {
			return false
		}
		var value json.RawMessage
		if err := decoder.Decode(&value); err != nil {
			return false
		}
		keys = append(keys, key.(string))
	}
	return len(keys) > 2 && slices.IsSorted(keys)
}
