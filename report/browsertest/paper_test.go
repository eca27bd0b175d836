package browsertest

import (
	"bytes"
	"cmp"
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestPaper prints pages on A4 and Letter, from a dark screen. Courses break
// between their rows, so they leave no sheet half empty.
func TestPaper(t *testing.T) {
	ctx, site := tab(t), newSite(t)
	for _, paper := range []struct {
		name          string
		width, height float64 // inches
		most          map[string]int
	}{
		{"a4", 8.27, 11.69, map[string]int{"courses": 4, "both": 6}},
		{"letter", 8.5, 11, map[string]int{"courses": 4, "both": 6}},
	} {
		for _, name := range names {
			t.Run(name+"_"+paper.name, func(t *testing.T) {
				require.NoError(t, chromedp.Do(ctx, look{"dark", 360}.as(), chromedp.Navigate(site.URL+"/"+name)))
				pdf, err := chromedp.Run(ctx, printed(paper.width, paper.height))
				require.NoError(t, err)

				assert.True(t, bytes.HasPrefix(pdf, []byte("%PDF-")))
				sheets := bytes.Count(pdf, []byte("/Type /Page\n"))
				assert.Positive(t, sheets)
				assert.LessOrEqual(t, sheets, cmp.Or(paper.most[name], 3))
				if pictures := os.Getenv("SCREENSHOTS"); pictures != "" {
					require.NoError(t, os.WriteFile(filepath.Join(pictures, name+"_"+paper.name+".pdf"), pdf, 0o600))
				}
			})
		}
	}
}

func printed(width, height float64) chromedp.Action[[]byte] {
	return func(ctx context.Context, tab *chromedp.Target) ([]byte, error) {
		result, err := cdp.Call(ctx, tab, page.PrintToPDF, page.PrintToPDFParams{PaperWidth: width,
			PaperHeight: height})
		if err != nil {
			return nil, err
		}
		return result.Data, nil
	}
}
