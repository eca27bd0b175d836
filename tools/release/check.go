package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"time"
)

var (
	versionConst = regexp.MustCompile(`(?m)^const Version = "(.*)"$`)
	heading      = regexp.MustCompile(`(?m)^## (.+) - (\S+)$`)
)

// check returns the reasons against the releases, all of them.
func check(ctx context.Context, repo *repository, releases []release) error {
	return errors.Join(
		checkTree(ctx, repo),
		checkTags(ctx, repo, releases),
		checkChangelog(repo, releases),
		checkVersionConst(repo, releases),
	)
}

func checkTree(ctx context.Context, repo *repository) error {
	branch, err := repo.git(ctx, "rev-parse", "--abbrev-ref", "HEAD")
	if err != nil {
		return err
	}
	if branch = strings.TrimSpace(branch); branch != "main" {
		return fmt.Errorf("releases are made on main, not on %s", branch)
	}

	changed, err := repo.git(ctx, "status", "--porcelain")
	if err != nil {
		return err
	}
	if changed != "" {
		return fmt.Errorf("the tree is not clean:\n%s", changed)
	}
	return nil
}

// checkTags asks origin too: a tag that somebody else pushed is not here yet.
func checkTags(ctx context.Context, repo *repository, releases []release) error {
	here, err := repo.git(ctx, "tag", "--list")
	if err != nil {
		return err
	}
	taken := strings.Fields(here)

	remotes, err := repo.git(ctx, "remote")
	if err != nil {
		return err
	}
	if slices.Contains(strings.Fields(remotes), "origin") {
		there, err := repo.git(ctx, "ls-remote", "--tags", "origin")
		if err != nil {
			return err
		}
		for field := range strings.FieldsSeq(there) {
			taken = append(taken, strings.TrimSuffix(strings.TrimPrefix(field, "refs/tags/"), "^{}"))
		}
	}

	for _, tag := range tags(releases) {
		if slices.Contains(taken, tag) {
			return fmt.Errorf("%s exists already, and a version never changes", tag)
		}
	}
	return nil
}

// checkChangelog looks for the headings of the releases, such as
// "## v0.2.0, durable/v0.1.0 - 2026-12-24".
func checkChangelog(repo *repository, releases []release) error {
	text, err := os.ReadFile(repo.file(module{dir: "."}, "CHANGELOG.md"))
	if err != nil {
		return err
	}

	dates := map[string]string{}
	for _, match := range heading.FindAllStringSubmatch(string(text), -1) {
		for tag := range strings.SplitSeq(match[1], ", ") {
			dates[tag] = match[2]
		}
	}

	for _, tag := range tags(releases) {
		date, ok := dates[tag]
		if !ok {
			return fmt.Errorf("CHANGELOG.md has no heading \"## %s - %s\"", tag, time.Now().Format(time.DateOnly))
		}
		if _, err := time.Parse(time.DateOnly, date); err != nil {
			return fmt.Errorf("CHANGELOG.md: the date of %s: %w", tag, err)
		}
	}
	return nil
}

// checkVersionConst compares the core's version with the one that it sends in
// the User-Agent header.
func checkVersionConst(repo *repository, releases []release) error {
	core := slices.IndexFunc(releases, func(r release) bool { return r.dir == "." })
	if core < 0 {
		return nil
	}

	src, err := os.ReadFile(repo.file(releases[core].module, "helios.go"))
	if err != nil {
		return err
	}
	match := versionConst.FindSubmatch(src)
	if match == nil {
		return errors.New("helios.go has no const Version")
	}
	if version := "v" + string(match[1]); version != releases[core].version {
		return fmt.Errorf("helios.go has Version %s, the tag is %s", version, releases[core].version)
	}
	return nil
}
