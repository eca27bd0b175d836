package main

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"sync"

	"github.com/heliosai/helios-go"
)

// archive keeps events in files, each as it arrived. They hold health data, so
// only the user may read them.
type archive struct {
	dir string
	mu  sync.Mutex
}

// newArchive makes a new directory in parent. That it can is known before a run
// is paid.
func newArchive(parent string) (*archive, error) {
	dir, err := os.MkdirTemp(parent, "helios-events-")
	if err != nil {
		return nil, fmt.Errorf("there is no place for the result: %w", err)
	}
	return &archive{dir: dir}, nil
}

// save writes an event to a file of its own and returns the file's name. A
// duplicate has the name of the first, which is not written again.
func (a *archive) save(event *helios.Event) (string, error) {
	sum := sha256.Sum256(event.Raw)
	name := filepath.Join(a.dir, fmt.Sprintf("%s-%x.json", url.QueryEscape(event.RunID), sum[:8]))

	a.mu.Lock()
	defer a.mu.Unlock()
	file, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return name, nil
	}
	if err != nil {
		return "", err
	}

	_, err = file.Write(event.Raw)
	if err := errors.Join(err, file.Sync(), file.Close()); err != nil {
		_ = os.Remove(name) // half an event must not pass for a whole one
		return "", err
	}
	return name, nil
}

// removeIfEmpty removes the directory if nothing was saved.
func (a *archive) removeIfEmpty() { _ = os.Remove(a.dir) } // fails otherwise
