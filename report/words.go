package report

import (
	"embed"
	"encoding/json"
	"maps"
	"strings"
	"unicode"
)

// Words returns the fixed words of a built-in language by their keys: "en",
// "es" or "de", also with a region. For any other language it returns nil. The
// map is the caller's: translate one and pass it in [Options.Words].
//
// Placeholders in braces are replaced: {number}, {n}, {low}, {high}, {value},
// {date}.
func Words(language string) map[string]string {
	return maps.Clone(builtinWords[baseLanguage(language)])
}

func baseLanguage(language string) string {
	base, _, _ := strings.Cut(strings.ToLower(language), "-")
	return base
}

// isRightToLeft reports whether a language is written from right to left.
func isRightToLeft(language string) bool {
	switch baseLanguage(language) {
	case "ar", "arc", "ckb", "dv", "fa", "he", "iw", "ks", "ps", "sd", "ug", "ur", "yi":
		return true
	}
	return false
}

// words are those of one report.
type words map[string]string

// get returns a word, with pairs of what is replaced in it.
func (w words) get(key string, pairs ...string) string {
	if len(pairs) == 0 {
		return w[key]
	}
	return strings.NewReplacer(pairs...).Replace(w[key])
}

// values is get for values with units. In words that are written from right to
// left, marks of direction keep the order of sign, number and unit: -2 mmol/L
// is not to be read as 2-.
func (w words) values(key string, pairs ...string) string {
	const leftToRight, rightToLeft = "\u200e", "\u200f"
	if !strings.ContainsFunc(w[key], func(r rune) bool {
		return unicode.In(r, unicode.Hebrew, unicode.Arabic, unicode.Syriac, unicode.Thaana)
	}) {
		return w.get(key, pairs...)
	}
	for i := 1; i < len(pairs); i += 2 {
		pairs[i] = leftToRight + pairs[i] + leftToRight
	}
	return rightToLeft + w.get(key, pairs...)
}

// newWords returns the words of a language, those of the caller before the
// built-in ones, and English where both have none.
func newWords(language string, own map[string]string, found *issues) words {
	all := maps.Clone(builtinWords["en"])
	translated := builtinWords[baseLanguage(language)]
	maps.Copy(all, translated)

	for key := range all {
		if word := cleanLine(own[key], "Options.Words", found); word != "" {
			all[key] = word
		} else if translated == nil {
			found.add("Options.Words", MissingWord)
		}
	}
	return all
}

//go:embed words
var wordFiles embed.FS

var builtinWords = map[string]map[string]string{"en": readWords("en"), "es": readWords("es"), "de": readWords("de")}

func readWords(language string) map[string]string {
	var all map[string]string
	file, err := wordFiles.ReadFile("words/" + language + ".json")
	if err == nil {
		err = json.Unmarshal(file, &all)
	}
	if err != nil {
		panic("helios: report: words of " + language + ": " + err.Error()) // a fault of this package's own files
	}
	return all
}
