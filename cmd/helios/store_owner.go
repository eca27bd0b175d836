package main

import (
	"context"
	"database/sql"
	"errors"
	"net/url"
	"path/filepath"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
	_ "modernc.org/sqlite" // the driver "sqlite", which durable uses too

	"github.com/heliosai/helios-go"
)

// owner is whose store it is: the account and the base URL that it was used
// with, empty where it was with none. An engine that is opened with others
// writes them there, or is refused. A command that only looks and decides must
// not do the first, or the application would be refused; so it takes them over.
//
// They are read from the table, since an engine has to be told them before it
// opens. A function of package durable for it would be of use to this command
// line alone, and could never be taken back. The two columns are as safe: this
// module is built with one version of durable, and its tests, which open stores
// with that version, fail if they move.
type owner struct{ account, baseURL string }

func (o *owner) set(name, value string) {
	switch name {
	case "account":
		o.account = value
	case "base_url":
		o.baseURL = value
	}
}

// clientFor returns a client and an account for a store that belongs to own.
func (s *store) clientFor(how opening, own owner) (*helios.Client, string, error) {
	key, err := s.apiKey()
	if err != nil {
		return nil, "", err
	}
	if key == "" && !how.work {
		key = "not-used"
	}
	client, err := s.clientWith(key)
	if err != nil || how.submit || how.work || how.create && own == (owner{}) {
		return client, s.account, err
	}

	switch {
	case own.account != "" && s.account != "" && own.account != s.account:
		return nil, "", failf("--account: the store belongs to the account %s", printable(own.account))
	case own.baseURL == "":
		return client, own.account, nil
	case s.baseURL != "" && client.BaseURL() != own.baseURL:
		return nil, "", failf("--base-url: the store belongs to %s", printable(own.baseURL))
	}
	client, err = helios.NewClient(helios.WithAPIKey(key), helios.WithBaseURL(own.baseURL), helios.WithPlainHTTP())
	return client, own.account, err
}

const (
	selectTables = `SELECT count(*) > 0 FROM sqlite_master WHERE type = 'table' AND name = 'helios_settings'`
	selectOwner  = `SELECT name, value FROM helios_settings WHERE name IN ('account', 'base_url')`
)

// fileOwner reads whose store a SQLite file is, if there is one in it.
func fileOwner(ctx context.Context, path string) (own owner, there bool, err error) {
	path, err = filepath.Abs(path)
	if err != nil {
		return own, false, err
	}
	path = "/" + strings.TrimPrefix(filepath.ToSlash(path), "/") // Windows has none
	source := url.URL{Scheme: "file", Path: path, RawQuery: url.Values{
		"mode": {"rw"}, "_pragma": {"busy_timeout(10000)", "query_only(1)"}, // as durable opens it, but to read
	}.Encode()}
	db, err := sql.Open("sqlite", source.String())
	if err != nil {
		return own, false, err
	}
	defer func() { _ = db.Close() }()

	if err := db.QueryRowContext(ctx, selectTables).Scan(&there); err != nil || !there {
		return own, false, err
	}
	rows, err := db.QueryContext(ctx, selectOwner)
	if err != nil {
		return own, false, err
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var name, value string
		if err := rows.Scan(&name, &value); err != nil {
			return own, false, err
		}
		own.set(name, value)
	}
	return own, true, rows.Err()
}

// postgresOwner reads whose store is in a schema. Where there is none, opening
// it says so.
func postgresOwner(ctx context.Context, pool *pgxpool.Pool, schema string) (own owner, err error) {
	table := pgx.Identifier{schema, "helios_settings"}.Sanitize()
	rows, err := pool.Query(ctx, "SELECT name, value FROM "+table+" WHERE name IN ('account', 'base_url')")
	if err == nil {
		var name, value string
		_, err = pgx.ForEachRow(rows, []any{&name, &value}, func() error {
			own.set(name, value)
			return nil
		})
	}
	const undefinedTable = "42P01"
	if failed := new(pgconn.PgError); errors.As(err, &failed) && failed.Code == undefinedTable {
		return own, nil
	}
	return own, err
}
