package durable

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"reflect"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
)

// generation is what tells a store from a copy of it that was made earlier. It
// is compared with what the tables say, which a restored backup brings along.
type generation struct {
	// marks name the store. An empty mark is not known, and matches any.
	marks []string
	// sends is how many submissions were sent, at least.
	sends int64
}

const markSeparator = "/"

func (g generation) String() string { return strings.Join(g.marks, markSeparator) }

// follows reports whether what the tables say is of this generation, and not
// older than it.
func (g generation) follows(marks string, sends int64) bool {
	stored := strings.Split(marks, markSeparator)
	if len(stored) != len(g.marks) || g.sends > sends {
		return false
	}
	for i, mark := range g.marks {
		if mark != stored[i] && mark != "" && stored[i] != "" {
			return false
		}
	}
	return true
}

// generationFile lies beside the SQLite file: the name of the generation in a
// line, and then one byte for each submission that was sent. It only ever
// grows, whichever process writes last.
type generationFile struct {
	*os.File
	mark string
}

const generationSuffix = "-generation"

// openGeneration opens the file beside the one at path. A file that is not
// there has no mark.
func openGeneration(path string) (*generationFile, error) {
	file, err := os.OpenFile(path+generationSuffix, os.O_CREATE|os.O_RDWR, 0o600) //nolint:gosec // the path is the caller's
	if err != nil {
		return nil, err
	}
	g := &generationFile{File: file}
	line := make([]byte, markLength+1)
	if _, err := io.ReadFull(file, line); err == nil && line[markLength] == '\n' {
		g.mark = string(line[:markLength])
	}
	return g, nil
}

// markLength is that of a random mark, in hexadecimal digits.
const markLength = 32

// generation reads how many submissions were sent.
func (g *generationFile) generation() (generation, error) {
	info, err := g.Stat()
	if err != nil {
		return generation{}, err
	}
	return generation{[]string{g.mark, inode(info)}, max(info.Size()-markLength-1, 0)}, nil
}

// inode returns the number of a file, which a copy does not share; empty where
// the system has none.
func inode(info os.FileInfo) string {
	stat := reflect.Indirect(reflect.ValueOf(info.Sys()))
	if stat.Kind() != reflect.Struct {
		return ""
	}
	number := stat.FieldByName("Ino")
	if !number.IsValid() || !number.CanUint() {
		return ""
	}
	return strconv.FormatUint(number.Uint(), 10)
}

// renew begins a new generation in which sends submissions were sent.
func (g *generationFile) renew(sends int64) error {
	mark := randomHex(markLength / 2)
	if err := g.Truncate(0); err != nil {
		return err
	}
	if _, err := g.WriteAt([]byte(mark+"\n"), 0); err != nil {
		return err
	}
	g.mark = mark
	return g.note(sends)
}

// note writes down that so many submissions were sent.
func (g *generationFile) note(sends int64) error {
	if sends > 0 {
		if _, err := g.WriteAt([]byte{'.'}, markLength+sends); err != nil {
			return err
		}
	}
	return g.Sync()
}

func (s *sqliteStore) generation(context.Context, runner) (generation, error) {
	return s.beside.generation()
}

func (s *sqliteStore) renewGeneration(_ context.Context, _ transaction, sends int64) (generation, error) {
	if err := s.beside.renew(sends); err != nil {
		return generation{}, err
	}
	return s.beside.generation()
}

func (s *sqliteStore) noteSent(sends int64) error { return s.beside.note(sends) }

// A restored dump inserts the row of the generation anew, with another xmin,
// and a restored server or one that was promoted has another timeline. The name
// of the database is in its own place, since a copy of a database keeps xmin.
const (
	selectServer = `SELECT (SELECT system_identifier::text FROM pg_control_system()) || '/' ||
		left(pg_walfile_name(pg_current_wal_lsn()), 8)`
	selectWritten = `SELECT (SELECT oid::text FROM pg_database WHERE datname = current_database()),
		coalesce((SELECT xmin::text FROM {settings} WHERE name = 'generation'), '0')`
	// What xmin will be of a row that this transaction writes.
	selectWriting = `SELECT (SELECT oid::text FROM pg_database WHERE datname = current_database()),
		mod(pg_current_xact_id()::text::numeric, 4294967296)::text`
)

// knowsServer reports whether the server may be asked who it is: not every
// service or role allows it.
func (s *postgresStore) knowsServer(ctx context.Context) (bool, error) {
	var server string
	err := s.pool.QueryRow(ctx, selectServer).Scan(&server)
	var refused *pgconn.PgError
	if errors.As(err, &refused) && (refused.Code[:2] == "42" || refused.Code[:2] == "0A") {
		return false, nil
	}
	return err == nil, err
}

// marks reads the server's marks, and those that a statement selects.
func (s *postgresStore) marks(ctx context.Context, run runner, selection string) (generation, error) {
	server := markSeparator // two marks that are not known
	var database, written string
	statements := []*statement{query(func(r row) error { return r.Scan(&database, &written) }, selection)}
	if s.asksServer {
		statements = append(statements, query(func(r row) error { return r.Scan(&server) }, selectServer))
	}
	if err := run(ctx, statements...); err != nil {
		return generation{}, err
	}
	return generation{marks: append(strings.Split(server, markSeparator), database, written)}, nil
}

func (s *postgresStore) generation(ctx context.Context, run runner) (generation, error) {
	return s.marks(ctx, run, selectWritten)
}

func (s *postgresStore) renewGeneration(ctx context.Context, tx transaction, _ int64) (generation, error) {
	return s.marks(ctx, tx.run, selectWriting)
}

// noteSent has nowhere to write to: nothing outlives a restored server but the
// server's own marks.
func (s *postgresStore) noteSent(int64) error { return nil }

const (
	selectGeneration = `SELECT name, value FROM {settings} WHERE name IN ('generation', 'sends')`
	deleteGeneration = `DELETE FROM {settings} WHERE name = 'generation'`
	upsertSetting    = `INSERT INTO {settings} (name, value) VALUES ($1, $2)
		ON CONFLICT (name) DO UPDATE SET value = excluded.value`
	countSend = `UPDATE {settings} SET value = CAST(CAST(value AS BIGINT) + 1 AS TEXT)
		WHERE name = 'sends' RETURNING value`

	// The first attempt of what is held has a reference already, by which its
	// webhook is known.
	referHeld = `INSERT INTO {references} (reference, key, created_at, agent, spent_at)
		SELECT reference, key, $1, agent, NULL FROM {submissions} WHERE state = 'queued' AND reference IS NOT NULL
		ON CONFLICT (reference) DO NOTHING`

	reasonRestored = "the store is a restored backup or a copy; this may have been sent after the backup was made"
)

// WithOnRestore says what happens to queued submissions when the store turns
// out to be a restored backup, or a copy: they may have been sent after the
// backup was made. By default, with [Hold], they become [Unknown] until
// [Engine.Resolve] decides or their webhook comes. [Resubmit] sends them as
// usual: set it where nothing can have been sent since, after a failover to a
// synchronous replica, say, and remove it afterwards.
//
// A SQLite store is recognised by the file with the suffix "-generation" beside
// it: move it along with the database, and leave it out of backups. A
// PostgreSQL store is recognised by the server's identifier and timeline, the
// database, and the transaction that wrote a row. A snapshot of the server's
// disks that is brought back looks like the server itself and is not noticed:
// call [Engine.Pause] before and Resolve after.
func WithOnRestore(decision Decision) Option {
	return func(c *config) error {
		if decision != Hold && decision != Resubmit {
			return errors.New("helios: durable: WithOnRestore: must be Hold or Resubmit")
		}
		c.onRestore = decision
		return nil
	}
}

// storedGeneration is what the tables say.
type storedGeneration struct {
	marks string
	known bool
	sends int64
}

func readGeneration(ctx context.Context, run runner) (storedGeneration, error) {
	var g storedGeneration
	err := run(ctx, query(func(r row) error {
		var name, value string
		err := r.Scan(&name, &value)
		if err != nil {
			return err
		}
		if name == "generation" {
			g.marks, g.known = value, true
			return nil
		}
		g.sends, err = strconv.ParseInt(value, 10, 64)
		return err
	}, selectGeneration))
	return g, err
}

// scanSends reads the answer of countSend.
func scanSends(r row) (int64, error) {
	var value string
	if err := r.Scan(&value); err != nil {
		return 0, err
	}
	return strconv.ParseInt(value, 10, 64)
}

// isCurrent reports whether the tables are those that submissions were last
// sent from.
func (e *Engine) isCurrent(ctx context.Context, run runner) (bool, error) {
	stored, err := readGeneration(ctx, run)
	if err != nil || !stored.known {
		return false, err
	}
	outside, err := e.store.generation(ctx, run)
	return outside.follows(stored.marks, stored.sends), err
}

// checkGeneration begins a new generation where the tables are new, or
// restored; and then holds what is queued.
func (e *Engine) checkGeneration(ctx context.Context) error {
	held, restored := 0, false
	err := e.store.write(ctx, func(tx transaction) error {
		held, restored = 0, false
		if err := tx.run(ctx, exec(lockSpend)); err != nil { // one process at a time
			return err
		}
		stored, err := readGeneration(ctx, tx.run)
		if err != nil {
			return err
		}
		outside, err := e.store.generation(ctx, tx.run)
		if err != nil || stored.known && outside.follows(stored.marks, stored.sends) {
			return err
		}

		if restored = stored.known; restored && e.onRestore == Hold {
			c := changes{statements: []*statement{exec(referHeld, micros(e.now()))}}
			c.add(holdRestored, reasonRestored, micros(e.now()))
			if err := e.apply(ctx, tx, &c); err != nil {
				return err
			}
			held = len(c.made)
		}
		return e.renewGeneration(ctx, tx, max(stored.sends, outside.sends))
	})
	if err != nil {
		return fmt.Errorf("the store's generation: %w", err)
	}
	if restored {
		e.logger.ErrorContext(ctx, "helios: the store is a restored backup or a copy", "held", held)
	}
	return nil
}

// renewGeneration writes a new generation into the tables. The row is inserted
// anew, so that no update of another transaction can have written it.
func (e *Engine) renewGeneration(ctx context.Context, tx transaction, sends int64) error {
	renewed, err := e.store.renewGeneration(ctx, tx, sends)
	if err != nil {
		return err
	}
	return tx.run(ctx,
		exec(deleteGeneration),
		exec(upsertSetting, "generation", renewed.String()),
		exec(upsertSetting, "sends", strconv.FormatInt(sends, 10)))
}
