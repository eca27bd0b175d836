package main

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

// An address in another notation is no file, and is not printed: it can have a
// password in it.
func TestStoreAddress(t *testing.T) {
	t.Parallel()
	for _, address := range []string{"helios.db", "./a/b.db", `C:\data\helios.db`, "postgres.db", "host.db"} {
		assert.True(t, isFile(address), address)
	}
	for _, address := range []string{
		"host=localhost user=u password=hunter2 dbname=db", "Postgres://u:hunter2@h/db", "postgres:/u:hunter2@h/db",
		"postgresql+psycopg://u:hunter2@h/db",
	} {
		assert.False(t, isFile(address), address)
	}
	assert.NotContains(t, errNoAddress.Error(), "hunter2")
}
