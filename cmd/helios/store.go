package main

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"net"
	"strconv"
	"strings"
	"sync/atomic"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/spf13/cobra"

	"github.com/heliosai/helios-go"
	"github.com/heliosai/helios-go/durable"
)

// store is what the commands of helios store share.
type store struct {
	*app
	db, schema, account string
}

// storeCommands is the table of the commands of helios store.
var storeCommands = []func(*store) *cobra.Command{
	storeListCommand,
	storeShowCommand,
	storeSubmitCommand,
	storeCancelCommand,
	storePauseCommand,
	storeResumeCommand,
	storeResolveCommand,
	storeReplayCommand,
	storeForgetCommand,
	storeMigrateCommand,
	storeServeCommand,
}

func storeCommand(a *app) *cobra.Command {
	s := &store{app: a}
	cmd := &cobra.Command{
		Use:   "store",
		Short: "Inspect and manage a durable store",
		Long: "Works on a store of module durable: a SQLite file or a PostgreSQL database. Keep the password of\n" +
			"a database in PGPASSWORD or .pgpass, or the whole address in HELIOS_DB.\n\n" +
			"An application may encrypt what it stores (WithCodec). Keys, states and times stay readable, so\n" +
			"that submissions can be listed and decided on. Requests and results cannot be shown, and submit\n" +
			"and serve --work are refused: they would store data unencrypted.",
		Example: "  helios store list --db helios.db --state unknown\n" +
			"  helios store resolve o-17 --as fail --db helios.db\n" +
			"  helios store serve --db postgres://helios@db.example.com/app",
		Args: cobra.ArbitraryArgs,
		RunE: group,
	}

	set := cmd.PersistentFlags()
	set.StringVar(&s.db, "db", "", "the store: a `FILE` or postgres://... (default: HELIOS_DB)")
	set.StringVar(&s.schema, "schema", "", "the schema in PostgreSQL (default: helios)")
	set.StringVar(&s.account, "account", "", "the `name` that the application passes to WithAccount")
	s.apiFlags(set)
	for _, command := range storeCommands {
		cmd.AddCommand(command(s))
	}
	return cmd
}

// engine is what the commands need of either engine.
type engine struct {
	*durable.Engine
	encrypted *atomic.Bool // whether an event was that it has read

	file   *durable.SQLiteEngine // either this
	pool   *pgxpool.Pool         // or this, with the schema
	schema string
}

func (e *engine) close() {
	_ = e.Close()
	if e.pool != nil {
		e.pool.Close()
	}
}

// opening says what a command needs.
type opening struct {
	create bool // makes the tables
	submit bool // adds what is not encrypted
	work   bool // sends and receives: the API key and the webhook secret must be there
	logger *slog.Logger
}

// open opens the store, which only helios store migrate makes.
func (s *store) open(ctx context.Context, how opening) (*engine, error) {
	eng, err := s.openEngine(ctx, how)
	if err == nil && (how.submit || how.work) {
		if err = eng.refuseEncrypted(ctx); err != nil {
			eng.close()
		}
	}
	return eng, err
}

func (s *store) openEngine(ctx context.Context, how opening) (*engine, error) {
	switch address := s.address(); {
	case address == "":
		return nil, usagef("--db is missing: give a file, or postgres://..., or set HELIOS_DB")
	case isPostgres(address):
		pool, err := openPool(ctx, address)
		if err != nil {
			return nil, err
		}
		eng, err := s.openPostgres(ctx, pool, how)
		if err != nil {
			pool.Close()
		}
		return eng, err
	case !isFile(address):
		return nil, errNoAddress
	default:
		return s.openFile(ctx, address, how)
	}
}

func (s *store) openPostgres(ctx context.Context, pool *pgxpool.Pool, how opening) (*engine, error) {
	schema := cmp.Or(s.schema, "helios")
	own, err := postgresOwner(ctx, pool, schema)
	if err != nil {
		return nil, err
	}
	with, err := s.parts(how, own)
	if err != nil {
		return nil, err
	}
	eng, err := durable.OpenPostgres(ctx, pool, with.client, with.receiver, with.options...)
	if err != nil {
		return nil, err
	}
	return &engine{Engine: eng.Engine, encrypted: with.encrypted, pool: pool, schema: schema}, nil
}

func (s *store) openFile(ctx context.Context, path string, how opening) (*engine, error) {
	isNew, err := checkFile(path, how.create)
	if err != nil {
		return nil, err
	}
	var own owner
	if !isNew {
		var there bool
		own, there, err = fileOwner(ctx, path)
		if err != nil {
			return nil, failf("%s cannot be read: %w", printable(path), err)
		}
		if !there && !how.create {
			return nil, failf("%s is a SQLite file with no store in it: helios store migrate creates one there",
				printable(path))
		}
	}

	with, err := s.parts(how, own)
	if err != nil {
		return nil, err
	}
	eng, err := durable.OpenSQLite(ctx, path, with.client, with.receiver, with.options...)
	if err != nil {
		return nil, err
	}
	return &engine{Engine: eng.Engine, encrypted: with.encrypted, file: eng}, nil
}

func (s *store) address() string { return s.variable(s.db, "HELIOS_DB") }

// isFile reports whether an address that is not isPostgres's is a file's, and
// not that of a database in another notation, which can have a password in it.
func isFile(address string) bool {
	lower := strings.ToLower(address)
	return !strings.Contains(lower, "://") && !strings.HasPrefix(lower, "postgres:") &&
		!strings.HasPrefix(lower, "postgresql:") && !strings.Contains(lower, "password=") &&
		!strings.Contains(lower, "host=")
}

func isPostgres(address string) bool {
	return strings.HasPrefix(address, "postgres://") || strings.HasPrefix(address, "postgresql://")
}

var errNoAddress = usagef(
	"--db is neither a file nor an address of a PostgreSQL database: write postgres://user@host:5432/database")

// openPool connects to a database. The error of an address that cannot be read
// may repeat it, and so is left out.
func openPool(ctx context.Context, address string) (*pgxpool.Pool, error) {
	config, err := pgxpool.ParseConfig(address)
	if err != nil {
		return nil, errNoAddress
	}
	config.MaxConns = max(config.MaxConns, 4) // durable needs as many
	pool, err := pgxpool.NewWithConfig(ctx, config)
	if err != nil {
		return nil, err
	}
	if err := pool.Ping(ctx); err != nil {
		pool.Close()
		return nil, unreachable(ctx, config.ConnConfig, err)
	}
	return pool, nil
}

// unreachable says why a database cannot be used. pgx's text for it has a line
// for each address and each way of TLS.
func unreachable(ctx context.Context, config *pgx.ConnConfig, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	host := net.JoinHostPort(config.Host, strconv.Itoa(int(config.Port)))
	if refused := new(pgconn.PgError); errors.As(err, &refused) {
		return failf("the database at %s refuses: %s", printable(host), oneLine(refused.Message))
	}
	return failf("the database at %s does not answer: %s", printable(host), reach(err))
}

// parts are what an engine is made of.
type parts struct {
	client    *helios.Client
	receiver  *helios.Receiver
	options   []durable.Option
	encrypted *atomic.Bool
}

// parts makes those for a store that belongs to own. Where a command neither
// sends nor receives, client and receiver are never used.
func (s *store) parts(how opening, own owner) (*parts, error) {
	client, account, err := s.clientFor(how, own)
	if err != nil {
		return nil, err
	}
	receiver, err := s.receiver()
	if errors.Is(err, helios.ErrMissingWebhookSecret) && !how.work {
		receiver, err = helios.NewReceiver(helios.WithWebhookSecret(randomHex(32)))
	}
	if err != nil {
		return nil, err
	}

	logger := how.logger
	if logger == nil {
		logger = slog.New(slog.DiscardHandler)
	}
	seen := new(atomic.Bool)
	options := append(s.schemaOption(), durable.WithoutMigration(), durable.WithLogger(logger),
		durable.WithCodec(noKey{show: !how.work, seen: seen}))
	if account != "" {
		options = append(options, durable.WithAccount(account))
	}
	return &parts{client, receiver, options, seen}, nil
}

func (s *store) schemaOption() []durable.Option {
	if s.schema == "" {
		return nil
	}
	return []durable.Option{durable.WithSchema(s.schema)}
}

// with opens the store for one call of its engine.
func (s *store) with(ctx context.Context, do func(*engine) error) error {
	eng, err := s.open(ctx, opening{})
	if err != nil {
		return err
	}
	defer eng.close()
	return do(eng)
}
