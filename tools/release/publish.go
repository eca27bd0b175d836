package main

import (
	"context"
	"os"
	"path"
	"strings"
)

// publish commits the go.mod files and tags the commit.
func publish(ctx context.Context, repo *repository, releases []release) error {
	add := []string{"add", "--"}
	for _, r := range releases {
		err := os.WriteFile(repo.file(r.module, "go.mod"), r.goMod, 0o644) // as git makes it
		if err != nil {
			return err
		}
		add = append(add, path.Join(r.dir, "go.mod"))
	}
	if _, err := repo.git(ctx, add...); err != nil {
		return err
	}

	changed, err := repo.git(ctx, "diff", "--cached", "--name-only")
	if err != nil {
		return err
	}
	if changed != "" {
		message := "Release " + strings.Join(tags(releases), ", ") +
			"\n\nThe modules require each other's new versions."
		if _, err := repo.git(ctx, "commit", "--quiet", "--message", message); err != nil {
			return err
		}
	}

	for _, r := range releases {
		if _, err := repo.git(ctx, "tag", "--annotate", "--message", r.path+" "+r.version, r.tag()); err != nil {
			return err
		}
	}
	return nil
}
