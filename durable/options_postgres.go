package durable

// postgresConfig holds the options that only PostgreSQL has.
type postgresConfig struct {
	pollOnly         bool
	withoutMigration bool
}

// WithPollOnly makes the engine work through a pooler in transaction mode, such
// as PgBouncer with pool_mode=transaction. River then looks for jobs four times
// a second, since LISTEN does not work there, and no statement stays prepared
// on a connection unless the pool's QueryExecMode says so. On SQLite it has no
// effect.
func WithPollOnly() Option {
	return func(c *config) error {
		c.pollOnly = true
		return nil
	}
}

// WithoutMigration makes [OpenPostgres] refuse tables that are missing or old,
// with an error that says so, where it would otherwise make or update them. The
// engine then needs no right to change the schema. Make the tables with
// [MigratePostgres] or [PostgresSchemaSQL], as a role that may. River's indexes
// are not rebuilt by the engine then, since only their owner can. On SQLite it
// has no effect.
func WithoutMigration() Option {
	return func(c *config) error {
		c.withoutMigration = true
		return nil
	}
}
