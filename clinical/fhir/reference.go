package fhir

import (
	"strings"

	"github.com/heliosai/helios-go/clinical/internal/labs"
)

type referenceKind int

const (
	noReference referenceKind = iota
	relative                  // "Patient/123"
	absolute                  // "https://example.org/fhir/Patient/123"
	opaque                    // "urn:uuid:...", or another URL
	contained                 // "#p1": a resource inside of the one that refers to it
	logical                   // an identifier instead of a reference
	named                     // a name only
)

// See https://hl7.org/fhir/R4/references.html
type reference struct {
	kind referenceKind
	// text is an opaque URL without version, or the id of a contained one.
	text string
	// base is the server, "https://example.org/fhir/", and tail "Patient/123".
	base, tail string
	// hash stands for what is not kept: a contained resource, an identifier, a
	// name.
	hash uint64
}

func parseReference(s string) reference {
	s = strings.TrimSpace(s)
	if s == "" {
		return reference{}
	}
	if id, ok := strings.CutPrefix(s, "#"); ok {
		return reference{kind: contained, text: id}
	}
	s, _, _ = strings.Cut(s, "|")
	s, _, _ = strings.Cut(s, "/_history/")
	if slash := strings.LastIndexByte(s, '/'); slash > 0 && isID(s[slash+1:]) {
		from := strings.LastIndexByte(s[:slash], '/') + 1
		if kind := s[from:slash]; resourceTypes[kind] {
			if from == 0 {
				return reference{kind: relative, tail: s}
			}
			if strings.Contains(s, "://") {
				return reference{kind: absolute, base: s[:from], tail: s[from:]}
			}
		}
	}

	return reference{kind: opaque, text: s}
}

func (r *reference) target() string {
	kind, _, _ := strings.Cut(r.tail, "/")
	return kind
}

func (r *reference) id() string {
	_, id, _ := strings.Cut(r.tail, "/")
	return id
}

// clone returns a reference that does not keep what it was read from.
func (r *reference) clone() reference {
	return reference{r.kind, strings.Clone(r.text), strings.Clone(r.base), strings.Clone(r.tail), r.hash}
}

func (r *reference) isLiteral() bool { return r.kind == relative || r.kind == absolute }

// same reports whether two references can be to one resource.
func (r *reference) same(other *reference) bool {
	if r.isLiteral() && other.isLiteral() {
		return r.tail == other.tail && (r.base == other.base || r.base == "" || other.base == "")
	}
	return r.kind == other.kind && r.hash == other.hash && strings.EqualFold(r.text, other.text)
}

// reference reads a Reference and its display. A relative one is of the server
// of the resource: see https://hl7.org/fhir/R4/bundle.html#references
func (d *decoder) reference() (r reference, display string) {
	var url, typ string
	var identifier uint64
	d.object(func(key []byte) {
		switch string(key) {
		case "reference":
			url = d.string()
		case "type":
			typ = d.string()
		case "display":
			display = d.string()
		case "identifier":
			identifier = d.identifier()
		}
	})

	switch r = parseReference(url); {
	case r.kind == relative && d.base != "":
		r.kind, r.base = absolute, d.base
	case r.kind != noReference:
	case identifier != 0:
		r = reference{kind: logical, hash: identifier}
		if resourceTypes[typ] {
			r.tail = typ + "/"
		}
	case display != "":
		r = reference{kind: named, hash: labs.Hash(display)}
	}

	return r, display
}

// identifier reads an Identifier and returns its hash, 0 if it has no value.
func (d *decoder) identifier() uint64 {
	var system, value string
	d.object(func(key []byte) {
		switch string(key) {
		case "system":
			system = d.string()
		case "value":
			value = d.text()
		}
	})

	if value == "" {
		return 0
	}
	return labs.Hash(system, value)
}

// References and what they refer to find each other in an index by common keys.
// They are on one server, or the server of one of them is not known.

// What a key begins with that is no server's.
const (
	onAnyServer  = "*" // the type and id of everything
	onNoneServer = "-" // the type and id of what does not tell its server
	noServer     = ""  // another URL
)

// keys returns the keys under which something is put into an index; 0 for none.
func (r *reference) keys() [2]uint64 {
	switch r.kind {
	case relative:
		return [2]uint64{labs.Hash(onNoneServer, r.tail), labs.Hash(onAnyServer, r.tail)}
	case absolute:
		return [2]uint64{labs.Hash(r.base, r.tail), labs.Hash(onAnyServer, r.tail)}
	case opaque:
		return [2]uint64{labs.Hash(noServer, r.text)}
	default:
	}
	return [2]uint64{}
}

func (r *reference) lookups() [2]uint64 {
	keys := r.keys()
	if r.kind == absolute {
		keys[1] = labs.Hash(onNoneServer, r.tail)
	}
	return keys
}
