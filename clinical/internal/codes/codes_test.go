package codes_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/heliosai/helios-go/clinical/internal/codes"
)

func TestGender(t *testing.T) {
	t.Parallel()
	for word, want := range map[string]string{
		"M": "male", "male": "male", "F": "female", "Female": "female", "W": "female", "O": "other", "A": "other",
		"U": "unknown", "": "", "Z": "", "m f": "",
	} {
		assert.Equal(t, want, codes.Gender(word), word)
	}
}

func TestSections_AreOfOneKind(t *testing.T) {
	t.Parallel()
	for code := range codes.Sections {
		assert.False(t, codes.OtherSections[code], code)
	}
	for code := range codes.VitalSigns {
		assert.False(t, codes.Comments[code] || codes.Questions[code] || codes.QuestionPanels[code], code)
	}
}

// loincForm is that of LOINC's codes.
var loincForm = regexp.MustCompile(`^\d{3,6}-\d$`)

// A code that one of the two formats lists by itself is a table that drifts.
func TestNoSecondTable(t *testing.T) {
	t.Parallel()
	for _, format := range []string{"fhir", "hl7v2"} {
		err := filepath.WalkDir(filepath.Join("..", "..", format), func(path string, _ fs.DirEntry, err error) error {
			if err != nil || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
				return err
			}
			file, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
			if err != nil {
				return err
			}
			for _, text := range literals(file) {
				sections := 0
				for word := range strings.FieldsSeq(text) {
					isLOINC := loincForm.MatchString(word) && !strings.HasPrefix(word, "8859-") // a character set
					assert.False(t, isLOINC, "%s lists the code %s of LOINC", path, word)
					if codes.OtherSections[word] {
						sections++
					}
				}
				assert.Less(t, sections, 3, "%s lists sections: %s", path, text)
			}
			return nil
		})
		require.NoError(t, err)
	}
}

// literals returns the texts in a file, those of one list as one.
func literals(file *ast.File) (all []string) {
	ast.Inspect(file, func(node ast.Node) bool {
		var inside []ast.Expr
		switch n := node.(type) {
		case *ast.CompositeLit:
			inside = n.Elts
		case *ast.CallExpr:
			inside = n.Args
		case *ast.BasicLit:
			inside = []ast.Expr{n}
		}
		var texts []string
		for _, expr := range inside {
			if pair, ok := expr.(*ast.KeyValueExpr); ok {
				expr = pair.Key
			}
			if lit, ok := expr.(*ast.BasicLit); ok && lit.Kind == token.STRING {
				if text, err := strconv.Unquote(lit.Value); err == nil {
					texts = append(texts, text)
				}
			}
		}
		all = append(all, strings.Join(texts, " "))
		return true
	})
	return all
}
