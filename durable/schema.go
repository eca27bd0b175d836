package durable

import "strings"

// migration is one step of the tables' history. A process works on tables that
// a later version has migrated, as long as no step says that it is too old.
type migration struct {
	script string
	// oldest is the version of the tables that the oldest code knows which may
	// still work on them after this step. A step that only adds what old code
	// need not know does not raise it.
	oldest int
}

// The tables, the same in both stores but for the names of types. Times are
// microseconds since 1970, UTC. In braces stands what differs: see dialect.
//
// Beside request, message, trace and body, which go through the [Codec],
// nothing in them comes from a patient's data, if the caller's keys do not.
//
// A submission holds a slot while slot_until lies in the future. The UNIQUE
// constraint of helios_events defines a duplicate: an event without a number
// has number 0, so its status belongs to the constraint, and for a status
// update without a number the hash of its body. Its body stands last: SQLite
// then finds all that changes in a row on its first page, and writes only that
// one when the event is settled.
var migrations = []migration{{oldest: 1, script: `
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
CREATE INDEX {name}submissions_live ON {submissions} (state)
	WHERE state IN ('queued', 'submitting', 'accepted', 'unknown');
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
	job_id          BIGINT NOT NULL,
	attempts        BIGINT NOT NULL DEFAULT 0,
	received_at     BIGINT NOT NULL,
	settled_at      BIGINT,
	body            {bytes},
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
`}, {oldest: 1, script: `
ALTER TABLE {migrations} ADD COLUMN oldest BIGINT NOT NULL DEFAULT 1;

ALTER TABLE {agents} ADD COLUMN refusals BIGINT NOT NULL DEFAULT 0;
ALTER TABLE {agents} ADD COLUMN reason TEXT NOT NULL DEFAULT '';

ALTER TABLE {submissions} ADD COLUMN trace {bytes};
CREATE INDEX {name}submissions_state ON {submissions} (state, key);
CREATE INDEX {name}submissions_agent ON {submissions} (agent, key);
CREATE INDEX {name}submissions_agent_state ON {submissions} (agent, state, key);
CREATE INDEX {name}submissions_probe ON {submissions} (agent, attempts, created_at, key, due_at) WHERE state = 'queued';
CREATE INDEX {name}submissions_ages ON {submissions} (state, created_at, submitted_at, accepted_at, ended_at)
	WHERE state IN ('queued', 'submitting', 'accepted', 'unknown', 'overdue');
CREATE INDEX {name}submissions_accepted ON {submissions} (accepted_at) WHERE state = 'accepted';

ALTER TABLE {references} ADD COLUMN agent TEXT;
ALTER TABLE {references} ADD COLUMN spent_at BIGINT;
CREATE INDEX {name}references_spent ON {references} (spent_at, agent) WHERE spent_at IS NOT NULL;
CREATE INDEX {name}references_key ON {references} (key);

CREATE INDEX {name}events_ages ON {events} (state, received_at) WHERE state IN ('pending', 'dead');

CREATE TABLE {ends} (
	id         {id} PRIMARY KEY,
	key        TEXT NOT NULL,
	ended_as   TEXT NOT NULL,
	state      TEXT NOT NULL,
	job_id     BIGINT NOT NULL,
	attempts   BIGINT NOT NULL DEFAULT 0,
	ended_at   BIGINT NOT NULL,
	settled_at BIGINT
);
CREATE INDEX {name}ends_state ON {ends} (state, id);
CREATE INDEX {name}ends_ages ON {ends} (state, ended_at);
CREATE INDEX {name}ends_key ON {ends} (key);

CREATE TABLE {settings} (
	name  TEXT PRIMARY KEY,
	value TEXT NOT NULL
);
INSERT INTO {sweeps} (name, swept_at) VALUES ('spend', 0), ('health', 0);
`}, {oldest: 1, script: `
ALTER TABLE {events} ADD COLUMN failure TEXT;
ALTER TABLE {ends} ADD COLUMN failure TEXT;

ALTER TABLE {references} ADD COLUMN duplicate_of TEXT;
CREATE INDEX {name}references_duplicate ON {references} (duplicate_of) WHERE duplicate_of IS NOT NULL;

-- With due_at, those that are not due are passed over without a look at them.
DROP INDEX {submissions}_queue;
CREATE INDEX {name}submissions_waiting ON {submissions} (agent, created_at, key, due_at) WHERE state = 'queued';
`}}

const (
	createMigrations = `CREATE TABLE IF NOT EXISTS {migrations} 
		(version BIGINT PRIMARY KEY, applied_at BIGINT NOT NULL)`
	selectVersion   = `SELECT coalesce(max(version), 0) FROM {migrations}`
	selectOldest    = `SELECT max(oldest) FROM {migrations}`
	insertMigration = `INSERT INTO {migrations} (version, applied_at) VALUES ($1, $2)`
	updateOldest    = `UPDATE {migrations} SET oldest = $2 WHERE version = $1`
)

// dialect turns a statement written for both stores into one for the store at
// hand.
type dialect struct{ replacer *strings.Replacer }

// newDialect names the tables with prefix in front, the schema of PostgreSQL,
// the types of bytes and of ids, who worked last on the River job j, and the
// store's own time.
func newDialect(prefix, bytes, id, worker, now string, more ...string) dialect {
	pairs := []string{"{bytes}", bytes, "{id}", id, "{worker}", worker, "{now}", now,
		"{name}", "helios_", "{slots}", "7", "{river_job}", prefix + "river_job"}
	for _, table := range []string{
		"submissions", "references", "events", "ends", "agents", "workers", "sweeps", "settings", "migrations",
	} {
		pairs = append(pairs, "{"+table+"}", prefix+"helios_"+table)
	}
	return dialect{strings.NewReplacer(append(pairs, more...)...)}
}

func (d dialect) sql(statement string) string { return d.replacer.Replace(statement) }
