package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
)

// hello is the least that uses the SDK, then what it is kept with, then this
// module. The first is the floor.
var hello = []struct{ name, code string }{
	{"the core SDK: submit and receive (floor)", `
import (
	"context"
	"github.com/heliosai/helios-go"
)
func main() {` + usesCore + `
	_ = r.Handler(func(context.Context, *helios.Event) error { return nil })
}`},
	{"and a SQLite file: modernc.org/sqlite", `
import (
	"context"
	"database/sql"
	"github.com/heliosai/helios-go"
	_ "modernc.org/sqlite"
)
func main() {` + usesCore + `
	db, _ := sql.Open("sqlite", "helios.db")
	_ = r.Handler(func(ctx context.Context, e *helios.Event) error {
		_, err := db.ExecContext(ctx, "INSERT", e.Raw)
		return err
	})
}`},
	{"and a PostgreSQL pool: pgx", `
import (
	"context"
	"github.com/heliosai/helios-go"
	"github.com/jackc/pgx/v5/pgxpool"
)
func main() {` + usesCore + `
	pool, _ := pgxpool.New(context.Background(), "")
	_ = r.Handler(func(ctx context.Context, e *helios.Event) error {
		_, err := pool.Exec(ctx, "INSERT", e.Raw)
		return err
	})
}`},
	{"and both", `
import (
	"context"
	"database/sql"
	"github.com/heliosai/helios-go"
	"github.com/jackc/pgx/v5/pgxpool"
	_ "modernc.org/sqlite"
)
func main() {` + usesCore + `
	pool, _ := pgxpool.New(context.Background(), "")
	db, _ := sql.Open("sqlite", "helios.db")
	_ = r.Handler(func(ctx context.Context, e *helios.Event) error {
		_, _ = db.ExecContext(ctx, "INSERT", e.Raw)
		_, err := pool.Exec(ctx, "INSERT", e.Raw)
		return err
	})
}`},
	{"**durable**, OpenSQLite", `
import (
	"context"
	"github.com/heliosai/helios-go"
	"github.com/heliosai/helios-go/durable"
)
func main() {` + usesCore + `
	e, _ := durable.OpenSQLite(context.Background(), "helios.db", c, r)
	_ = e.WebhookHandler()
	_ = e.Run(context.Background())
}`},
	{"**durable**, OpenPostgres", `
import (
	"context"
	"github.com/heliosai/helios-go"
	"github.com/heliosai/helios-go/durable"
	"github.com/jackc/pgx/v5/pgxpool"
)
func main() {` + usesCore + `
	pool, _ := pgxpool.New(context.Background(), "")
	e, _ := durable.OpenPostgres(context.Background(), pool, c, r)
	_ = e.WebhookHandler()
	_ = e.Run(context.Background())
}`},
	{"**durable**, both", `
import (
	"context"
	"github.com/heliosai/helios-go"
	"github.com/heliosai/helios-go/durable"
	"github.com/jackc/pgx/v5/pgxpool"
)
func main() {` + usesCore + `
	pool, _ := pgxpool.New(context.Background(), "")
	e, _ := durable.OpenPostgres(context.Background(), pool, c, r)
	_ = e.WebhookHandler()
	_ = e.Run(context.Background())
	f, _ := durable.OpenSQLite(context.Background(), "helios.db", c, r)
	_ = f.WebhookHandler()
	_ = f.Run(context.Background())
}`},
}

const usesCore = `
	c, _ := helios.NewClient()
	_, _ = c.LabResults.Submit(context.Background(), nil)
	r, _ := helios.NewReceiver()`

// size builds a hello-world with and without this module. The sources are laid
// over the module's directory, so that nothing is left in it.
func size(ctx context.Context, _ *bench) (err error) {
	module, err := moduleDir(ctx)
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "helios-bench-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	replace := map[string]string{}
	for i, h := range hello {
		source := filepath.Join(dir, strconv.Itoa(i)+".go")
		if err := os.WriteFile(source, []byte("package main\n\n"+h.code+"\n"), 0o600); err != nil {
			return err
		}
		replace[filepath.Join(module, "bench", "hello"+strconv.Itoa(i), "main.go")] = source
	}
	overlay, err := json.Marshal(map[string]any{"Replace": replace})
	if err != nil {
		return err
	}
	overlaid := filepath.Join(dir, "overlay.json")
	if err := os.WriteFile(overlaid, overlay, 0o600); err != nil {
		return err
	}
	fmt.Print("\n### What a hello-world carries\n\n| | binary, stripped | against the floor |\n|---|---:|---:|\n")
	var floor float64
	for i, h := range hello {
		binary := filepath.Join(dir, strconv.Itoa(i))
		cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-ldflags=-s -w", "-overlay", overlaid,
			"-o", binary, "./bench/hello"+strconv.Itoa(i))
		cmd.Dir = module
		if out, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("build %s: %w\n%s", h.name, err, out)
		}
		info, err := os.Stat(binary)
		if err != nil {
			return err
		}
		mib := float64(info.Size()) / (1 << 20)
		if i == 0 {
			floor = mib
		}
		fmt.Printf("| %s | %.2f MiB | %+.2f MiB |\n", h.name, mib, mib-floor)
	}
	return nil
}

// moduleDir is where this program's module lies, which must be the one that the
// current directory is in.
func moduleDir(ctx context.Context) (string, error) {
	list := exec.CommandContext(ctx, "go", "list", "-f", "{{.Module.Dir}}", "github.com/heliosai/helios-go/durable")
	out, err := list.Output()
	if err != nil {
		return "", fmt.Errorf("start it in the directory of module durable: %w", err)
	}
	return string(bytes.TrimSpace(out)), nil
}
