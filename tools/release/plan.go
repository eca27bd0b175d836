package main

import (
	"context"
	"fmt"
	"slices"

	"golang.org/x/mod/modfile"
	gomodule "golang.org/x/mod/module"
	"golang.org/x/mod/semver"
)

// A release is a new version of a module.
type release struct {
	module

	version string
	goMod   []byte // with what it requires of this repository
}

func (r release) tag() string { return r.module.tag(r.version) }

func tags(releases []release) []string {
	all := make([]string, len(releases))
	for i, r := range releases {
		all[i] = r.tag()
	}
	return all
}

// plan returns the releases that tags name, each after those that it requires.
// A module is made to require the versions released with it; of modules that
// are not, it requires the newest version that is tagged.
func plan(ctx context.Context, repo *repository, tags []string) ([]release, error) {
	var releases []release
	versions := map[string]string{} // by module path

	for _, tag := range tags {
		m, version, err := repo.find(tag)
		if err != nil {
			return nil, err
		}
		if semver.Canonical(version) != version {
			return nil, fmt.Errorf("%s: %q is no version: v1.2.3", tag, version)
		}
		if err := gomodule.Check(m.path, version); err != nil {
			return nil, fmt.Errorf("%s: %w", tag, err)
		}
		if versions[m.path] != "" {
			return nil, fmt.Errorf("%s: two versions of one module", tag)
		}

		versions[m.path] = version
		releases = append(releases, release{module: m, version: version})
	}

	for _, m := range repo.modules {
		tagged, err := repo.versions(ctx, m)
		if err != nil {
			return nil, err
		}
		if versions[m.path] == "" && len(tagged) > 0 {
			versions[m.path] = tagged[len(tagged)-1]
		}
	}

	requires := map[string][]string{}
	for i, r := range releases {
		mod, err := repo.goMod(r.module)
		if err != nil {
			return nil, err
		}
		requires[r.path], err = bump(repo, mod, versions)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", r.tag(), err)
		}
		if releases[i].goMod, err = mod.Format(); err != nil {
			return nil, err
		}
	}
	return inOrder(releases, requires), nil
}

// bump makes a go.mod require the given versions of this repository's modules,
// and returns the paths of those.
func bump(repo *repository, mod *modfile.File, versions map[string]string) ([]string, error) {
	var required []string

	for _, require := range mod.Require {
		path := require.Mod.Path
		if !slices.ContainsFunc(repo.modules, func(m module) bool { return m.path == path }) {
			continue
		}
		if versions[path] == "" {
			return nil, fmt.Errorf("it requires %s, of which no version exists: release that too", path)
		}
		required = append(required, path)
	}

	for _, path := range required {
		if err := mod.AddRequire(path, versions[path]); err != nil {
			return nil, err
		}
	}
	return required, nil
}

// inOrder returns the releases with those that others require before them. go
// refuses modules that import each other, so there is always a next one.
func inOrder(releases []release, requires map[string][]string) []release {
	var ordered []release

	for len(releases) > 0 {
		next := slices.IndexFunc(releases, func(r release) bool {
			return !slices.ContainsFunc(releases, func(other release) bool {
				return other.path != r.path && slices.Contains(requires[r.path], other.path)
			})
		})
		next = max(next, 0)
		ordered = append(ordered, releases[next])
		releases = slices.Delete(releases, next, next+1)
	}
	return ordered
}
