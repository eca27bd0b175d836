package report

import (
	"regexp"

	"github.com/microcosm-cc/bluemonday"
)

// policy is what may stand in the body of a report: text, its structure and
// links by https. It starts from nothing. No element loads anything, and none
// has a style or an id. Markers come after it.
var policy = newPolicy()

func newPolicy() *bluemonday.Policy {
	p := bluemonday.NewPolicy()
	p.AllowElements(
		"p", "br", "hr", "h2", "h3", "h4", "h5", "h6", "em", "strong", "code", "pre", "blockquote", "ul", "ol", "li",
		"table", "thead", "tbody", "tr", "th", "td", "bdi",
	)
	allow := func(attribute, pattern string, elements ...string) {
		p.AllowAttrs(attribute).Matching(regexp.MustCompile(`\A(?:` + pattern + `)\z`)).OnElements(elements...)
	}

	allow("dir", "auto", "p", "h2", "h3", "h4", "h5", "h6", "ul", "ol", "blockquote", "pre", "table")
	allow("start", "[0-9]{1,9}", "ol")
	allow("value", "[0-9]{1,9}", "li")
	allow("scope", "col", "th")
	allow("class", "helios-scroll", "div")
	allow("role", "region", "div")
	allow("tabindex", "0", "div")
	allow("href", `https://[-.a-z0-9]+(?::[0-9]+)?(?:[/?#][-!#$%&()*+,./0-9:;=?@A-Z\[\]_a-z~]*)?`, "a")
	allow("rel", "noopener noreferrer", "a")
	p.AllowAttrs("aria-label").OnElements("div")
	return p
}
