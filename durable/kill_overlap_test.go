package durable

import (
	"os"
	command "os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// overlapping are commits whose processes may be at work beside this one's
// during a deployment: the release before this one, and what has changed the
// tables since.
var overlapping = []struct {
	name, commit string
	tells        bool // it has HandleEnd
}{
	{"the last of the first tables", "112264d", false},
	{"the first of the present tables", "1a16a38", true},
}

// buildRelease builds the program in testdata with the source of a commit.
// Where the commit is not to be had, in a shallow clone or an archive, the test
// is skipped.
func buildRelease(t *testing.T, commit string) string {
	t.Helper()
	root, err := filepath.Abs("..")
	require.NoError(t, err)
	if output, err := command.CommandContext(t.Context(), "git", "-C", root, "cat-file", "-e",
		commit+"^{commit}").CombinedOutput(); err != nil {
		t.Skipf("git does not have commit %s here, as in a shallow clone: %s", commit, output)
	}

	dir := t.TempDir()
	archive := filepath.Join(dir, "source.tar")
	run := func(in, name string, args ...string) {
		t.Helper()
		cmd := command.CommandContext(t.Context(), name, args...)
		cmd.Dir, cmd.Env = in, append(os.Environ(), "GOWORK=off", "GOFLAGS=-buildvcs=false")
		output, err := cmd.CombinedOutput()
		require.NoError(t, err, "%s %v: %s", name, args, output)
	}
	run(root, "git", "archive", "-o", archive, commit)
	source := filepath.Join(dir, "source")
	require.NoError(t, os.Mkdir(source, 0o700))
	run(source, "tar", "-xf", archive)
	module := filepath.Join(source, "durable")
	require.NoError(t, os.CopyFS(filepath.Join(module, "overlap"), os.DirFS(filepath.Join("testdata", "overlap"))))
	program := filepath.Join(dir, "overlap")
	run(module, "go", "build", "-ldflags", "-s -w", "-o", program, "./overlap")
	return program
}

// TestKill_Overlap runs a process of an older release beside one of this one,
// as in a deployment that replaces the processes one by one: the older is there
// first, this one migrates the tables while it works, both submit the same
// keys, send them and are called by the service. What either has taken is sent
// once and ended, and what either has received is handled. At last the older
// ones leave.
func TestKill_Overlap(t *testing.T) {
	needsKill(t)
	t.Parallel()
	for _, release := range overlapping {
		t.Run(release.name, func(t *testing.T) {
			t.Parallel()
			program := buildRelease(t, release.commit)
			t.Run("beside this one", func(t *testing.T) {
				onEachStore(t, func(t *testing.T, k kind) {
					f := newFleet(t, k)
					f.order.Keys, f.order.Overlap = 25, true
					f.untold = !release.tells
					f.program = program
					f.start()
					f.waitForRequests(1)
					f.program = ""
					f.start()
					f.start()
					f.waitForEnd()
					f.stop()
					f.check()
				})
			})
		})
	}
}
