package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"strings"
	"time"

	gomodule "golang.org/x/mod/module"
	modzip "golang.org/x/mod/zip"
)

// writeProxy writes the releases, as they stand in the tree, and all tagged
// versions into a directory, laid out as `go help goproxy` says.
func writeProxy(ctx context.Context, repo *repository, releases []release, dir string) error {
	for _, m := range repo.modules {
		versions, err := repo.versions(ctx, m)
		if err != nil {
			return err
		}

		for _, version := range versions {
			goMod, err := repo.git(ctx, "show", m.tag(version)+":"+path.Join(m.dir, "go.mod"))
			if err != nil {
				return err
			}
			var archive bytes.Buffer
			id := gomodule.Version{Path: m.path, Version: version}
			subdir := strings.TrimPrefix(m.dir, ".")
			if err := modzip.CreateFromVCS(&archive, id, repo.root, m.tag(version), subdir); err != nil {
				return err
			}
			if err := writeVersion(dir, id, []byte(goMod), archive.Bytes()); err != nil {
				return err
			}
		}
	}

	for _, r := range releases {
		files, err := repo.files(ctx, r)
		if err != nil {
			return err
		}
		var archive bytes.Buffer
		id := gomodule.Version{Path: r.path, Version: r.version}
		if err := modzip.Create(&archive, id, files); err != nil {
			return err
		}
		if err := writeVersion(dir, id, r.goMod, archive.Bytes()); err != nil {
			return err
		}
	}
	return nil
}

func writeVersion(dir string, id gomodule.Version, goMod, archive []byte) error {
	escaped, err := gomodule.EscapePath(id.Path)
	if err != nil {
		return err
	}
	dir = filepath.Join(dir, filepath.FromSlash(escaped), "@v")
	if err := os.MkdirAll(dir, 0o750); err != nil {
		return err
	}

	list, err := os.OpenFile(filepath.Join(dir, "list"), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(list, id.Version)
	if closeErr := list.Close(); err == nil {
		err = closeErr
	}
	if err != nil {
		return err
	}

	info := fmt.Appendf(nil, `{"Version":%q,"Time":%q}`, id.Version, time.Now().UTC().Format(time.RFC3339))
	for suffix, data := range map[string][]byte{".info": info, ".mod": goMod, ".zip": archive} {
		if err := os.WriteFile(filepath.Join(dir, id.Version+suffix), data, 0o600); err != nil {
			return err
		}
	}
	return nil
}

// files returns what git has, or would add, in a module's directory. Files of
// modules beneath it are among them: zip leaves them out.
func (repo *repository) files(ctx context.Context, r release) ([]modzip.File, error) {
	out, err := repo.git(ctx, "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--", r.dir)
	if err != nil {
		return nil, err
	}

	var files []modzip.File
	for name := range strings.SplitSeq(strings.TrimSuffix(out, "\x00"), "\x00") {
		f := file{full: filepath.Join(repo.root, filepath.FromSlash(name)), path: name}
		if r.dir != "." {
			f.path = strings.TrimPrefix(name, r.dir+"/")
		}
		if f.path == "go.mod" {
			f.data = r.goMod
		}
		if _, err := os.Lstat(f.full); err == nil { // it may be deleted, and not yet committed
			files = append(files, f)
		}
	}
	return files, nil
}

// A file of a module. Its data, where it has some, stands in for what is in the
// tree.
type file struct {
	full string
	path string
	data []byte
}

func (f file) Path() string { return f.path }

func (f file) Lstat() (os.FileInfo, error) {
	info, err := os.Lstat(f.full)
	if err != nil || f.data == nil {
		return info, err
	}
	return sized{info, int64(len(f.data))}, nil
}

// sized is a file with another size than the one in the tree.
type sized struct {
	os.FileInfo
	size int64
}

func (s sized) Size() int64 { return s.size }

func (f file) Open() (io.ReadCloser, error) {
	if f.data != nil {
		return io.NopCloser(bytes.NewReader(f.data)), nil
	}
	return os.Open(f.full)
}
