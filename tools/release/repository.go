package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/mod/modfile"
	"golang.org/x/mod/semver"
)

// A repository is a checkout with the modules of its go.work: those that
// customers can use.
type repository struct {
	root    string
	modules []module
}

// A module is one of the workspace.
type module struct {
	dir  string // beneath the root, with slashes; "." for the core
	path string
}

func open(ctx context.Context, dir string) (*repository, error) {
	repo := &repository{root: dir}
	root, err := repo.git(ctx, "rev-parse", "--show-toplevel")
	if err != nil {
		return nil, err
	}
	repo.root = strings.TrimSpace(root)

	name := filepath.Join(repo.root, "go.work")
	data, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	work, err := modfile.ParseWork(name, data, nil)
	if err != nil {
		return nil, err
	}

	for _, use := range work.Use {
		m := module{dir: path.Clean(use.Path)}
		mod, err := repo.goMod(m)
		if err != nil {
			return nil, err
		}
		m.path = mod.Module.Mod.Path
		repo.modules = append(repo.modules, m)
	}
	return repo, nil
}

// goMod returns the go.mod of a module as it stands in the tree.
func (repo *repository) goMod(m module) (*modfile.File, error) {
	name := repo.file(m, "go.mod")
	data, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	return modfile.Parse(name, data, nil)
}

func (repo *repository) file(m module, name string) string {
	return filepath.Join(repo.root, filepath.FromSlash(m.dir), name)
}

// find returns the module that a tag is of, and the version.
func (repo *repository) find(tag string) (module, string, error) {
	dir, version := path.Split(tag)
	for _, m := range repo.modules {
		if m.dir == path.Clean(dir) {
			return m, version, nil
		}
	}
	return module{}, "", fmt.Errorf("%s: go.work has no module in %s", tag, path.Clean(dir))
}

// versions returns the versions of a module that are tagged, oldest first.
func (repo *repository) versions(ctx context.Context, m module) ([]string, error) {
	out, err := repo.git(ctx, "tag", "--list", m.tag("v*"))
	if err != nil {
		return nil, err
	}

	var versions []string
	for tag := range strings.FieldsSeq(out) {
		version := strings.TrimPrefix(tag, m.tag(""))
		if semver.IsValid(version) {
			versions = append(versions, version)
		}
	}
	slices.SortFunc(versions, semver.Compare)
	return versions, nil
}

// tag returns the tag of a version of the module.
func (m module) tag(version string) string {
	if m.dir == "." {
		return version
	}
	return m.dir + "/" + version
}

func (repo *repository) git(ctx context.Context, args ...string) (string, error) {
	return output(exec.CommandContext(ctx, "git", append([]string{"-C", repo.root}, args...)...))
}

// output returns what a command prints. What it reports is in the error.
func output(cmd *exec.Cmd) (string, error) {
	var stderr strings.Builder
	cmd.Stderr = &stderr

	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("%s: %w\n%s", strings.Join(cmd.Args, " "), err, stderr.String())
	}
	return string(out), nil
}
