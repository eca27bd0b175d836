// Command pagelint reports lines of Go files that are too long, and phrases
// that this repository does not use.
//
//	pagelint PATH...
//
// A path is a Go file, or a directory, which is searched to the bottom;
// testdata and generated files are left out. It exits with 1 if it reports
// anything.
package main

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

func main() {
	found, err := lint(os.Args[1:])
	for _, f := range found {
		fmt.Println(f)
	}

	if err != nil {
		fmt.Fprintln(os.Stderr, "pagelint:", err)
		os.Exit(2)
	}

	if len(found) > 0 {
		fmt.Fprintln(os.Stderr, "pagelint:", len(found), "found")
		os.Exit(1)
	}
}

// lint returns what it finds in the files at paths. A path without Go files is
// an error, so that a moved directory does not go unchecked.
func lint(paths []string) ([]finding, error) {
	var all []finding

	for _, path := range paths {
		files, err := goFiles(path)
		if err != nil {
			return nil, err
		}
		if len(files) == 0 {
			return nil, fmt.Errorf("%s has no Go files", path)
		}

		for _, file := range files {
			src, err := os.ReadFile(file)
			if err != nil {
				return nil, err
			}

			found, err := check(file, src)
			if err != nil {
				return nil, err
			}
			all = append(all, found...)
		}
	}
	return all, nil
}

func goFiles(path string) ([]string, error) {
	var files []string

	err := filepath.WalkDir(path, func(p string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && entry.Name() == "testdata":
			return filepath.SkipDir
		case !entry.IsDir() && strings.HasSuffix(p, ".go"):
			files = append(files, p)
		}
		return nil
	})
	return files, err
}
