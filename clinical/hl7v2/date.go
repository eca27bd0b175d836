package hl7v2

import (
	"bytes"

	"github.com/heliosai/helios-go/clinical/internal/labs"
)

const maxTimestamp = 32

// timestamp returns YYYY[MM[DD[HH[MM[SS[.S]]]]]][+ZZZZ] in FHIR's form, as
// precise and in the zone as written; "" for what is no date.
func timestamp(b []byte) string {
	b = bytes.TrimSpace(b)
	if len(b) > maxTimestamp {
		return ""
	}

	var zone []byte
	if i := bytes.IndexAny(b, "+-"); i >= 0 {
		b, zone = b[:i], b[i:]
		if len(zone) != 5 || !digits(zone[1:]) {
			return ""
		}
	}

	whole, fraction, _ := bytes.Cut(b, []byte("."))
	if !digits(whole) || !digits(fraction) || len(whole) < 4 || len(whole) > 14 || len(whole)%2 != 0 {
		return ""
	}

	to := make([]byte, 0, 32)
	to = append(to, whole[:4]...)
	for i, before := range [5]byte{'-', '-', 'T', ':', ':'} {
		at := 4 + 2*i
		if at >= len(whole) {
			break
		}
		to = append(append(to, before), whole[at:at+2]...)
	}

	if date := string(to[:min(len(to), 10)]); !labs.ValidDate(date) || date[:4] == "0000" {
		return ""
	}
	if len(whole) == 14 && len(fraction) > 0 {
		to = append(append(to, '.'), fraction...)
	}
	if len(whole) > 8 && len(zone) > 0 {
		to = append(append(append(to, zone[:3]...), ':'), zone[3:]...)
	}
	return string(to)
}

// clock returns a time of day, HH[MM[SS[.S]]], with colons; "" if it is none.
func clock(b []byte) string {
	b = bytes.TrimSpace(b)
	if i := bytes.IndexAny(b, "+-."); i >= 0 {
		b = b[:i]
	}
	if !digits(b) || len(b) < 2 || len(b) > 6 || len(b)%2 != 0 {
		return ""
	}

	to := append(make([]byte, 0, 8), b[:2]...)
	for i := 2; i < len(b); i += 2 {
		to = append(append(to, ':'), b[i:i+2]...)
	}
	return string(to)
}

func digits(b []byte) bool {
	for _, c := range b {
		if !isDigit(c) {
			return false
		}
	}
	return true
}
