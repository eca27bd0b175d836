package durable

import "strings"

// The tables, the same in both stores but for the types' names. Times are microseconds since 1970, UTC. In braces stands what differs: see dialect.
//
// Beside request, message and body, which go through the [Codec], nothing in them comes from a patient's data, if the caller's keys do not.
//
// A submission's slot is taken while slot_until lies in the future. What is unique in helios_events is what makes a delivery a duplicate: an event without
// a number has number 0, so its status belongs to the key, and for a status update without a number the body's hash.
var migrations = []string{`
CREATE TABLE {submissions} (
	key          TEXT PRIMARY KEY,
	agent        TEXT NOT NULL,
	state        TEXT NOT NULL,
	digest       {bytes} NOT NULL,
	request      {bytes},
	reference    TEXT,
	run_id       TEXT,
	attempts     BIGINT NOT NULL DEFAULT 0,
	job_id       BIGINT,
	reason       TEXT NOT NULL DEFAULT '',
	message      {bytes},
	created_at   BIGINT NOT NULL,
	due_at       BIGINT NOT NULL,
	submitted_at BIGINT,
	accepted_at  BIGINT,
	ended_at     BIGINT,
	slot_until   BIGINT,
	decided_at   BIGINT
);
CREATE INDEX {name}submissions_queue ON {submissions} (agent, created_at, key) WHERE state = 'queued';
CREATE INDEX {name}submissions_slots ON {submissions} (agent, slot_until) WHERE slot_until IS NOT NULL;
CREATE INDEX {name}submissions_live ON {submissions} (state) WHERE state IN ('queued', 'submitting', 'accepted', 'unknown');
CREATE INDEX {name}submissions_ended ON {submissions} (ended_at) WHERE request IS NOT NULL AND ended_at IS NOT NULL;

CREATE TABLE {references} (
	reference  TEXT PRIMARY KEY,
	key        TEXT NOT NULL,
	run_id     TEXT,
	created_at BIGINT NOT NULL
);
CREATE UNIQUE INDEX {name}references_run ON {references} (run_id) WHERE run_id IS NOT NULL;

CREATE TABLE {events} (
	id              {id} PRIMARY KEY,
	run_id          TEXT NOT NULL,
	sequence_number BIGINT NOT NULL,
	discriminator   TEXT NOT NULL,
	final           SMALLINT NOT NULL,
	state           TEXT NOT NULL,
	body            {bytes},
	job_id          BIGINT NOT NULL,
	attempts        BIGINT NOT NULL DEFAULT 0,
	received_at     BIGINT NOT NULL,
	settled_at      BIGINT,
	UNIQUE (run_id, sequence_number, discriminator)
);
CREATE INDEX {name}events_live ON {events} (state, id) WHERE state IN ('pending', 'dead');
CREATE INDEX {name}events_settled ON {events} (settled_at) WHERE body IS NOT NULL AND settled_at IS NOT NULL;

CREATE TABLE {agents} (
	agent        TEXT PRIMARY KEY,
	slot_limit   BIGINT NOT NULL,
	paused_until BIGINT NOT NULL DEFAULT 0
);
INSERT INTO {agents} (agent, slot_limit) VALUES ('light', {slots}), ('deep', {slots}), ('lab-results', {slots});

CREATE TABLE {workers} (
	id      TEXT PRIMARY KEY,
	seen_at BIGINT NOT NULL
);

CREATE TABLE {sweeps} (
	name     TEXT PRIMARY KEY,
	swept_at BIGINT NOT NULL
);
INSERT INTO {sweeps} (name, swept_at) VALUES ('all', 0);
`}

const (
	createMigrations = `CREATE TABLE IF NOT EXISTS {migrations} (version BIGINT PRIMARY KEY, applied_at BIGINT NOT NULL)`
	selectMigrations = `SELECT coalesce(max(version), 0) FROM {migrations}`
	insertMigration  = `INSERT INTO {migrations} (version, applied_at) VALUES ($1, $2)`
)

// dialect turns a statement written for both stores into one for the store at hand.
type dialect struct{ replacer *strings.Replacer }

// newDialect names the tables with prefix in front, the schema of PostgreSQL, the types of bytes and of ids, who worked last on the River job j, and the store's own time.
func newDialect(prefix, bytes, id, worker, now string, more ...string) dialect {
	pairs := []string{"{bytes}", bytes, "{id}", id, "{worker}", worker, "{now}", now, "{name}", "helios_", "{slots}", "7", "{river_job}", prefix + "river_job"}
	for _, table := range []string{"submissions", "references", "events", "agents", "workers", "sweeps", "migrations"} {
		pairs = append(pairs, "{"+table+"}", prefix+"helios_"+table)
	}
	return dialect{strings.NewReplacer(append(pairs, more...)...)}
}

func (d dialect) sql(statement string) string { return d.replacer.Replace(statement) }
