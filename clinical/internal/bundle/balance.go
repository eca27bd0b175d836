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
	arrays   [maxDepth / 64]uint64
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
	i := 0
	if b.inString {
		i = b.string(p, 0)
		if b.inString {
			return i, false
		}
		if b.depth == 0 {
			return i, true
		}
	}

	for i < len(p) {
		switch classes[p[i]] {
		case plain:
			i++
		case quote:
			b.inString = true
			i = b.string(p, i+1)
			if b.inString {
				return i, false
			}
			if b.depth == 0 {
				return i, true
			}
		case opening:
			b.open(p[i] == '[')
			i++
		case closing:
			if !b.close(p[i] == ']') {
				b.bad = true
				return i, false
			}
			i++
			if b.depth == 0 {
				return i, true
			}
		}
	}

	return i, false
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

func (b *balance) open(array bool) {
	if b.depth < maxDepth {
		word, bit := b.depth/64, uint64(1)<<(b.depth%64)
		if array {
			b.arrays[word] |= bit
		} else {
			b.arrays[word] &^= bit
		}
	}
	b.depth++
}

func (b *balance) close(array bool) bool {
	if b.depth == 0 {
		return false
	}
	b.depth--
	return b.depth >= maxDepth || (b.arrays[b.depth/64]>>(b.depth%64)&1 == 1) == array
}
