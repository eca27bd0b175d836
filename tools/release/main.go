// Command release makes the tags of new versions of this repository's modules.
//
//	release [-n] [-push] TAG...
//	release -proxy DIRECTORY TAG...
//
// A tag names a module and its version: v1.2.0 the core, durable/v0.3.0 the
// module in durable. It checks that the versions are new, that the CHANGELOG
// has them and that the tree is clean; makes the modules require each other's
// new versions; builds them as a customer would; commits the go.mod files; and
// tags. Nothing leaves this machine without -push.
//
// With -proxy it only writes what customers would get into a directory, as a
// module proxy: GOPROXY=file://DIRECTORY.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()

	if err := run(ctx, os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "release:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, out io.Writer) error {
	flags := flag.NewFlagSet("release", flag.ContinueOnError)
	dir := flags.String("C", ".", "the repository")
	dryRun := flags.Bool("n", false, "check and build, and change nothing")
	push := flags.Bool("push", false, "push main and the tags, all or none")
	proxy := flags.String("proxy", "", "only write a module proxy into this `directory`")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if flags.NArg() == 0 {
		return errors.New("no tag is given: v1.2.0, durable/v0.3.0")
	}

	repo, err := open(ctx, *dir)
	if err != nil {
		return err
	}
	releases, err := plan(ctx, repo, flags.Args())
	if err != nil {
		return err
	}
	if *proxy != "" {
		return writeProxy(ctx, repo, releases, *proxy)
	}

	if err := check(ctx, repo, releases); err != nil {
		return err
	}
	if err := tryOut(ctx, repo, releases, out); err != nil {
		return err
	}
	if *dryRun {
		for _, r := range releases {
			fmt.Fprintln(out, "would tag", r.tag())
		}
		return nil
	}

	if err := publish(ctx, repo, releases); err != nil {
		return err
	}
	command := append([]string{"push", "--atomic", "origin", "HEAD:refs/heads/main"}, tags(releases)...)
	if *push {
		_, err := repo.git(ctx, command...)
		return err
	}
	fmt.Fprintln(out, "tagged; to publish: git", command)
	return nil
}
