package main

import (
	"archive/zip"
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/mod/modfile"
)

const corePath = "github.com/heliosai/helios-go"

func TestRelease(t *testing.T) {
	dir := sample(t)
	origin := t.TempDir()
	git(t, origin, "init", "--quiet", "--bare")
	git(t, dir, "remote", "add", "origin", origin)

	require.NoError(t, run(t.Context(), []string{"-C", dir, "-n", "durable/v0.1.0", "v1.2.0"}, io.Discard))
	assert.Empty(t, git(t, dir, "tag"), "-n changes nothing")
	assert.Empty(t, git(t, dir, "status", "--porcelain"))

	require.NoError(t, run(t.Context(), []string{"-C", dir, "durable/v0.1.0", "v1.2.0"}, io.Discard))
	assert.Equal(t, "durable/v0.1.0\nv1.2.0\n", git(t, dir, "tag"))
	assert.Empty(t, git(t, dir, "status", "--porcelain"))
	assert.Empty(t, git(t, origin, "for-each-ref"), "nothing is pushed unasked")
	for _, tag := range []string{"v1.2.0", "durable/v0.1.0"} {
		assert.Contains(t, git(t, dir, "show", tag+":durable/go.mod"), corePath+" v1.2.0\n")
		assert.Contains(t, git(t, dir, "show", tag+":durable/go.mod"), "replace "+corePath+" => ../\n")
	}

	t.Run("a module alone requires the newest core", func(t *testing.T) {
		changelog(t, dir, "## durable/v0.2.0 - 2026-11-02")
		require.NoError(t, run(t.Context(), []string{"-C", dir, "-push", "durable/v0.2.0"}, io.Discard))

		assert.Contains(t, git(t, origin, "show", "durable/v0.2.0:durable/go.mod"), corePath+" v1.2.0\n")
		assert.Equal(t, "durable/v0.2.0\n", git(t, origin, "tag"))
		assert.Equal(t, git(t, dir, "rev-parse", "HEAD"), git(t, origin, "rev-parse", "main"))
	})
	t.Run("a tag that only origin has", func(t *testing.T) {
		git(t, dir, "tag", "--delete", "durable/v0.2.0")
		err := run(t.Context(), []string{"-C", dir, "durable/v0.2.0"}, io.Discard)
		assert.ErrorContains(t, err, "durable/v0.2.0 exists already")
	})
	t.Run("a core that the module does not build with", func(t *testing.T) {
		write(t, dir, "helios.go", "package helios\n\nconst Version = \"1.2.0\"\n\nconst New = 1\n")
		write(t, dir, "durable/durable.go", "package durable\n\nimport \""+corePath+"\"\n\nconst _ = helios.New\n")
		changelog(t, dir, "## durable/v0.3.0 - 2026-11-03")
		err := run(t.Context(), []string{"-C", dir, "durable/v0.3.0"}, io.Discard)
		assert.ErrorContains(t, err, "undefined: helios.New")
		assert.NotContains(t, git(t, dir, "tag"), "durable/v0.3.0")
	})
}

func TestRelease_refused(t *testing.T) {
	t.Parallel()

	tests := map[string]struct {
		change func(t *testing.T, dir string)
		tags   string
		want   string
	}{
		"no tag":               {nil, "", "no tag is given"},
		"no version":           {nil, "v1.2", `"v1.2" is no version`},
		"no such module":       {nil, "report/v1.0.0", "go.work has no module in report"},
		"a major version of 2": {nil, "v2.0.0", `should be v0 or v1`},
		"one module twice":     {nil, "v1.2.0 v1.2.1", "two versions of one module"},
		"without its core":     {nil, "durable/v0.1.0", "requires " + corePath + ", of which no version exists"},
		"another branch": {func(t *testing.T, dir string) {
			git(t, dir, "checkout", "--quiet", "-b", "topic")
		}, "v1.2.0", "not on topic"},
		"a changed file": {func(t *testing.T, dir string) {
			write(t, dir, "helios.go", "package helios\n\nconst Version = \"1.2.0\"\n\n")
		}, "v1.2.0", "the tree is not clean:\n M helios.go"},
		"a new file": {func(t *testing.T, dir string) {
			write(t, dir, "new.go", "package helios\n")
		}, "v1.2.0", "the tree is not clean:\n?? new.go"},
		"a version that exists": {func(t *testing.T, dir string) {
			git(t, dir, "tag", "v1.2.0")
		}, "v1.2.0", "v1.2.0 exists already"},
		"another Version": {func(t *testing.T, dir string) {
			changelog(t, dir, "## v1.3.0 - 2026-11-03")
		}, "v1.3.0", "helios.go has Version v1.2.0, the tag is v1.3.0"},
		"no heading": {func(t *testing.T, dir string) {
			changelog(t, dir, "## Unreleased")
		}, "v1.2.0", `CHANGELOG.md has no heading "## v1.2.0 - `},
		"a heading without a date": {func(t *testing.T, dir string) {
			changelog(t, dir, "## v1.2.0 - soon")
		}, "v1.2.0", "CHANGELOG.md: the date of v1.2.0"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := sample(t)
			if test.change != nil {
				test.change(t, dir)
			}
			before := git(t, dir, "for-each-ref") + git(t, dir, "status", "--porcelain")

			err := run(t.Context(), append([]string{"-C", dir, "-push"}, strings.Fields(test.tags)...), io.Discard)
			require.ErrorContains(t, err, test.want)
			assert.Equal(t, before, git(t, dir, "for-each-ref")+git(t, dir, "status", "--porcelain"))
		})
	}
}

// TestRelease_this_repository releases every module of the workspace from a
// copy, so each of them is got and built as a customer does.
func TestRelease_this_repository(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("builds every module from a module proxy")
	}
	repo, err := open(t.Context(), ".")
	require.NoError(t, err)
	src, err := os.ReadFile(filepath.Join(repo.root, "helios.go"))
	require.NoError(t, err)
	version := versionConst.FindStringSubmatch(string(src))
	require.NotNil(t, version)

	var tags []string
	for _, m := range repo.modules {
		if m.dir == "." {
			tags = append(tags, "v"+version[1])
		} else {
			tags = append(tags, m.tag("v0.99.0"))
		}
	}

	dir := t.TempDir()
	for name := range strings.SplitSeq(git(t, repo.root, "ls-files", "-z", "-co", "--exclude-standard"), "\x00") {
		if data, err := os.ReadFile(filepath.Join(repo.root, name)); err == nil && name != "" {
			write(t, dir, name, string(data))
		}
	}
	initialize(t, dir)
	changelog(t, dir, "## "+strings.Join(tags, ", ")+" - 2026-11-01")

	var out strings.Builder
	require.NoError(t, run(t.Context(), append([]string{"-C", dir}, tags...), &out))
	for _, tag := range tags {
		assert.Contains(t, out.String(), tag+": built ")
	}
	assert.ElementsMatch(t, tags, strings.Fields(git(t, dir, "tag")))
	assert.Equal(t, "v"+version[1], strings.Fields(out.String())[0][:len(version[1])+1], "the core is first")

	for _, m := range repo.modules {
		text := git(t, dir, "show", "HEAD:"+path.Join(m.dir, "go.mod"))
		goMod, err := modfile.ParseLax("go.mod", []byte(text), nil)
		require.NoError(t, err)
		for _, require := range goMod.Require {
			if require.Mod.Path == corePath {
				assert.Equal(t, "v"+version[1], require.Mod.Version, m.path)
			}
		}
	}

	// An archive takes its time: the core's, and that of a module that requires
	// others of the repository, which its go.mod replaces.
	for i, tag := range tags {
		if m := repo.modules[i]; m.dir == "." || m.dir == "otel" {
			archive(t, dir, tag, m.path)
		}
	}
}

// archive makes what GitHub shows beside a tag.
func archive(t *testing.T, dir, tag, path string) {
	t.Helper()
	to := t.TempDir()
	cmd := exec.CommandContext(t.Context(), "bash", filepath.Join(dir, ".ci", "archive"), tag, to)
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s", out)

	sums, err := filepath.Glob(filepath.Join(to, "*.sha256sums"))
	require.NoError(t, err)
	require.Len(t, sums, 1)
	cmd = exec.CommandContext(t.Context(), "sha256sum", "--check", "--strict", filepath.Base(sums[0]))
	cmd.Dir = to
	verified, err := output(cmd)
	require.NoError(t, err)
	assert.Equal(t, 2, strings.Count(verified, ": OK\n"), verified)

	data, err := os.ReadFile(strings.TrimSuffix(sums[0], ".sha256sums") + ".cdx.json")
	require.NoError(t, err)
	var bill struct {
		Metadata struct {
			Component struct{ Name, Version string }
		}
		Components []struct{ Name, Version string }
	}
	require.NoError(t, json.Unmarshal(data, &bill))
	assert.Equal(t, path, bill.Metadata.Component.Name)
	assert.Equal(t, tag[strings.LastIndex(tag, "/")+1:], bill.Metadata.Component.Version)
	assert.NotEmpty(t, bill.Components)
	for _, component := range bill.Components {
		assert.NotEmpty(t, component.Version, component.Name)
	}
}

// TestProxy_tagged: what a release requires is got from its tag, not the tree.
func TestProxy_tagged(t *testing.T) {
	t.Parallel()
	dir, proxy := sample(t), t.TempDir()
	git(t, dir, "tag", "v1.1.0")
	write(t, dir, "later.go", "package helios\n")

	require.NoError(t, run(t.Context(), []string{"-C", dir, "-proxy", proxy, "durable/v0.1.0"}, io.Discard))
	at := filepath.Join(proxy, filepath.FromSlash(corePath))
	assert.FileExists(t, filepath.Join(at, "@v", "v1.1.0.zip"))
	goMod, err := os.ReadFile(filepath.Join(at, "durable", "@v", "v0.1.0.mod"))
	require.NoError(t, err)
	assert.Contains(t, string(goMod), corePath+" v1.1.0\n")
	assert.NotContains(t, list(t, filepath.Join(at, "@v", "v1.1.0.zip")), "later")
}

// sample returns a repository of a core and of one module that requires it.
func sample(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	write(t, dir, "go.work", "go 1.26.0\n\nuse (\n\t./durable\n\t.\n)\n")
	write(t, dir, "go.mod", "module "+corePath+"\n\ngo 1.26.0\n")
	write(t, dir, "helios.go", "package helios\n\nconst Version = \"1.2.0\"\n")
	write(t, dir, "durable/go.mod", "module "+corePath+"/durable\n\ngo 1.26.0\n\nrequire "+corePath+" v0.0.0\n\n"+
		"replace "+corePath+" => ../\n")
	write(t, dir, "durable/durable.go", "package durable\n\nimport _ \""+corePath+"\"\n")
	initialize(t, dir)
	changelog(t, dir, "## v1.2.0, durable/v0.1.0 - 2026-11-01")
	return dir
}

func initialize(t *testing.T, dir string) {
	t.Helper()
	git(t, dir, "init", "--quiet", "--initial-branch", "main")
	for name, value := range map[string]string{
		"user.name": "test", "user.email": "test@example.com", "commit.gpgSign": "false", "tag.gpgSign": "false",
	} {
		git(t, dir, "config", name, value)
	}
}

// changelog commits all there is, with a CHANGELOG of one heading.
func changelog(t *testing.T, dir, heading string) {
	t.Helper()
	write(t, dir, "CHANGELOG.md", "# Changelog\n\n"+heading+"\n\n- All of it.\n")
	git(t, dir, "add", "--all")
	git(t, dir, "commit", "--quiet", "--message", heading)
}

func write(t *testing.T, dir, name, text string) {
	t.Helper()
	path := filepath.Join(dir, filepath.FromSlash(name))
	require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o750))
	require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
}

func git(t *testing.T, dir string, args ...string) string {
	t.Helper()
	out, err := output(exec.CommandContext(t.Context(), "git", append([]string{"-C", dir}, args...)...))
	require.NoError(t, err)
	return out
}

func list(t *testing.T, archive string) string {
	t.Helper()
	reader, err := zip.OpenReader(archive)
	require.NoError(t, err)
	defer reader.Close()

	var names []string
	for _, f := range reader.File {
		names = append(names, f.Name)
	}
	return strings.Join(names, "\n")
}
