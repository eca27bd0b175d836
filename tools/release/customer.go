package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// tryOut gets and builds each release as a customer does: in a module outside
// the tree, from a module proxy, without go.work and without a replacement.
func tryOut(ctx context.Context, repo *repository, releases []release, out io.Writer) error {
	dir, err := os.MkdirTemp("", "release")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)

	proxy := filepath.Join(dir, "proxy")
	if err := writeProxy(ctx, repo, releases, proxy); err != nil {
		return err
	}
	customer, err := newCustomer(ctx, dir, proxy)
	if err != nil {
		return err
	}

	for _, r := range releases {
		packages, err := customer.try(ctx, r)
		if err != nil {
			return fmt.Errorf("%s, as a customer gets it: %w", r.tag(), err)
		}
		fmt.Fprintf(out, "%s: built %d packages as a customer gets them\n", r.tag(), packages)
	}
	return nil
}

type customer struct {
	dir string
	env []string
}

// newCustomer returns a customer who has no module yet. What other modules
// need comes from this machine's cache if it is there.
func newCustomer(ctx context.Context, dir, proxy string) (*customer, error) {
	c := &customer{dir: dir, env: os.Environ()}
	settings, err := c.goTool(ctx, dir, "env", "GOMODCACHE", "GOPROXY")
	if err != nil {
		return nil, err
	}
	cache, upstream, _ := strings.Cut(strings.TrimSpace(settings), "\n")
	proxies := []string{"file://" + proxy, "file://" + filepath.Join(cache, "cache", "download"), upstream}

	c.env = append(c.env,
		"GOPROXY="+strings.Join(proxies, ","),
		"GONOSUMDB=github.com/heliosai/helios-go", // not published yet
		"GOMODCACHE="+filepath.Join(dir, "mod"),
		"GOBIN="+filepath.Join(dir, "bin"),
		"GOFLAGS=-modcacherw", // or it could not be removed
		"GOWORK=off",
	)
	return c, nil
}

// try builds a program that imports all packages of a release, and installs the
// module itself where it is a command. It returns how many packages there were.
func (c *customer) try(ctx context.Context, r release) (int, error) {
	app, err := os.MkdirTemp(c.dir, "app")
	if err != nil {
		return 0, err
	}
	if _, err := c.goTool(ctx, app, "mod", "init", "customer.example/app"); err != nil {
		return 0, err
	}
	if _, err := c.goTool(ctx, app, "get", r.path+"@"+r.version); err != nil {
		return 0, err
	}

	listed, err := c.goTool(ctx, app, "list", "-mod=mod", "-f", "{{.Name}} {{.ImportPath}}", r.path+"/...")
	if err != nil {
		return 0, err
	}
	packages := 0
	src := "package main\n\n"
	for line := range strings.Lines(listed) {
		name, path, _ := strings.Cut(strings.TrimSpace(line), " ")
		if name == "main" && path == r.path {
			packages++
			if _, err := c.goTool(ctx, app, "install", path+"@"+r.version); err != nil {
				return 0, err
			}
		}
		if name != "main" && !strings.Contains(path+"/", "/internal/") {
			packages++
			src += fmt.Sprintf("import _ %q\n", path)
		}
	}
	if packages == 0 {
		return 0, fmt.Errorf("%s has no package", r.path)
	}

	if err := os.WriteFile(filepath.Join(app, "main.go"), []byte(src+"\nfunc main() {}\n"), 0o600); err != nil {
		return 0, err
	}
	_, err = c.goTool(ctx, app, "build", "-mod=mod", "-trimpath", "-o", "app", ".")
	return packages, err
}

func (c *customer) goTool(ctx context.Context, dir string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Dir, cmd.Env = dir, c.env
	return output(cmd)
}
