package durable

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"

	"github.com/heliosai/helios-go"
)

// minConnections is what one engine needs: River listens on one connection,
// and its fetches, the workers and the webhooks share the others.
const minConnections = 4

// PostgresEngine is an [Engine] on PostgreSQL. Any number of processes on any
// number of machines may share one database and schema. They then share the
// account's slots too.
type PostgresEngine struct {
	*Engine
	store *postgresStore
}

// OpenPostgres opens an engine in the schema "helios" of a PostgreSQL database
// (see [WithSchema]) and makes or updates its tables if they are not current
// (see [WithoutMigration] for a role that may not).
//
// The engine works on connections of its own, made as pool makes its own: with
// the same configuration and hooks, and at most as many. The caller's queries,
// in handlers say, can therefore never keep a webhook or a heartbeat waiting.
// Count twice the pool's MaxConns towards the server's max_connections.
// MaxConns must be at least 4. [Engine.Close] closes the engine's connections;
// pool stays the caller's.
//
// A pooler in front of the server must be in session mode, since River uses
// LISTEN, or else the engine must be opened [WithPollOnly]. OpenPostgres
// refuses the wrong combination.
//
// Each of the engine's transactions is on the server's disk when it is
// acknowledged, whatever synchronous_commit is for the connection. Whether it
// also survives a failover is up to the server's replication: an asynchronous
// replica may lack the last commits.
//
// client and receiver must not be nil; a client made with
// [helios.WithResubmitOnUnknownOutcome] is refused.
func OpenPostgres(
	ctx context.Context, pool *pgxpool.Pool, client *helios.Client, receiver *helios.Receiver, opts ...Option,
) (*PostgresEngine, error) {
	if pool == nil {
		return nil, errors.New("helios: durable: OpenPostgres: nil pool")
	}
	if most := pool.Config().MaxConns; most < minConnections {
		return nil, fmt.Errorf("helios: durable: OpenPostgres: the pool has %d connections, at least %d are needed",
			most, minConnections)
	}
	e, err := newEngine(client, receiver, opts)
	if err != nil {
		return nil, err
	}

	own, err := ownPool(ctx, pool, e.pollOnly)
	if err != nil {
		return nil, fmt.Errorf("helios: durable: OpenPostgres: %w", err)
	}
	s := newPostgresStore(own, e.config)
	if err := e.openPostgres(ctx, s); err != nil {
		own.Close()
		return nil, err
	}
	return &PostgresEngine{Engine: e, store: s}, nil
}

func (e *Engine) openPostgres(ctx context.Context, s *postgresStore) (err error) {
	s.client, err = river.NewClient(riverpgxv5.New(s.pool), e.postgresRiverConfig())
	if err != nil {
		return fmt.Errorf("helios: durable: River: %w", err)
	}

	if err := s.checkPooler(ctx); err != nil {
		return fmt.Errorf("helios: durable: OpenPostgres: %w", err)
	}
	if err := s.warnOfNoSync(ctx, e.logger); err != nil {
		return fmt.Errorf("helios: durable: OpenPostgres: %w", err)
	}
	if s.asksServer, err = s.knowsServer(ctx); err != nil {
		return fmt.Errorf("helios: durable: OpenPostgres: %w", err)
	}
	return e.open(ctx, s)
}

func (e *Engine) postgresRiverConfig() *river.Config {
	cfg := e.riverConfig(e.schema)
	if e.pollOnly {
		cfg.PollOnly = true
		cfg.FetchPollInterval = pollInterval
	}
	if e.withoutMigration {
		// Only the owner of an index may rebuild it.
		cfg.ReindexerSchedule = river.NeverSchedule()
	}
	return cfg
}

// ownPool makes the engine's pool after the caller's.
func ownPool(ctx context.Context, pool *pgxpool.Pool, pollOnly bool) (*pgxpool.Pool, error) {
	cfg := pool.Config() // a copy
	cfg.MinConns, cfg.MinIdleConns = 0, 0
	if pollOnly && cfg.ConnConfig.DefaultQueryExecMode == pgx.QueryExecModeCacheStatement {
		// Behind a pooler in transaction mode the next statement may run on
		// another server connection, which has not prepared it.
		cfg.ConnConfig.DefaultQueryExecMode = pgx.QueryExecModeCacheDescribe
	}
	return pgxpool.NewWithConfig(ctx, cfg)
}

// warnOfNoSync warns of a server whose commits do not reach the disk. Its
// operator has decided so; unlike synchronous_commit, it cannot be set here.
func (s *postgresStore) warnOfNoSync(ctx context.Context, logger *slog.Logger) error {
	var fsync string
	if err := s.pool.QueryRow(ctx, `SELECT current_setting('fsync')`).Scan(&fsync); err != nil {
		return err
	}
	if fsync == "off" {
		logger.WarnContext(ctx, "helios: PostgreSQL runs with fsync off: "+
			"if its machine crashes, acknowledged events can be lost")
	}
	return nil
}

// SubmitAgentTx is [Engine.SubmitAgent] inside a transaction of the caller's:
// the submission exists if and when tx is committed. If it returns an error
// other than [ErrKeyConflict] and [helios.ValidationError], tx must be rolled
// back.
func (e *PostgresEngine) SubmitAgentTx(
	ctx context.Context, tx pgx.Tx, key string, req *helios.AgentRequest,
) (*Submission, error) {
	en, err := e.agentEntry(ctx, key, req)
	if err != nil {
		return nil, err
	}
	return e.enter(ctx, &postgresTx{e.store, tx}, en)
}

// SubmitLabResultsTx is [Engine.SubmitLabResults] inside a transaction of the
// caller's; see [PostgresEngine.SubmitAgentTx].
func (e *PostgresEngine) SubmitLabResultsTx(
	ctx context.Context, tx pgx.Tx, key string, req *helios.LabResultsRequest,
) (*Submission, error) {
	en, err := e.labResultsEntry(ctx, key, req)
	if err != nil {
		return nil, err
	}
	return e.enter(ctx, &postgresTx{e.store, tx}, en)
}

// River returns the engine's River client, for riverui. Jobs of your own belong
// in a client and a schema of their own.
func (e *PostgresEngine) River() *river.Client[pgx.Tx] { return e.store.client }

// pollInterval is how often River looks for jobs where nothing tells it of new
// ones. Its default is a second.
const pollInterval = 250 * time.Millisecond
