package main

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"sync/atomic"
	"unicode/utf8"

	"github.com/jackc/pgx/v5"

	"github.com/heliosai/helios-go"
	"github.com/heliosai/helios-go/durable"
)

// noKey is the codec of a command line. An application may encrypt what it
// stores, with a key that is not here: noKey passes on what is not encrypted,
// and reports what is.
type noKey struct {
	// show has an event that is encrypted replaced by one that says nothing, so
	// that all else of its submission can be shown. A command that hands events
	// to a handler must not have it.
	show bool
	seen *atomic.Bool // whether an event was
}

// hiddenEvent stands for an event that is encrypted.
const hiddenEvent = `{"runId":"encrypted","status":"encrypted"}`

var errEncrypted = fmt.Errorf("%w: it is encrypted, and this command has no key", durable.ErrUndecodable)

// Encode stores what this command has unencrypted.
func (noKey) Encode(body, _ []byte) ([]byte, error) { return body, nil }

// Decode returns what is not encrypted. place says what it is.
func (k noKey) Decode(stored, place []byte) ([]byte, error) {
	kind, _, _ := bytes.Cut(place, []byte{0})
	if !isEncrypted(string(kind), stored) {
		return stored, nil
	}

	switch {
	case string(kind) == "message":
		return nil, nil
	case string(kind) == "event" && k.show:
		k.seen.Store(true)
		return []byte(hiddenEvent), nil
	default:
		return nil, errEncrypted
	}
}

// isEncrypted reports whether a body of this kind is not what the service or
// the application has written.
func isEncrypted(kind string, stored []byte) bool {
	switch kind {
	case "event":
		_, err := helios.ParseEvent(stored)
		return err != nil
	case "request":
		var fields map[string]json.RawMessage
		return json.Unmarshal(stored, &fields) != nil || fields["labResults"] == nil && fields["agentType"] == nil
	default: // a text, or JSON
		return !utf8.Valid(stored) || bytes.IndexByte(stored, 1) == 0 // as durable.AESGCM begins
	}
}

// encryptedBodies find one body of each kind that an application may encrypt.
// Before the name of a table stands that of its schema. They read the tables,
// because an engine decodes a request only to send it, and that is too late;
// see owner for why package durable has nothing for it.
var encryptedBodies = []struct{ kind, selection string }{
	{"request", "SELECT request FROM %shelios_submissions WHERE request IS NOT NULL LIMIT 1"},
	{"event", "SELECT body FROM %shelios_events WHERE body IS NOT NULL LIMIT 1"},
}

// refuseEncrypted reports that an application encrypts what is in the store.
// That application could not read what a command would add unencrypted.
func (e *engine) refuseEncrypted(ctx context.Context) error {
	for _, b := range encryptedBodies {
		stored, err := e.body(ctx, b.selection)
		if err != nil {
			return err
		}
		if stored != nil && isEncrypted(b.kind, stored) {
			return failf("the application encrypts what is in this store, and this command has no key: " +
				"let the application submit, and run the engine")
		}
	}
	return nil
}

// body returns one value of the store, or nil if there is none.
func (e *engine) body(ctx context.Context, selection string) (stored []byte, err error) {
	if e.file != nil {
		err = e.file.InTx(ctx, func(tx *sql.Tx) error {
			return tx.QueryRowContext(ctx, fmt.Sprintf(selection, "")).Scan(&stored)
		})
	} else {
		prefix := pgx.Identifier{e.schema}.Sanitize() + "."
		err = e.pool.QueryRow(ctx, fmt.Sprintf(selection, prefix)).Scan(&stored)
	}
	if errors.Is(err, sql.ErrNoRows) { // pgx's is one too
		return nil, nil
	}
	return stored, err
}
