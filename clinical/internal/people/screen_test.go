package people_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/heliosai/helios-go/clinical"
	"github.com/heliosai/helios-go/clinical/internal/people"
)

func TestScreen(t *testing.T) {
	t.Parallel()
	s := &people.Screen{Set: *known()}
	redacting := &people.Screen{Set: *known(), Redact: func(text string) string {
		return strings.ReplaceAll(strings.ReplaceAll(text, "Zoë", "***"), "secret", " ")
	}}
	for _, tc := range []struct {
		name    string
		screen  *people.Screen
		text    string
		isTyped bool
		longest int
		is      people.Text
		want    clinical.Reason
		after   string
	}{
		{"nothing", s, "", true, people.MaxPhrase, people.Typed, "", ""},
		{"a result", s, "not detected", true, people.MaxPhrase, people.Typed, "", "not detected"},
		{"a name", s, "told Zoë", true, people.MaxPhrase, people.Typed, clinical.Identifying, "told Zoë"},
		{"a name in a terminology", s, "white cells", false, people.MaxPhrase, people.Coded, "", "white cells"},
		{"long", s, strings.Repeat("é", 201), true, people.MaxPhrase, people.Typed, clinical.Narrative, ""},
		{"just as long as can be", s, strings.Repeat("é", 200), true, people.MaxPhrase, people.Typed, "", ""},
		{"long in a terminology", s, strings.Repeat("x", 201), false, people.MaxPhrase, people.Coded, "", ""},
		{"two lines", s, "a\nb", true, people.MaxPhrase, people.Typed, clinical.Narrative, "a\nb"},
		{"two lines of instructions", s, "a\nb", true, 1000, people.Typed, "", "a\nb"},
		{"broken characters", s, "a\xffb", true, people.MaxPhrase, people.Typed, "", "a\ufffdb"},
		{"redacted", redacting, "told Zoë", true, people.MaxPhrase, people.Typed, "", "told ***"},
		{"redacted to nothing", redacting, "secret", true, people.MaxPhrase, people.Typed, clinical.Withheld, ""},
		{"not to be redacted", redacting, "secret", false, people.MaxPhrase, people.Coded, "", "secret"},
	} {
		text := tc.text
		assert.Equal(t, tc.want, tc.screen.Text(&text, tc.isTyped, tc.longest, tc.is), tc.name)
		if tc.after != "" {
			assert.Equal(t, tc.after, text, tc.name)
		}
	}

	assert.Empty(t, s.Unit("mmol/L"))
	assert.Equal(t, clinical.Identifying, s.Unit("mg Springfield"))
	assert.Equal(t, clinical.Narrative, s.Unit("mg\nper litre"))

	words, numbers := "told secret", "1-4"
	assert.Empty(t, redacting.Range(&words))
	assert.Equal(t, "told", words)
	assert.Empty(t, redacting.Range(&numbers))
}
