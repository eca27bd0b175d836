package durable

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"log/slog"
	"net"
	"regexp"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
	"github.com/riverqueue/river/rivermigrate"

	"github.com/heliosai/helios-go"
)

// fewestConnections: River listens on one, and its maintenance, its workers and the webhooks need some.
const fewestConnections = 4

// PostgresEngine is an [Engine] on PostgreSQL. Any number of processes, on any number of machines, may share one database and schema; then they share the
// account's slots too.
type PostgresEngine struct {
	*Engine
	store *postgresStore
}

// OpenPostgres opens an engine in the schema "helios" of a PostgreSQL database (see [WithSchema]), and makes its tables if they are not there. The pool stays the
// caller's, must have at least 4 connections, and must reach the server directly or through a pooler in session mode, since River uses LISTEN. synchronous_commit must not
// be off on its connections. Whether what is acknowledged also survives a failover is up to the server's replication: an asynchronous replica may lack the last commits.
//
// client and receiver must not be nil; a client made with [helios.WithResubmitOnUnknownOutcome] is refused.
func OpenPostgres(ctx context.Context, pool *pgxpool.Pool, client *helios.Client, receiver *helios.Receiver, opts ...Option) (*PostgresEngine, error) {
	if pool == nil {
		return nil, errors.New("helios: durable: OpenPostgres: nil pool")
	}
	if most := pool.Config().MaxConns; most < fewestConnections {
		return nil, fmt.Errorf("helios: durable: OpenPostgres: the pool has %d connections, at least %d are needed", most, fewestConnections)
	}
	e, err := newEngine(client, receiver, opts)
	if err != nil {
		return nil, err
	}
	s := &postgresStore{
		pool: pool, schema: e.schema,
		dialect: newDialect(pgx.Identifier{e.schema}.Sanitize()+".", "BYTEA", "BIGINT", "j.attempted_by[array_upper(j.attempted_by, 1)]", "(extract(epoch FROM clock_timestamp()) * 1000000)::BIGINT"),
	}
	s.client, err = river.NewClient(riverpgxv5.New(pool), e.riverConfig(e.schema))
	if err != nil {
		return nil, fmt.Errorf("helios: durable: River: %w", err)
	}
	if err := s.checkSafety(ctx, e.logger); err != nil {
		return nil, fmt.Errorf("helios: durable: OpenPostgres: %w", err)
	}
	if err := e.open(ctx, s); err != nil {
		return nil, err
	}
	return &PostgresEngine{Engine: e, store: s}, nil
}

// SubmitAgentTx is [Engine.SubmitAgent] inside a transaction of the caller's: the submission exists if and when tx is committed.
// If it returns an error other than [ErrKeyConflict] and [helios.ValidationError], tx must be rolled back.
func (e *PostgresEngine) SubmitAgentTx(ctx context.Context, tx pgx.Tx, key string, req *helios.AgentRequest) (*Submission, error) {
	en, err := e.agentEntry(key, req)
	if err != nil {
		return nil, err
	}
	return e.enter(ctx, e.store.within(tx), en)
}

// SubmitLabResultsTx is [Engine.SubmitLabResults] inside a transaction of the caller's; see [PostgresEngine.SubmitAgentTx].
func (e *PostgresEngine) SubmitLabResultsTx(ctx context.Context, tx pgx.Tx, key string, req *helios.LabResultsRequest) (*Submission, error) {
	en, err := e.labResultsEntry(key, req)
	if err != nil {
		return nil, err
	}
	return e.enter(ctx, e.store.within(tx), en)
}

// River returns the engine's River client, for riverui. Jobs of one's own belong into a client and a schema of one's own.
func (e *PostgresEngine) River() *river.Client[pgx.Tx] { return e.store.client }

type postgresStore struct {
	pool    *pgxpool.Pool
	schema  string
	client  *river.Client[pgx.Tx]
	dialect dialect
}

var schemaName = regexp.MustCompile(`^[a-z_][a-z0-9_]{0,62}$`)

func (s *postgresStore) migrate(ctx context.Context) error {
	// Whoever comes second waits, and finds everything made. The lock belongs to a connection, so it cannot outlive the process; one outside the pool, or engines that are
	// opened at once on a small pool would wait for each other's.
	conn, err := s.connect(ctx)
	if err != nil {
		return err
	}
	defer func() {
		closing, cancel := detached(ctx, 5*time.Second)
		defer cancel()
		_ = conn.Close(closing)
	}()
	hash := fnv.New64a()
	_, _ = hash.Write([]byte("helios-go/durable " + s.schema))
	if _, err := conn.Exec(ctx, `SELECT pg_advisory_lock($1)`, int64(hash.Sum64())); err != nil { //nolint:gosec // any 64 bits
		return err
	}

	var exists bool // CREATE SCHEMA IF NOT EXISTS asks for the right to create it even then
	if err := conn.QueryRow(ctx, `SELECT EXISTS (SELECT FROM pg_namespace WHERE nspname = $1)`, s.schema).Scan(&exists); err != nil {
		return err
	}
	if !exists {
		if _, err := conn.Exec(ctx, `CREATE SCHEMA `+pgx.Identifier{s.schema}.Sanitize()); err != nil {
			return err
		}
	}
	queue, err := rivermigrate.New(riverpgxv5.New(s.pool), &rivermigrate.Config{Schema: s.schema, Logger: silent})
	if err != nil {
		return err
	}
	if _, err := queue.Migrate(ctx, rivermigrate.DirectionUp, nil); err != nil {
		return err
	}
	return pgx.BeginFunc(ctx, conn, func(tx pgx.Tx) error {
		return migrateTables(ctx, s.within(tx), func(script string) error {
			// bodies are encrypted, or short of what compressing them would cost
			script += `ALTER TABLE {events} ALTER body SET STORAGE EXTERNAL; ALTER TABLE {submissions} ALTER request SET STORAGE EXTERNAL;`
			_, err := tx.Exec(ctx, s.dialect.sql(script))
			return err
		})
	})
}

// checkSafety refuses connections on which a commit would not be what it promises.
func (s *postgresStore) checkSafety(ctx context.Context, logger *slog.Logger) error {
	var commit, fsync string
	err := s.pool.QueryRow(ctx, `SELECT current_setting('synchronous_commit'), current_setting('fsync')`).Scan(&commit, &fsync)
	switch {
	case err != nil:
		return err
	case commit == "off":
		return errors.New("synchronous_commit is off for the pool's connections, so that what is acknowledged could be lost; set it in the pool's RuntimeParams")
	case fsync == "off": // the server's operator has decided so
		logger.WarnContext(ctx, "helios: PostgreSQL runs with fsync off: if its machine crashes, what was acknowledged can be lost")
	}
	return nil
}

// connect connects as the pool does.
func (s *postgresStore) connect(ctx context.Context) (*pgx.Conn, error) {
	cfg := s.pool.Config()
	if cfg.BeforeConnect != nil { // which may get a password
		if err := cfg.BeforeConnect(ctx, cfg.ConnConfig); err != nil {
			return nil, err
		}
	}
	return pgx.ConnectConfig(ctx, cfg.ConnConfig)
}

func (s *postgresStore) write(ctx context.Context, fn func(transaction) error) error {
	return s.writeLast(ctx, func(tx transaction) ([]*statement, error) { return nil, fn(tx) })
}

func (s *postgresStore) writeLast(ctx context.Context, fn func(transaction) ([]*statement, error)) error {
	conn, err := s.pool.Acquire(ctx)
	if err != nil {
		return err
	}
	tx := &ownTx{conn: conn}
	defer tx.end(ctx)
	last, err := fn(&postgresTx{s, tx})
	if err != nil {
		return err
	}
	return tx.commitWith(ctx, s, last)
}

func (s *postgresStore) read(ctx context.Context, statements ...*statement) error {
	return s.runOn(ctx, s.pool, statements)
}

func (s *postgresStore) within(tx pgx.Tx) transaction { return &postgresTx{s, tx} }

func (s *postgresStore) lanes() int                      { return 2 } // one prepares while the other syncs
func (s *postgresStore) start(ctx context.Context) error { return s.client.Start(ctx) }
func (s *postgresStore) stopped() <-chan struct{}        { return s.client.Stopped() }
func (s *postgresStore) close() error                    { return nil } // the pool is the caller's

// broken: what PostgreSQL itself refuses has a code; those of classes 08, 53, 57 and 25006 tell that it is going, coming or full.
func (s *postgresStore) broken(err error) bool {
	var refused *pgconn.PgError
	if errors.As(err, &refused) {
		switch refused.Code[:2] {
		case "08", "53", "57":
			return true
		}
		return refused.Code == "25006" // a replica that is no longer, or not yet, the primary
	}
	var connect *pgconn.ConnectError
	var network net.Error
	return errors.As(err, &connect) || errors.As(err, &network) || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) ||
		errors.Is(err, net.ErrClosed) || errors.Is(err, context.DeadlineExceeded) || pgconn.SafeToRetry(err)
}
