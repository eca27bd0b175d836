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

// place is where stores are made: a directory of SQLite files, or a PostgreSQL database with its schemas.
type place interface {
	name() string
	kind() string // of what a store is
	// open opens an engine on a store, which it makes if it is not there.
	open(ctx context.Context, store string) (*durable.Engine, error)
	// bare makes a store with one table and returns its INSERT, which commits by itself: with the engine's settings, and as many connections.
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

// table is rows for a table.
type table struct {
	name    string
	columns []string
	rows    [][]any
}

// newReceiver makes a receiver that takes the deliveries of this program.
func newReceiver() (*helios.Receiver, error) {
	return helios.NewReceiver(helios.WithWebhookSecret(secret), helios.WithTolerance(time.Hour))
}

// newClient makes a client that is never used: nothing is submitted here.
func newClient() (*helios.Client, error) {
	return helios.NewClient(helios.WithAPIKey("bench"), helios.WithBaseURL("http://127.0.0.1:9"), helios.WithWebhookURL("http://127.0.0.1:9/webhook/helios"))
}

// storedRun is a run of a submission, as it is filled in.
type storedRun struct {
	key, id string
	events  [][]byte // the bodies, of number 1 first; if there are any the run is completed
}

// tablesOf are the rows that an engine would have written for runs, of which the first has the number first. Its River jobs are left out: those of
// handled events are deleted after an hour.
func tablesOf(runs []storedRun, first int) []table {
	now := time.Now().UnixMicro()
	submissions := table{name: "helios_submissions", columns: []string{
		"key", "agent", "state", "digest", "request", "reference", "run_id", "attempts", "created_at", "due_at", "submitted_at", "accepted_at", "ended_at", "slot_until",
	}}
	references := table{name: "helios_references", columns: []string{"reference", "key", "run_id", "created_at"}}
	events := table{name: "helios_events", columns: []string{
		"id", "run_id", "sequence_number", "discriminator", "final", "state", "body", "job_id", "received_at", "settled_at",
	}}
	digest, request := make([]byte, 48), make([]byte, 1<<10)
	for i, run := range runs {
		state, ended, slot := "accepted", any(nil), any(now+time.Hour.Microseconds())
		if len(run.events) > 0 {
			state, ended, slot = "completed", now, nil
		}
		reference := referenceOf(run.id)
		submissions.rows = append(submissions.rows, []any{run.key, "lab-results", state, digest, request, reference, run.id, 1, now, now, now, now, ended, slot})
		references.rows = append(references.rows, []any{reference, run.key, run.id, now})
		for n, body := range run.events {
			final := 0
			if n+1 == eventsPerRun {
				final = 1
			}
			id := (first+i)*eventsPerRun + n + 1 // below those that an engine gives, and rising as they do
			events.rows = append(events.rows, []any{id, run.id, n + 1, status(n + 1), final, "handled", body, 0, now, now})
		}
	}
	return []table{submissions, references, events}
}

// fileSystem returns the type of the file system that a directory lies in, or "" where that is not known.
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
		if inside, err := filepath.Rel(fields[1], dir); err == nil && inside != ".." && !strings.HasPrefix(inside, "../") {
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
	return "", fmt.Errorf("both %s and the current directory are in memory; set TMPDIR to a directory on a disk", os.TempDir())
}

// syncTime is how long it takes to write a body to a file and to sync it: what no commit can be faster than.
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
