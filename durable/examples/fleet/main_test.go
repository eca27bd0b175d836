package main

import (
	"bytes"
	"context"
	"net/http"
	"os"
	"regexp"
	"testing"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/heliosai/helios-go"
)

// The program starts itself, and here that is the test binary.
func TestMain(m *testing.M) {
	if os.Getenv(nameVariable) != "" {
		main()
		return
	}
	m.Run()
}

// testDatabase returns where the tests' PostgreSQL is. Without one the test is
// skipped, but fails where CI=true.
func testDatabase(t *testing.T) (string, *pgxpool.Pool) {
	t.Helper()
	database := os.Getenv("HELIOS_TEST_DATABASE_URL")
	if database == "" {
		database = "postgres://postgres@127.0.0.1:5432/test"
	}
	pool, err := pgxpool.New(t.Context(), database)
	require.NoError(t, err)
	t.Cleanup(pool.Close)
	if err := pool.Ping(t.Context()); err != nil {
		require.NotEqual(t, "true", os.Getenv("CI"), "CI needs PostgreSQL: %v", err)
		t.Skipf("no PostgreSQL at %s; set HELIOS_TEST_DATABASE_URL", database)
	}
	return database, pool
}

// TestKill runs the whole program. It takes 45 s, for most of which the
// processes wait.
func TestKill(t *testing.T) {
	t.Parallel()
	if os.Getenv("HELIOS_TEST_KILL") == "" {
		t.Skip("to kill a process: HELIOS_TEST_KILL=1 go test -run Kill ./durable/...")
	}
	database, pool := testDatabase(t)
	var out bytes.Buffer
	require.NoError(t, run(t.Context(), database, &out, ""), out.String())
	text := out.String()
	for _, want := range []string{
		`Process [12] is sending order-\d\d and has no answer yet, and is handling the result of order-\d\d`,
		`\nProcess [12] is killed with SIGKILL\. Process [12] goes on alone\.\n`,
		`order-\d\d: was accepted, as its first webhook proves\. It is not sent again\.\n`,
		`Waiting for \d+ that process [12] was handling: it counts as dead after 30 s`,
		`\d+ s after the kill process [12] has handled the rest\.\n`,
		`\nprocess 1 submitted [1-9]\d*\nprocess 2 submitted [1-9]\d*\n` +
			`at most [1-7] runs in flight, 0 submissions refused for want of a slot\n`,
		`\n40 orders, 40 runs accepted by the server, 0 paid twice, 40 results kept, 0 lost\n$`,
	} {
		assert.Regexp(t, want, text)
	}

	schema := regexp.MustCompile(`helios_fleet_\w+`).FindString(text)
	require.NotEmpty(t, schema)
	var left int
	require.NoError(t,
		pool.QueryRow(t.Context(), `SELECT count(*) FROM pg_namespace WHERE nspname = $1`, schema).Scan(&left))
	assert.Zero(t, left, "its schema is dropped")
}

func TestRun_WithoutPostgreSQL(t *testing.T) {
	t.Parallel()
	const nobody = "127.0.0.1:1"
	var out bytes.Buffer
	require.NoError(t, run(t.Context(), "postgres://someone:a-password@"+nobody+"/test", &out, ""))
	assert.Contains(t, out.String(), nobody)
	assert.Contains(t, out.String(), "docker run --rm -d -p 127.0.0.1:5432:5432 ")
	assert.NotContains(t, out.String(), "a-password")

	require.ErrorContains(t, run(t.Context(), "not a URL", &out, ""), "cannot parse")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	require.ErrorIs(t, run(ctx, "postgres://"+nobody+"/test", &out, ""), context.Canceled)
}

// TestCount: the last lines are counted, so they tell when something is wrong.
func TestCount(t *testing.T) {
	t.Parallel()
	database, pool := testDatabase(t)
	schema := newSchema()
	defer func() { require.NoError(t, dropSchema(t.Context(), pool, schema)) }()
	f, err := newFleet(t.Context(), pool, database, schema)
	require.NoError(t, err)
	defer f.close()
	client, err := helios.NewClient(helios.WithAPIKey(f.fake.APIKey), helios.WithBaseURL(f.fake.URL),
		helios.WithWebhookURL(f.front.URL), helios.WithUserAgent("process 9"))
	require.NoError(t, err)

	// What a process that keeps nothing does: it acknowledges, forgets, and
	// sends an order again.
	f.front.Config.Handler = http.HandlerFunc(
		func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusOK) })
	for i := range orders {
		request := order(i + 1)
		request.WebhookURL = f.front.URL
		_, err := f.eng.SubmitLabResults(t.Context(), key(i+1), request)
		require.NoError(t, err)
	}
	for _, i := range []int{1, 1, 2} {
		_, err := client.LabResults.Submit(t.Context(), order(i))
		require.NoError(t, err)
	}

	got, err := f.count(t.Context())
	require.NoError(t, err)
	assert.Equal(t, "40 orders, 3 runs accepted by the server, 1 paid twice, 0 results kept, 2 lost", got.String())
	assert.Equal(t, map[string]int{"process 9": 3}, got.by)
	assert.False(t, got.asPromised())
}

func TestTally(t *testing.T) {
	t.Parallel()
	good := func() tally { return tally{orders: orders, accepted: orders, kept: orders, inFlight: slots} }
	assert.True(t, good().asPromised())
	for name, change := range map[string]func(*tally){
		"a run too few":    func(t *tally) { t.accepted-- },
		"paid twice":       func(t *tally) { t.accepted++; t.twice++ },
		"a result missing": func(t *tally) { t.kept-- },
		"a result lost":    func(t *tally) { t.lost++ },
		"over the limit":   func(t *tally) { t.inFlight++ },
		"refused":          func(t *tally) { t.refused++ },
	} {
		bad := good()
		change(&bad)
		assert.False(t, bad.asPromised(), name)
	}
}
