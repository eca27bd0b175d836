package report

import (
	"cmp"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/heliosai/helios-go"
)

// Source is a source of a report. Its texts are those of the result, cleaned
// and in one line each.
type Source struct {
	// Number is the one that markers use; 0 for a source that no marker can
	// name.
	Number int
	Title  string
	// Author, Publisher, Published and Type are optional; Published as it came.
	Author, Publisher, Published, Type string
	// Snippet is a part of its abstract, if there is one.
	Snippet string
	// URL is https, or "" where it cannot be linked. Host is the host that it
	// leads to.
	URL, Host string
	// DOI is without its resolver: "10.2337/dc24-S006".
	DOI string
	// Cited is how many markers name it.
	Cited int

	backlinks []int // ids of its markers
}

// DOIURL returns the link of the DOI, or "".
func (s *Source) DOIURL() string {
	if s.DOI == "" {
		return ""
	}
	return "https://doi.org/" + escapeDOI(s.DOI)
}

// sources are those of one audience.
type sources struct {
	list     []*Source // numbered ones first
	numbered map[int]*Source
	last     int   // the highest number
	missing  []int // numbers of markers without a source, in their order
}

func (s *sources) missed(number int) {
	const most = 100
	if len(s.missing) < most {
		s.missing = appendNumber(s.missing, number)
	}
}

// newSources reads citations, and reports at where those that cannot be named
// or linked.
func newSources(citations map[string]helios.Citation, where string, found *issues) *sources {
	all := &sources{numbered: make(map[int]*Source)}
	var others []*Source

	// "1" comes before "01", which is then taken.
	keys := slices.SortedFunc(maps.Keys(citations), func(a, b string) int {
		return cmp.Or(cmp.Compare(len(a), len(b)), cmp.Compare(a, b))
	})
	for i, key := range keys {
		number, err := strconv.Atoi(strings.Trim(strings.TrimSpace(key), "[]"))
		place := where + "[" + strconv.Itoa(number) + "]"
		if err != nil || number < 1 || number > maxNumber || all.numbered[number] != nil {
			number = 0
			place = where + "[<key " + strconv.Itoa(i+1) + ">]"
			found.add(place, NoNumber)
		}

		source := newSource(citations[key], place, found)
		source.Number = number
		if number == 0 {
			others = append(others, source)
			continue
		}
		all.numbered[number] = source
		all.list = append(all.list, source)
		all.last = max(all.last, number)
	}

	slices.SortFunc(all.list, func(a, b *Source) int { return cmp.Compare(a.Number, b.Number) })
	all.list = append(all.list, others...)
	return all
}

func newSource(c helios.Citation, where string, found *issues) *Source {
	m := &c.Metadata
	text := func(s string, most int) string {
		s = cleanLine(s, where, found)
		if runes := []rune(s); len(runes) > most {
			found.add(where, SourceCut)
			return string(runes[:most]) + "…"
		}
		return s
	}
	s := &Source{
		Title:  text(cmp.Or(c.Title, m.Title), 500),
		Author: text(m.Author, 300), Publisher: text(m.Source, 200), Published: text(m.PubDate, 40),
		Type: text(m.Type, 40), Snippet: text(m.AbstractSnippet, 1000),
		DOI: readDOI(m.DOI),
	}

	for _, raw := range [...]string{c.URL, m.URL} {
		if href, host, ok := safeURL(raw); ok && s.URL == "" {
			s.URL, s.Host = href, host
		}
	}
	if s.DOI == "" && s.Host == "doi.org" {
		s.DOI = readDOI(s.URL)
	}
	if s.URL == "" && s.DOI != "" {
		s.URL, s.Host = s.DOIURL(), "doi.org"
	}
	if s.URL == "" {
		found.add(where, SourceNotLinked)
	}
	s.Title = cmp.Or(s.Title, s.Host)
	return s
}

// doiPattern holds a DOI as Crossref recommends to match it, and the other
// characters that a suffix may have in a URL.
var doiPattern = regexp.MustCompile(`^10\.[0-9]{4,9}/[-._;()/:a-zA-Z0-9<>\[\]+&=#%]{1,200}$`)

// readDOI returns a DOI without "doi:" or a resolver, or "".
func readDOI(s string) string {
	s = strings.TrimSpace(s)
	for _, prefix := range [...]string{"https://doi.org/", "http://doi.org/", "https://dx.doi.org/",
		"http://dx.doi.org/", "doi:"} {
		if len(s) > len(prefix) && strings.EqualFold(s[:len(prefix)], prefix) {
			s = strings.TrimSpace(s[len(prefix):])
		}
	}
	if !doiPattern.MatchString(s) {
		return ""
	}
	return s
}

var doiEscaper = strings.NewReplacer("%", "%25", "#", "%23", "<", "%3C", ">", "%3E", "[", "%5B", "]", "%5D", "&", "%26")

func escapeDOI(doi string) string { return doiEscaper.Replace(doi) }

// isDOILink reports whether URL is that of the DOI, so that one link is enough.
func (s *Source) isDOILink() bool {
	return s.DOI != "" && (s.URL == s.DOIURL() || strings.EqualFold(readDOI(s.URL), s.DOI))
}
