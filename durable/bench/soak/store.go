package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/jackc/pgx/v5/pgxpool"
	_ "modernc.org/sqlite" // as the engine uses it

	"github.com/heliosai/helios-go"
	"github.com/heliosai/helios-go/durable"
)

// store is where the engines of one soak work.
type store interface {
	name() string
	make(ctx context.Context) error
	open(ctx context.Context, client *helios.Client, receiver *helios.Receiver, opts ...durable.Option) (
		*durable.Engine, error)
	// sizes are those of the engine's own tables, and of River's jobs, which go
	// after an hour. The engines are closed.
	sizes(ctx context.Context) (own, jobs int64, err error)
	remove(ctx context.Context) error
}

type sqliteStore struct{ dir string }

func (s *sqliteStore) name() string { return "SQLite" }

func (s *sqliteStore) make(context.Context) (err error) {
	s.dir, err = os.MkdirTemp("", "helios-soak-")
	return err
}

func (s *sqliteStore) path() string { return filepath.Join(s.dir, "helios.db") }

func (s *sqliteStore) open(
	ctx context.Context, client *helios.Client, receiver *helios.Receiver, opts ...durable.Option,
) (*durable.Engine, error) {
	e, err := durable.OpenSQLite(ctx, s.path(), client, receiver, opts...)
	if err != nil {
		return nil, err
	}
	return e.Engine, nil
}

func (s *sqliteStore) sizes(ctx context.Context) (own, jobs int64, err error) {
	db, err := sql.Open("sqlite", s.path())
	if err != nil {
		return 0, 0, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()

	size := func() (pages int64, err error) {
		if _, err := db.ExecContext(ctx, `VACUUM`); err != nil {
			return 0, err
		}
		var size int64
		err = db.QueryRowContext(ctx, `SELECT page_count, page_size FROM pragma_page_count, pragma_page_size`).
			Scan(&pages, &size)
		return pages * size, err
	}
	all, err := size()
	if err != nil {
		return 0, 0, err
	}
	if _, err := db.ExecContext(ctx, `DELETE FROM river_job`); err != nil {
		return 0, 0, err
	}
	own, err = size()
	return own, all - own, err
}

func (s *sqliteStore) remove(context.Context) error { return os.RemoveAll(s.dir) }

type postgresStore struct {
	url, schema string
	pool        *pgxpool.Pool
}

// applicationName marks the connections of this program.
const applicationName = "helios-soak"

func (s *postgresStore) name() string { return "PostgreSQL" }

func (s *postgresStore) make(ctx context.Context) error {
	cfg, err := pgxpool.ParseConfig(s.url)
	if err != nil {
		return fmt.Errorf("DATABASE_URL: %w", err)
	}
	cfg.MaxConns = 8
	cfg.ConnConfig.RuntimeParams["application_name"] = applicationName
	s.schema = fmt.Sprintf("helios_soak_%d", os.Getpid())
	s.pool, err = pgxpool.NewWithConfig(ctx, cfg)
	return err
}

func (s *postgresStore) open(
	ctx context.Context, client *helios.Client, receiver *helios.Receiver, opts ...durable.Option,
) (*durable.Engine, error) {
	e, err := durable.OpenPostgres(ctx, s.pool, client, receiver, append(opts, durable.WithSchema(s.schema))...)
	if err != nil {
		return nil, err
	}
	return e.Engine, nil
}

func (s *postgresStore) sizes(ctx context.Context) (own, jobs int64, err error) {
	rows, err := s.pool.Query(ctx, `SELECT tablename FROM pg_tables WHERE schemaname = $1`, s.schema)
	if err != nil {
		return 0, 0, err
	}
	var tables []string
	for rows.Next() {
		var table string
		if err := rows.Scan(&table); err != nil {
			return 0, 0, err
		}
		tables = append(tables, table)
	}
	if err := rows.Err(); err != nil {
		return 0, 0, err
	}

	for _, table := range tables {
		table = s.schema + "." + table
		if _, err := s.pool.Exec(ctx, `VACUUM FULL `+table); err != nil {
			return 0, 0, err
		}
		var size int64
		if err := s.pool.QueryRow(ctx, `SELECT pg_total_relation_size($1)`, table).Scan(&size); err != nil {
			return 0, 0, err
		}
		if table == s.schema+".river_job" {
			jobs = size
		} else {
			own += size
		}
	}
	return own, jobs, nil
}

func (s *postgresStore) remove(ctx context.Context) error {
	_, err := s.pool.Exec(ctx, `DROP SCHEMA IF EXISTS `+s.schema+` CASCADE`)
	s.pool.Close()
	return err
}
