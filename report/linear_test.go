package report_test

import (
	"math"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

// hostileShapes are texts of about size bytes that cost some Markdown parser
// more than linear time, and others of their kind.
func hostileShapes() map[string]func(size int) string {
	shapes := make(map[string]func(int) string)
	for name, unit := range map[string]string{
		"quotes": ">", "quotes with spaces": "> ", "quotes with tabs": ">\t",
		"lines in quotes": strings.Repeat(">", 25) + " a\n",
		"lists":           "- ", "numbered lists": "1. ", "lists with tabs": "-\t", "items": "- a\n",
		"opening brackets": "[", "closing brackets": "]", "pairs of brackets": "[]", "images": "![",
		"links": "[a](https://a.example)", "open links": "[a](", "open angle links": "[a](<b", "open titles": `[a](b "`,
		"nested links": "[](", "open parentheses": "[]((", "links with emphasis": "[*x](https://a.example)",
		"definitions": "[a]: https://a.example\n",
		"emphasis":    "*a ", "two emphases": "*a _b ", "crossed emphasis": "*a_ ", "stars": "*", "underscores": "_a",
		"escaped backticks": "a\\```", "escaped backticks apart": "\\`` ", "missing ranges": "[6-42]",
		"backticks": "`", "entities": "&amp", "references": "&#x", "escapes": `\`,
		"angles": "<", "tags": "<a ", "comments": "<!--", "angle URLs": "<https://a", "breaks": "<br>",
		"markers": "[1]", "ranges": "[1-5]", "many ranges": "[1-40,1-40]", "ranges beside values": "4.1 mmol/L [3-5] ",
		"stars in words": "*Blut*druck", "missing markers": "[77]",
		"tables": "|a|\n|-|\n|b|\n\n", "rules of tables": "|-\n",
		"lines": "a\n", "hard breaks": "a  \n", "headings": "# a\n", "setext headings": "a\n-\n", "fences": "```\n",
		"bytes": "\xff", "NUL": "\x00", "overrides": "\u202e", "letters": "a",
	} {
		shapes[name] = func(size int) string { return strings.Repeat(unit, size/len(unit)) }
	}

	shapes["rising backticks"] = rising("`", "a")
	shapes["rising lists"] = rising(" ", "- a\n")
	shapes["spaces"] = func(size int) string { return "a" + strings.Repeat(" ", size) + "b" }
	shapes["lazy lines"] = func(size int) string {
		return strings.Repeat("> ", 20) + "a\n" + strings.Repeat("b\n", size/2)
	}
	shapes["short rows"] = func(size int) string { return "|a|b|\n|-|-|\n" + strings.Repeat("|\n", size/2) }
	shapes["pipes in code"] = func(size int) string {
		return "|a|b|\n|-|-|\n" + strings.Repeat("|`\\|`|\n", size/7)
	}
	shapes["wide tables"] = func(size int) string {
		n := size / 8
		return strings.Repeat("|a", n) + "\n" + strings.Repeat("|-", n) + "\n" + strings.Repeat("|\n", 2*n)
	}
	return shapes
}

// rising repeats unit once more in each part.
func rising(unit, last string) func(size int) string {
	return func(size int) string {
		var b strings.Builder
		for n := 1; b.Len() < size; n++ {
			b.WriteString(strings.Repeat(unit, n) + last)
		}
		return b.String()
	}
}

// TestLinearTime compares texts of which one is 16 times as long as the other.
// Quadratic time would be 256 times as much. A busy machine can disturb one
// comparison, so the best of several counts.
func TestLinearTime(t *testing.T) {
	const small, factor, most = 2 << 10, 16, 80
	for name, shape := range hostileShapes() {
		assert.Less(t, timesAsLong(t, shape, small, factor, most), float64(most),
			"%s: times as long for %d times as much", name, factor)
	}
}

// TestLinearTime_LongWords takes what only shows in long texts.
func TestLinearTime_LongWords(t *testing.T) {
	const small, factor, most = 512 << 10, 8, 24
	for name, unit := range map[string]string{"letters": "a", "no-break spaces": "\u00a0", "brackets": "["} {
		shape := func(size int) string { return strings.Repeat(unit, size/len(unit)) }
		assert.Less(t, timesAsLong(t, shape, small, factor, most), float64(most),
			"%s: times as long for %d times as much", name, factor)
	}
}

// timesAsLong returns how many times as long the report of a text takes as that
// of a shorter one; the best of several attempts, or the first below most.
func timesAsLong(t *testing.T, shape func(int) string, small, factor int, most float64) float64 {
	t.Helper()
	elapsed := func(markdown string) time.Duration {
		begin := time.Now()
		textOf(t, patientText(markdown), 80)
		return time.Since(begin)
	}

	short, long := shape(small), shape(small*factor)
	best := math.Inf(1)
	for range 5 {
		if best = min(best, float64(elapsed(long))/float64(elapsed(short))); best < most {
			break
		}
	}
	return best
}
