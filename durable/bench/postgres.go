package main

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/heliosai/helios-go"
	"github.com/heliosai/helios-go/durable"
)

// connections of the pool that all use in turn, the engine and the bare INSERT
// beside it. Of 4, 8, 16 and 32 the bare INSERT is fastest with these, 32 at
// once.
const connections = 16

type postgresPlace struct {
	pool   *pgxpool.Pool
	prefix string          // of the schemas
	made   map[string]bool // the stores
}

func findPostgres(ctx context.Context) (place, error) {
	config, err := pgxpool.ParseConfig(cmp.Or(os.Getenv("DATABASE_URL"), "postgres://postgres@127.0.0.1:5432/test"))
	if err != nil {
		return nil, fmt.Errorf("DATABASE_URL: %w", err)
	}
	config.MaxConns = connections
	pool, err := pgxpool.NewWithConfig(ctx, config)
	if err != nil {
		return nil, err
	}
	first, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	var version, sync, method, flush, vacuum string
	err = pool.QueryRow(first, `SELECT current_setting('server_version'), current_setting('synchronous_commit'),
		current_setting('fsync'), current_setting('wal_sync_method'), current_setting('autovacuum')`).
		Scan(&version, &sync, &flush, &method, &vacuum)
	if err != nil {
		pool.Close()
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		fmt.Fprintf(os.Stderr, "bench: %v\n", err)
		fmt.Println("PostgreSQL is left out, since none can be reached; set DATABASE_URL.")
		return nil, nil
	}
	fmt.Printf("PostgreSQL %s: synchronous_commit %s, fsync %s by %s, autovacuum %s, %d connections.\n",
		version, sync, flush, method, vacuum, connections)
	random := make([]byte, 4)
	_, _ = rand.Read(random) // never fails
	prefix := "helios_bench_" + hex.EncodeToString(random) + "_"
	return &postgresPlace{pool: pool, prefix: prefix, made: map[string]bool{}}, nil
}

func (p *postgresPlace) name() string { return "PostgreSQL" }
func (p *postgresPlace) kind() string { return "schema" }

// schema names a store's schema, which is dropped at the end.
func (p *postgresPlace) schema(store string) string {
	p.made[store] = true
	return p.prefix + store
}

func (p *postgresPlace) open(
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

	e, err := durable.OpenPostgres(ctx, p.pool, client, receiver, append(opts, durable.WithSchema(p.schema(store)))...)
	if err != nil {
		return nil, err
	}
	return e.Engine, nil
}

func (p *postgresPlace) bare(ctx context.Context, store string) (func(context.Context, []byte) error, error) {
	schema := p.schema(store)
	for _, statement := range []string{
		`CREATE SCHEMA ` + schema,
		`CREATE TABLE ` + schema + `.bare (id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY, body BYTEA NOT NULL)`,
		`ALTER TABLE ` + schema + `.bare ALTER body SET STORAGE EXTERNAL`, // as the engine has it: not compressed
	} {
		if _, err := p.pool.Exec(ctx, statement); err != nil {
			return nil, err
		}
	}
	insert := `INSERT INTO ` + schema + `.bare (body) VALUES ($1)` // which pgx prepares, once for each connection
	return func(ctx context.Context, body []byte) error {
		_, err := p.pool.Exec(ctx, insert, body)
		return err
	}, nil
}

func (p *postgresPlace) fill(ctx context.Context, store string, tables ...table) error {
	return pgx.BeginFunc(ctx, p.pool, func(tx pgx.Tx) error {
		for _, t := range tables {
			name := pgx.Identifier{p.prefix + store, t.name}
			if _, err := tx.CopyFrom(ctx, name, t.columns, pgx.CopyFromRows(t.rows)); err != nil {
				return fmt.Errorf("%s: %w", t.name, err)
			}
		}
		return nil
	})
}

// settle does what autovacuum would do soon: it may be off.
func (p *postgresPlace) settle(ctx context.Context, store string) error {
	for _, name := range []string{
		"helios_submissions", "helios_references", "helios_events", "helios_ends", "river_job",
	} {
		if _, err := p.pool.Exec(ctx, `VACUUM (ANALYZE) `+p.prefix+store+`.`+name); err != nil {
			return err
		}
	}
	return nil
}

func (p *postgresPlace) drop(ctx context.Context, store string) error {
	_, err := p.pool.Exec(ctx, `DROP SCHEMA IF EXISTS `+p.prefix+store+` CASCADE`)
	if err == nil {
		delete(p.made, store)
	}
	return err
}

func (p *postgresPlace) close(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Minute)
	defer cancel()
	defer p.pool.Close()
	var err error
	for store := range p.made {
		err = errors.Join(err, p.drop(ctx, store))
	}
	return err
}
