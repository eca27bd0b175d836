package main

import (
	"context"
	"os"
	"runtime"
	"time"

	"github.com/jackc/pgx/v5"
)

// usage is what a process holds.
type usage struct {
	goroutines  int
	files       int // sockets included; -1 where the system does not tell
	connections int // to PostgreSQL, of this program; -1 without PostgreSQL
}

// measure looks from outside: its own connection is not counted.
func measure(ctx context.Context, url string) usage {
	u := usage{files: -1, connections: -1}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer cancel()
	if conn, err := pgx.Connect(ctx, url); err == nil {
		err = conn.QueryRow(ctx, `SELECT count(*) FROM pg_stat_activity WHERE application_name = $1`, applicationName).
			Scan(&u.connections)
		if err != nil {
			u.connections = -1
		}
		_ = conn.Close(ctx)
	}
	u.goroutines = runtime.NumGoroutine()
	if files, err := os.ReadDir("/proc/self/fd"); err == nil {
		u.files = len(files)
	}
	return u
}

// compare measures until nothing is left, for half a minute at most: what has
// been closed takes a moment to go.
func compare(ctx context.Context, url string, before usage) *balance {
	after := measure(ctx, url)
	left := func() bool {
		return after.goroutines > before.goroutines || after.files > before.files ||
			after.connections > before.connections
	}
	for begun := time.Now(); left() && time.Since(begun) < 30*time.Second; after = measure(ctx, url) {
		_ = pause(ctx, 200*time.Millisecond)
	}

	b := new(balance)
	b.add("goroutines %d, before %d; files and sockets %d, before %d; connections to PostgreSQL %d, before %d",
		after.goroutines, before.goroutines, after.files, before.files, after.connections, before.connections)
	if left() {
		b.fault("more than before")
	}
	return b
}
