package durable

import (
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestTransitions_Documented: the documentation of State draws what the
// statements do, no arrow more and none less.
func TestTransitions_Documented(t *testing.T) {
	t.Parallel()
	file, err := parser.ParseFile(token.NewFileSet(), "transitions.go", nil, parser.ParseComments)
	require.NoError(t, err)
	var documented []string
	for _, group := range file.Comments {
		if !strings.HasPrefix(group.Text(), "State is") {
			continue
		}
		for _, line := range regexp.MustCompile(`(?m)^\t(\w+) +-> (.+)$`).FindAllStringSubmatch(group.Text(), -1) {
			for to := range strings.SplitSeq(line[2], ", ") {
				documented = append(documented, line[1]+" -> "+to)
			}
		}
	}
	slices.Sort(documented)

	var made []string
	for _, tr := range transitions {
		for _, from := range tr.from {
			if from != tr.to { // a reason that changes is no transition
				made = append(made, string(from)+" -> "+string(tr.to))
			}
		}
	}
	slices.Sort(made)
	assert.Equal(t, slices.Compact(made), documented)
}

// TestTransitions_Alone: no statement outside transitions.go changes a state.
func TestTransitions_Alone(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("*.go")
	require.NoError(t, err)
	changesState := regexp.MustCompile(`(?s)(UPDATE|INSERT INTO|DELETE FROM) \{submissions\}[^` + "`" + `]*`)
	setsState := regexp.MustCompile(`^INSERT|^DELETE|\bSET\b([^` + "`" + `]*?,)?\s*state =`)
	for _, name := range files {
		if name == "transitions.go" || strings.HasSuffix(name, "_test.go") {
			continue
		}
		source, err := os.ReadFile(name)
		require.NoError(t, err)
		for _, statement := range changesState.FindAllString(string(source), -1) {
			head, _, _ := strings.Cut(statement, "WHERE")
			assert.False(t, setsState.MatchString(head), "%s: %s", name, statement)
		}
	}
}
