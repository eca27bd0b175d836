package fhir

import (
	"hash/maphash"
	"strings"
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

// reference says which resource is meant. See https://hl7.org/fhir/R4/references.html
type reference struct {
	kind referenceKind
	// text is the URL without a version; for contained, the id.
	text string
	// tail is the type and id at the end of a relative or absolute one: "Patient/123".
	tail string
	// hash stands for what is not kept: the contained resource, the identifier or the name.
	hash uint64
}

// parseReference reads a URL of a reference.
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
	if slash := strings.LastIndexByte(s, '/'); slash > 0 && isID([]byte(s[slash+1:])) {
		from := strings.LastIndexByte(s[:slash], '/') + 1
		if kind := s[from:slash]; resourceTypes[kind] != "" {
			if from == 0 {
				return reference{kind: relative, text: s, tail: s}
			}
			if strings.Contains(s, "://") {
				return reference{kind: absolute, text: s, tail: s[from:]}
			}
		}
	}
	return reference{kind: opaque, text: s}
}

// target returns the type of what is referred to, if the reference tells it.
func (r *reference) target() string {
	kind, _, _ := strings.Cut(r.tail, "/")
	return kind
}

// reference reads a Reference, with what is shown for it. Identifiers and names are not kept but hashed, to tell one from another.
func (d *decoder) reference(seed maphash.Seed) (r reference, display string) {
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
			identifier = d.identifier(seed)
		default:
			d.skip()
		}
	})
	switch r = parseReference(url); {
	case r.kind != noReference:
	case identifier != 0:
		r = reference{kind: logical, hash: identifier}
		if resourceTypes[typ] != "" {
			r.tail = typ + "/"
		}
	case display != "":
		r = reference{kind: named, hash: maphash.String(seed, display)}
	}
	return r, display
}

// identifier reads an Identifier and returns its hash, 0 if it has no value.
func (d *decoder) identifier(seed maphash.Seed) uint64 {
	var system, value string
	d.object(func(key []byte) {
		switch string(key) {
		case "system":
			system = d.string()
		case "value":
			value = d.text()
		default:
			d.skip()
		}
	})
	if value == "" {
		return 0
	}
	return maphash.String(seed, system+"\x00"+value) | 1
}

// key returns a hash under which a resource that is referred to can be found; 0 for none.
func (r *reference) key(seed maphash.Seed) uint64 {
	if r.text == "" || r.kind == contained {
		return 0
	}
	return maphash.String(seed, r.text)
}

// keysOf returns the hashes under which others find a resource: of its fullUrl and of its type and id.
func keysOf(seed maphash.Seed, r *resource) [2]uint64 {
	var keys [2]uint64
	if r.fullURL != "" {
		full := parseReference(r.fullURL)
		keys[0] = full.key(seed)
	}
	if r.id != "" {
		var h maphash.Hash
		h.SetSeed(seed)
		_, _ = h.WriteString(r.kind)
		_ = h.WriteByte('/')
		_, _ = h.WriteString(r.id)
		keys[1] = h.Sum64()
	}
	return keys
}
