// Package diagnosis explains why a delivery is refused: which header, which
// secret, what was done to the body, how far off the clock is. Its texts hold
// no secret and no expected signature.
package diagnosis

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

const (
	signatureHeader = "X-Helios-Signature"
	timestampHeader = "X-Helios-Timestamp"
	prefix          = "sha256="

	// Tolerance is how far off a timestamp may be, as the vendor documents it.
	Tolerance = 5 * time.Minute
)

// Problem is one reason for which a delivery is refused.
type Problem struct {
	What string `json:"what"` // "header", "signature", "body", "secret" or "clock"
	Text string `json:"text"`
}

// Finding is what is known of a delivery.
type Finding struct {
	// Secret says which secret signed it, from 1; 0 means none of them.
	Secret int `json:"secret"`
	// Off is how far the timestamp is behind the clock; it is negative if it is
	// ahead.
	Off      time.Duration `json:"offNs"`
	Problems []Problem     `json:"problems"`
}

func (f *Finding) add(what, format string, args ...any) {
	f.Problems = append(f.Problems, Problem{what, fmt.Sprintf(format, args...)})
}

// Examine looks at a delivery at the time now.
func Examine(body []byte, header http.Header, secrets []string, now time.Time) Finding {
	f := Finding{Problems: []Problem{}}
	given, ok := f.signature(header)
	if ok {
		f.sign(body, header, given, secrets)
	}
	f.clock(header, now)
	return f
}

// signature returns the one signature that is there, in its form.
func (f *Finding) signature(header http.Header) (sum []byte, ok bool) {
	values := header.Values(signatureHeader)
	switch {
	case len(values) == 0:
		f.missing(header, signatureHeader)
		return nil, false
	case len(values) > 1:
		f.add("header", "%s appears %d times: it must appear once", signatureHeader, len(values))
		return nil, false
	}

	value := values[0]
	digits, ok := strings.CutPrefix(value, prefix)
	if !ok {
		f.add("header", "%s does not start with %q", signatureHeader, prefix)
		return nil, false
	}
	sum, err := hex.DecodeString(digits)
	switch {
	case err != nil && len(digits) == base64.StdEncoding.EncodedLen(sha256.Size):
		f.add("header", "%s is base64: it must be lower-case hex", signatureHeader)
		return nil, false
	case err != nil && !errors.Is(err, hex.ErrLength):
		f.add("header", "%s is not hex after %q", signatureHeader, prefix)
		return nil, false
	case len(sum) != sha256.Size:
		f.add("header", "%s has %d hex digits: an HMAC-SHA256 has 64", signatureHeader, len(digits))
		return nil, false
	case digits != strings.ToLower(digits):
		f.add("header", "%s is in upper case: it must be lower-case hex", signatureHeader)
	}
	return sum, true
}

// missing reports a header that is not there, and those that look like it.
func (f *Finding) missing(header http.Header, name string) {
	var alike []string
	for other := range header {
		word := name[strings.LastIndex(name, "-")+1:]
		if strings.Contains(strings.ToLower(other), strings.ToLower(word)) {
			alike = append(alike, other)
		}
	}
	slices.Sort(alike)

	if len(alike) == 0 {
		f.add("header", "%s is missing: is it a delivery of Helios, and does each proxy pass the header on?", name)
		return
	}
	f.add("header", "%s is missing, there is %s: which service sent it?", name, strings.Join(alike, ", "))
}

// sign looks for what gives the signature: a secret, an alteration of the body,
// or another form of the secret.
func (f *Finding) sign(body []byte, header http.Header, given []byte, secrets []string) {
	matches := func(secret string, signed []byte) bool {
		mac := hmac.New(sha256.New, []byte(secret))
		mac.Write(signed)
		return hmac.Equal(mac.Sum(nil), given)
	}

	for i, secret := range secrets {
		if matches(secret, body) {
			f.Secret = i + 1
			return
		}
	}

	for _, candidate := range originals(body) {
		for i, secret := range secrets {
			if matches(secret, candidate.body) {
				f.Secret = i + 1
				f.add("body", "the body was changed on its way: %s. Verify the raw bytes, before anything parses them",
					candidate.change)
				return
			}
		}
	}

	timestamp := header.Get(timestampHeader)
	for i, secret := range secrets {
		if matches(secret, append([]byte(timestamp+"."), body...)) {
			f.Secret = i + 1
			f.add("signature", "the timestamp was signed with the body: Helios signs the body alone, "+
				"so this is another sender")
			return
		}
		for _, other := range forms(secret) {
			if matches(other.secret, body) {
				f.Secret = i + 1
				f.add("secret", "the secret has another form here: %s", other.change)
				return
			}
		}
	}

	text := "no secret gives this signature"
	if len(secrets) == 1 {
		text = "the secret does not give this signature"
	}
	text += ": it is another secret (was it regenerated?), or the body was changed in a way that cannot be undone"
	if sorted(body) {
		text += "; its keys are in alphabetical order, so something may have encoded it anew"
	}
	f.add("signature", "%s", text)
}

// form is another way to write a secret.
type form struct{ change, secret string }

func forms(secret string) []form {
	list := []form{{"it has white space around it", strings.TrimSpace(secret)}}
	if unquoted := strings.Trim(secret, `"'`); unquoted != secret {
		list = append(list, form{"it has quotes around it", unquoted})
	}
	for _, end := range []string{"\n", "\r\n"} {
		list = append(list, form{"the sender's has a line break at its end", secret + end})
	}

	rest := secret
	if _, after, ok := strings.Cut(secret, "_"); ok {
		rest = after
		list = append(list, form{"the sender's is without the part up to _", after})
	}
	if raw, err := hex.DecodeString(rest); err == nil {
		list = append(list, form{"the sender decodes it as hex", string(raw)})
	}
	if raw, err := base64.StdEncoding.DecodeString(rest); err == nil {
		list = append(list, form{"the sender decodes it as base64", string(raw)})
	}
	return list
}

// clock compares the timestamp with now.
func (f *Finding) clock(header http.Header, now time.Time) {
	values := header.Values(timestampHeader)
	switch {
	case len(values) == 0:
		f.missing(header, timestampHeader)
		return
	case len(values) > 1:
		f.add("header", "%s appears %d times: it must appear once", timestampHeader, len(values))
		return
	}

	seconds, err := strconv.ParseInt(values[0], 10, 64)
	if err != nil || seconds < 0 || values[0][0] == '+' || len(values[0]) > 18 {
		f.add("header", "%s is not a number of seconds since 1970", timestampHeader)
		return
	}
	f.Off = now.Sub(time.Unix(seconds, 0)).Truncate(time.Second)
	if f.Off.Abs() <= Tolerance {
		return
	}

	if alike := now.Sub(time.UnixMilli(seconds)).Abs(); alike <= 24*time.Hour {
		f.add("header", "%s is in milliseconds: it must be in seconds", timestampHeader)
		return
	}
	if f.Off > 0 {
		f.add("clock", "the delivery was sent %s ago by its %s, and %s are allowed: "+
			"it is an old one that was sent again, "+
			"or this clock is ahead (check NTP)", Span(f.Off), timestampHeader, Span(Tolerance))
		return
	}
	f.add("clock", "the delivery is from %s in the future by its %s, and %s are allowed: "+
		"this clock is behind (check NTP), "+
		"or the sender's is ahead", Span(-f.Off), timestampHeader, Span(Tolerance))
}

// Span writes a time as a person does: in days where it is longer than two.
func Span(d time.Duration) string {
	const day = 24 * time.Hour
	if d.Abs() >= 2*day {
		return fmt.Sprintf("%d days", d/day)
	}
	text := d.String()
	if d%time.Minute == 0 && d != 0 {
		text = strings.TrimSuffix(text, "0s")
	}
	if d%time.Hour == 0 && d != 0 {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}
