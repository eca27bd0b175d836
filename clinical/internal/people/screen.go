package people

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/heliosai/helios-go/clinical"
)

// MaxPhrase is how many characters a name, a unit or a value in words can have.
// What is longer, or has several lines, is a narrative.
const MaxPhrase = 200

// Screen looks through texts before they are sent.
type Screen struct {
	Set
	// Redact changes or withholds what someone typed; nil changes nothing.
	Redact func(string) string
}

// Text looks through a text, lets the caller change what someone typed, and
// returns why the text is not sent.
func (s *Screen) Text(text *string, isTyped bool, longest int, is Text) clinical.Reason {
	if *text == "" {
		return ""
	}
	if isTyped && s.Redact != nil {
		*text = strings.TrimSpace(s.Redact(*text))
		if *text == "" {
			return clinical.Withheld
		}
	}

	*text = strings.ToValidUTF8(*text, "\ufffd")
	return s.why(*text, isTyped, longest, is)
}

func (s *Screen) why(text string, isTyped bool, longest int, is Text) clinical.Reason {
	switch {
	case isTyped && isNarrative(text, longest):
		return clinical.Narrative
	case s.Identifies(text, is):
		return clinical.Identifying
	}
	return ""
}

// Name looks through a name. In place of one that cannot be sent stands other,
// if there is one and it can be sent; instead says why.
func (s *Screen) Name(
	name *string, isTyped bool, is Text, other string, otherIs Text,
) (reason, instead clinical.Reason) {
	reason = s.Text(name, isTyped, MaxPhrase, is)
	if reason == "" || reason == clinical.Withheld || other == "" || s.Text(&other, false, MaxPhrase, otherIs) != "" {
		return reason, ""
	}
	*name = other
	return "", reason
}

// Unit looks through a unit, which is not given to Redact.
func (s *Screen) Unit(unit string) clinical.Reason { return s.why(unit, true, MaxPhrase, Unit) }

// Range looks through the text of a reference range, which someone typed if it
// has words.
func (s *Screen) Range(text *string) clinical.Reason {
	return s.Text(text, strings.ContainsFunc(*text, unicode.IsLetter), MaxPhrase, Typed)
}

// isNarrative reports whether a text is too long or has lines. Only
// instructions can have them.
func isNarrative(text string, longest int) bool {
	return len(text) > longest && utf8.RuneCountInString(text) > longest ||
		longest <= MaxPhrase && strings.ContainsAny(text, "\n\r")
}
