package report

import (
	"fmt"
	"net/url"
	"regexp"
	"strings"
	"unicode/utf8"

	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/parser"
	"github.com/yuin/goldmark/text"
	"github.com/yuin/goldmark/util"
)

// maxURL bounds a link, in bytes.
const maxURL = 2048

// hostPattern holds a name in ASCII with at least one dot and a top level of
// letters: no address in numbers, and no name of an internal machine.
var hostPattern = regexp.MustCompile(`^([a-z0-9]([a-z0-9-]*[a-z0-9])?\.)+([a-z]{2,}|xn--[a-z0-9-]+)(:[0-9]{1,5})?$`)

// safeURL returns the link to raw and the host that it leads to, or false for
// anything but https with a host and without userinfo.
func safeURL(raw string) (href, host string, ok bool) {
	raw = strings.TrimSpace(raw)
	if len(raw) < len("https://") || len(raw) > maxURL || !strings.EqualFold(raw[:8], "https://") {
		return "", "", false
	}
	if strings.ContainsFunc(raw, func(r rune) bool {
		return r <= ' ' || strings.ContainsRune("\\\"'<>`{}|^", r) || isRefused(r) || r == '\uFFFD'
	}) {
		return "", "", false
	}

	u, err := url.Parse(raw)
	if err != nil || u.User != nil || u.Opaque != "" {
		return "", "", false
	}
	u.Scheme, u.Host = "https", strings.ToLower(u.Host)
	if len(u.Host) > 255 || !hostPattern.MatchString(u.Host) {
		return "", "", false
	}
	href = escapeQuery(u.String())
	host = u.Host
	if rest, found := strings.CutPrefix(host, "www."); found && strings.Contains(rest, ".") {
		host = rest
	}
	return href, host, len(href) <= 2*maxURL && strings.HasPrefix(href, "https://"+u.Host)
}

// escapeQuery encodes what a URL has that is not ASCII, as browsers do; package
// url leaves it alone in a query.
func escapeQuery(href string) string {
	if !strings.ContainsFunc(href, func(r rune) bool { return r >= utf8.RuneSelf }) {
		return href
	}
	var out strings.Builder
	for i := range len(href) {
		if c := href[i]; c >= utf8.RuneSelf {
			fmt.Fprintf(&out, "%%%02X", c)
		} else {
			out.WriteByte(c)
		}
	}
	return out.String()
}

var kindLink = ast.NewNodeKind("HeliosLink")

// link is a link that may be followed. Its children are its text.
type link struct {
	ast.BaseInline
	href, host string // "" where it is refused
	title      string // stands behind the text
}

func (l *link) Kind() ast.NodeKind            { return kindLink }
func (l *link) Dump(source []byte, level int) { ast.DumpHelper(l, source, level, nil, nil) }

var kindBracket = ast.NewNodeKind("HeliosBracket")

// bracket is a [ or ![ that may begin a link. It is text if it does not.
type bracket struct {
	ast.BaseInline
	segment  text.Segment
	image    bool
	inactive bool     // it is in front of a link, and links hold no links
	bottom   ast.Node // the last delimiter before it
}

func (b *bracket) Kind() ast.NodeKind            { return kindBracket }
func (b *bracket) Dump(source []byte, level int) { ast.DumpHelper(b, source, level, nil, nil) }

// linkParser parses inline links, images and <https://...>. It takes the place
// of goldmark's, which needs quadratic time for brackets that are not closed,
// and for which [1]: https://example.org elsewhere would make a link of every
// [1].
type linkParser struct{}

func (linkParser) Trigger() []byte { return []byte{'[', ']', '!', '<'} }

func (p linkParser) Parse(_ ast.Node, block text.Reader, pc parser.Context) ast.Node {
	s := stateOf(pc)
	line, segment := block.PeekLine()
	switch line[0] {
	case '<':
		return p.parseAngle(line, segment, block, s)
	case '!':
		if len(line) < 2 || line[1] != '[' {
			return nil
		}
		return p.open(segment.WithStop(segment.Start+2), block, pc)
	case '[':
		return p.open(segment.WithStop(segment.Start+1), block, pc)
	}
	return p.closeBracket(line, block, pc)
}

func (linkParser) open(segment text.Segment, block text.Reader, pc parser.Context) ast.Node {
	s := stateOf(pc)
	if len(s.brackets) == maxBrackets {
		s.report(TooDeep)
		return nil
	}

	b := &bracket{segment: segment, image: segment.Len() == 2}
	if last := pc.LastDelimiter(); last != nil {
		b.bottom = last
	}
	s.brackets = append(s.brackets, b)
	block.Advance(segment.Len())
	return b
}

func (linkParser) closeBracket(line []byte, block text.Reader, pc parser.Context) ast.Node {
	s := stateOf(pc)
	if len(s.brackets) == 0 {
		return nil
	}
	b := s.brackets[len(s.brackets)-1]
	s.brackets = s.brackets[:len(s.brackets)-1]

	t := inlineTarget(line[1:])
	if t.length == 0 || b.inactive {
		ast.MergeOrReplaceTextSegment(b.Parent(), b, b.segment)
		return nil
	}
	block.Advance(1 + t.length)

	l := &link{title: cleanLine(unescape(t.title), s.where, s.issues)}
	parser.ProcessDelimiters(b.bottom, pc)
	for child := b.NextSibling(); child != nil; {
		next := child.NextSibling()
		l.AppendChild(l, child)
		child = next
	}
	b.Parent().RemoveChild(b.Parent(), b)
	l.SetPos(b.segment.Start)

	if b.image {
		s.report(ImageRefused)
		return l
	}
	for _, outer := range s.brackets {
		outer.inactive = outer.inactive || !outer.image
	}
	l.href, l.host, _ = safeURL(unescape(t.destination))
	if l.href == "" || !isNamed(l, block.Source()) {
		l.href = ""
		s.report(LinkRefused)
	}
	return l
}

// target is "(destination)" or "(destination "title")", as it is written.
type target struct {
	destination, title []byte
	length             int // of the whole
}

// inlineTarget returns the target at the beginning of line; its length is 0 if
// there is none.
func inlineTarget(line []byte) (t target) {
	if len(line) == 0 || line[0] != '(' {
		return target{}
	}
	line = line[:min(len(line), 2*maxURL)]
	i := 1 + spaces(line[1:])

	start, open := i, 0
	if i < len(line) && line[i] == '<' {
		for i++; i < len(line) && line[i] != '>' && line[i] != '<' && line[i] != '\n'; i++ {
		}
		if i == len(line) || line[i] != '>' {
			return target{}
		}
		t.destination = line[start+1 : i]
		i++
	} else {
		for ; i < len(line) && line[i] > ' ' && (line[i] != ')' || open > 0); i++ {
			switch line[i] {
			case '\\':
				if i+1 < len(line) && util.IsPunct(line[i+1]) {
					i++
				}
			case '(':
				open++
			case ')':
				open--
			}
			if open > maxBrackets {
				return target{}
			}
		}
		i = min(i, len(line))
		t.destination = line[start:i]
	}

	after := i
	i += spaces(line[i:])
	if i > after && i < len(line) && strings.IndexByte(`"'(`, line[i]) >= 0 {
		closer := line[i]
		if closer == '(' {
			closer = ')'
		}
		i++
		begin := i
		for ; i < len(line) && line[i] != closer; i++ {
		}
		t.title = line[begin:i]
		i = min(i+1, len(line))
		i += spaces(line[i:])
	}
	if i >= len(line) || line[i] != ')' {
		return target{}
	}
	t.length = i + 1
	return t
}

func spaces(line []byte) (n int) {
	for n < len(line) && (line[n] == ' ' || line[n] == '\t') {
		n++
	}
	return n
}

// isNamed reports whether the text of a link says in words where it leads. A
// number would look like the marker of a source; and a link around a marker
// would take its place.
func isNamed(l *link, source []byte) bool {
	words := false
	marked := false
	_ = ast.Walk(l, func(n ast.Node, entering bool) (ast.WalkStatus, error) {
		switch n := n.(type) {
		case *marker:
			marked = true
		case *ast.Text:
			if entering && hasLetter(nodeText(n, source)) {
				words = true
			}
		}
		return ast.WalkContinue, nil
	})
	return words && !marked
}

// parseAngle parses <https://...>, which is a link, and <br>, which is a line
// break. Other tags are text, and reported.
func (linkParser) parseAngle(line []byte, segment text.Segment, block text.Reader, s *state) ast.Node {
	if len(line) < 3 || !isTagStart(line[1]) {
		return nil
	}
	end := 1
	for limit := min(len(line), maxURL); end < limit && line[end] != '>' && line[end] != '<'; end++ {
	}
	if end == len(line) || line[end] != '>' {
		return nil
	}

	inside := string(line[1:end])
	if strings.EqualFold(strings.TrimRight(inside, " /"), "br") {
		block.Advance(end + 1)
		n := ast.NewTextSegment(segment.WithStop(segment.Start))
		n.SetHardLineBreak(true)
		return n
	}

	href, host, ok := safeURL(inside)
	if !ok {
		s.report(RawHTML)
		return nil
	}
	l := &link{href: href, host: host}
	l.AppendChild(l, ast.NewRawTextSegment(text.NewSegment(segment.Start+1, segment.Start+end)))
	block.Advance(end + 1)
	return l
}

func isTagStart(c byte) bool {
	return c == '/' || c == '!' || c == '?' || c|0x20 >= 'a' && c|0x20 <= 'z'
}

// CloseBlock makes text of the brackets that no link has closed.
func (linkParser) CloseBlock(_ ast.Node, _ text.Reader, pc parser.Context) {
	s := stateOf(pc)
	for _, b := range s.brackets {
		ast.MergeOrReplaceTextSegment(b.Parent(), b, b.segment)
	}
	s.endBlock()
}
