package main

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/heliosai/helios-go"
	"github.com/heliosai/helios-go/durable"
)

// place is where stores are made: a directory of SQLite files, or a PostgreSQL
// database with its schemas.
type place interface {
	name() string
	kind() string // of what a store is
	// open opens an engine on a store, which it makes if it is not there. A nil
	// client is one that is never used.
	open(ctx context.Context, store string, client *helios.Client, opts ...durable.Option) (*durable.Engine, error)
	// bare makes a store with one table and returns its INSERT, which commits
	// by itself: with the engine's settings, and as many connections.
	bare(ctx context.Context, store string) (insert func(ctx context.Context, body []byte) error, err error)
	// fill adds rows to the tables of an engine's store, behind its back.
	fill(ctx context.Context, store string, tables ...table) error
	// settle brings the planner's statistics up to date after fill.
	settle(ctx context.Context, store string) error
	// drop removes a store, which nobody may use any more.
	drop(ctx context.Context, store string) error
	// close removes all that is left, also after ctx has ended.
	close(ctx context.Context) error
}

// newReceiver makes a receiver that takes the deliveries of this program.
func newReceiver() (*helios.Receiver, error) {
	return helios.NewReceiver(helios.WithWebhookSecret(secret), helios.WithTolerance(time.Hour))
}

// newClient makes a client for the service at a URL.
func newClient(url string) (*helios.Client, error) {
	return helios.NewClient(helios.WithAPIKey("bench"), helios.WithBaseURL(url),
		helios.WithWebhookURL(url+"/webhook/helios"), helios.WithMaxRetries(0))
}

// nowhere is a URL at which nobody is.
const nowhere = "http://127.0.0.1:9"

// fileSystem returns the type of the file system that a directory lies in, or
// "" where that is not known.
func fileSystem(dir string) string {
	mounts, err := os.Open("/proc/self/mounts")
	if err != nil {
		return ""
	}
	defer func() { _ = mounts.Close() }()
	kind, longest := "", ""
	lines := bufio.NewScanner(mounts)
	for lines.Scan() {
		fields := strings.Fields(lines.Text()) // device, mount point, type
		if len(fields) < 3 || len(fields[1]) < len(longest) {
			continue
		}
		inside, err := filepath.Rel(fields[1], dir)
		if err == nil && inside != ".." && !strings.HasPrefix(inside, "../") {
			kind, longest = fields[2], fields[1]
		}
	}
	return kind
}

// onDisk makes a directory for files that must outlive a loss of power.
func onDisk() (string, error) {
	for _, parent := range []string{os.TempDir(), "."} {
		absolute, err := filepath.Abs(parent)
		if err != nil {
			return "", err
		}
		if !slices.Contains([]string{"tmpfs", "ramfs"}, fileSystem(absolute)) {
			return os.MkdirTemp(absolute, "helios-bench-")
		}
	}
	return "", fmt.Errorf("both %s and the current directory are in memory; set TMPDIR to a directory on a disk",
		os.TempDir())
}

// syncTime is how long it takes to write a body to a file and to sync it: what
// no commit can be faster than.
func syncTime(dir string) (time.Duration, error) {
	f, err := os.Create(filepath.Join(dir, "sync"))
	if err != nil {
		return 0, err
	}
	defer func() { _ = f.Close() }()
	body := make([]byte, bodySize)
	var times []time.Duration
	for range 100 {
		start := time.Now()
		if _, err := f.Write(body); err != nil {
			return 0, err
		}
		if err := f.Sync(); err != nil {
			return 0, err
		}
		times = append(times, time.Since(start))
	}
	return quantile(times, 0.5), nil
}
