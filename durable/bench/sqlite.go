package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	_ "modernc.org/sqlite" // as the engine uses it

	"github.com/heliosai/helios-go"
	"github.com/heliosai/helios-go/durable"
)

type sqlitePlace struct {
	dir   string
	bares map[string]*sql.DB // by store
}

func findSQLite(ctx context.Context) (place, error) {
	dir, err := onDisk()
	if err != nil {
		return nil, err
	}
	p := &sqlitePlace{dir: dir, bares: map[string]*sql.DB{}}
	took, err := syncTime(dir)
	if err != nil {
		return nil, errors.Join(err, p.close(ctx))
	}
	var version string
	db, err := p.db("version")
	if err == nil {
		err = db.QueryRowContext(ctx, "SELECT sqlite_version()").Scan(&version)
		err = errors.Join(err, db.Close())
	}
	if err != nil {
		return nil, errors.Join(err, p.close(ctx))
	}
	kind := fileSystem(dir)
	if kind == "" {
		kind = "a file system of unknown type"
	}
	fmt.Printf("SQLite %s on %s, where %d KiB are written and synced in %s.\n",
		version, kind, bodySize>>10, short(took))
	return p, nil
}

func (p *sqlitePlace) name() string { return "SQLite" }
func (p *sqlitePlace) kind() string { return "file" }

func (p *sqlitePlace) path(store string) string { return filepath.Join(p.dir, store+".db") }

// db opens a store as the engine opens the connection that it writes through.
func (p *sqlitePlace) db(store string) (*sql.DB, error) {
	options := url.Values{
		"_txlock": {"immediate"},
		"_pragma": {"busy_timeout(10000)", "journal_mode(WAL)", "synchronous(FULL)"},
	}
	name := url.URL{Scheme: "file", Path: filepath.ToSlash(p.path(store)), RawQuery: options.Encode()}
	db, err := sql.Open("sqlite", name.String())
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(1)
	return db, nil
}

func (p *sqlitePlace) open(
	ctx context.Context, store string, client *helios.Client, opts ...durable.Option,
) (*durable.Engine, error) {
	receiver, err := newReceiver()
	if err != nil {
		return nil, err
	}
	if client == nil {
		if client, err = newClient(nowhere); err != nil {
			return nil, err
		}
	}

	e, err := durable.OpenSQLite(ctx, p.path(store), client, receiver, opts...)
	if err != nil {
		return nil, err
	}
	return e.Engine, nil
}

func (p *sqlitePlace) bare(ctx context.Context, store string) (func(context.Context, []byte) error, error) {
	db, err := p.db(store)
	if err != nil {
		return nil, err
	}
	p.bares[store] = db
	if _, err := db.ExecContext(ctx, `CREATE TABLE bare (id INTEGER PRIMARY KEY, body BLOB NOT NULL)`); err != nil {
		return nil, err
	}
	insert, err := db.PrepareContext(ctx, `INSERT INTO bare (body) VALUES (?)`) // closed with db
	if err != nil {
		return nil, err
	}
	return func(ctx context.Context, body []byte) error {
		_, err := insert.ExecContext(ctx, body)
		return err
	}, nil
}

func (p *sqlitePlace) fill(ctx context.Context, store string, tables ...table) (err error) {
	db, err := p.db(store)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }()
	for _, t := range tables {
		insert, err := tx.PrepareContext(ctx, fmt.Sprintf(`INSERT INTO %s (%s) VALUES (?%s)`,
			t.name, strings.Join(t.columns, ", "), strings.Repeat(", ?", len(t.columns)-1)))
		if err != nil {
			return err
		}
		for _, row := range t.rows {
			if _, err := insert.ExecContext(ctx, row...); err != nil {
				return errors.Join(fmt.Errorf("%s: %w", t.name, err), insert.Close())
			}
		}
		if err := insert.Close(); err != nil {
			return err
		}
	}
	return tx.Commit()
}

// settle does nothing: SQLite has no statistics unless it is told to make some,
// which the engine does not.
func (p *sqlitePlace) settle(context.Context, string) error { return nil }

func (p *sqlitePlace) drop(_ context.Context, store string) error {
	var err error
	if db := p.bares[store]; db != nil {
		err = db.Close()
		delete(p.bares, store)
	}
	for _, suffix := range []string{"", "-wal", "-shm"} {
		if failed := os.Remove(p.path(store) + suffix); !errors.Is(failed, os.ErrNotExist) {
			err = errors.Join(err, failed)
		}
	}
	return err
}

func (p *sqlitePlace) close(context.Context) error {
	var err error
	for _, db := range p.bares {
		err = errors.Join(err, db.Close())
	}
	return errors.Join(err, os.RemoveAll(p.dir))
}
