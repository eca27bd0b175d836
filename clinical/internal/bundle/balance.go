package bundle

import "bytes"

// Deeper brackets are only counted.
const maxDepth = 4096

// balance finds the end of a JSON value that comes in pieces, without decoding
// or recursion.
type balance struct {
	depth    int
	inString bool
	escaped  bool // the last byte was a backslash that is not escaped itself
	bad      bool
	brackets []byte // that are open
}

func (b *balance) reset() { b.depth, b.inString, b.escaped, b.bad = 0, false, false, false }

const (
	plain = iota
	quote
	opening
	closing
)

var classes = [256]uint8{'"': quote, '{': opening, '[': opening, '}': closing, ']': closing}

// scan reads to the end of the value, if it is there. It may set bad.
func (b *balance) scan(p []byte) (n int, done bool) {
	for i := 0; ; i++ {
		if b.inString {
			if i = b.string(p, i); b.inString || b.depth == 0 {
				return i, !b.inString
			}
		}
		for i < len(p) && classes[p[i]] == plain {
			i++
		}
		if i == len(p) {
			return i, false
		}
		switch classes[p[i]] {
		case quote:
			b.inString = true
		case opening:
			b.open(p[i])
		case closing:
			if !b.close(p[i]) {
				b.bad = true
				return i, false
			}
			if b.depth == 0 {
				return i + 1, true
			}
		}
	}
}

func (b *balance) string(p []byte, i int) int {
	if b.escaped && i < len(p) {
		b.escaped = false
		i++
	}

	for i < len(p) {
		j := bytes.IndexByte(p[i:], '"')
		part := p[i:]
		if j >= 0 {
			part = p[i : i+j]
		}
		odd := trailingBackslashes(part)%2 == 1
		if j < 0 {
			b.escaped = odd
			return len(p)
		}
		i += j + 1
		if !odd {
			b.inString = false
			return i
		}
	}

	return i
}

func trailingBackslashes(p []byte) int {
	n := 0
	for n < len(p) && p[len(p)-1-n] == '\\' {
		n++
	}
	return n
}

func (b *balance) open(bracket byte) {
	if b.depth < maxDepth {
		b.brackets = append(b.brackets[:b.depth], bracket)
	}
	b.depth++
}

func (b *balance) close(bracket byte) bool {
	if b.depth == 0 {
		return false
	}
	b.depth--
	return b.depth >= maxDepth || b.brackets[b.depth] == bracket-2 // as [ and ], { and } are in ASCII
}
