package main

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/heliosai/helios-go"
	"github.com/heliosai/helios-go/durable"
)

// The program starts itself, and here that is the test binary.
func TestMain(m *testing.M) {
	if os.Getenv(fileVariable) != "" {
		main()
		return
	}
	m.Run()
}

func TestRun(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	require.NoError(t, run(t.Context(), &out, ""), out.String())
	text := out.String()
	for _, want := range []string{
		"its answer was lost. Unknown whether it was accepted, so it is not sent again.",
		"accepted. Its first webhook carries its reference, and proves it.",
		"order-10: its result has come, and is acknowledged with 200. The handler is busy, and has not seen it.\n" +
			"Process 1 is killed with SIGKILL.\n",
		"finds: 2 queued, 1 submitting, 6 accepted, 1 completed.",
		"order-10: the result that process 1 had acknowledged is handled.",
		"was accepted after all, as its first webhook proves.",
	} {
		assert.Contains(t, text, want)
	}
	assert.True(
		t,
		strings.HasSuffix(
			text,
			"\n10 orders, 10 runs accepted by the server, 0 paid twice, 10 results kept, 0 lost\n",
		),
		text,
	)
}

func TestRun_Interrupted(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	require.ErrorIs(t, run(ctx, &bytes.Buffer{}, ""), context.Canceled)
}

// TestRun_Serve reads the dashboard when the story has been told.
func TestRun_Serve(t *testing.T) {
	t.Parallel()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	addr := listener.Addr().String()
	require.NoError(t, listener.Close())
	ctx, stop := context.WithCancel(t.Context())
	reader, writer := io.Pipe()
	ended := make(chan error, 1)
	go func() {
		err := run(ctx, writer, addr)
		writer.Close()
		ended <- err
	}()

	shown := ""
	for lines := bufio.NewScanner(reader); lines.Scan(); {
		if strings.Contains(lines.Text(), "The dashboard shows the file at http://"+addr+"/") {
			resp, err := http.Get("http://" + addr + "/submissions?state=completed")
			require.NoError(t, err)
			page, err := io.ReadAll(resp.Body)
			require.NoError(t, err)
			resp.Body.Close()
			shown = string(page)
			stop()
		}
	}
	stop()
	require.NoError(t, <-ended)
	assert.Contains(t, shown, "order-10")
	assert.Contains(t, shown, "Read-only, and available on this machine only.")
}

// TestCount: the last line is counted, so it tells when something is wrong.
func TestCount(t *testing.T) {
	t.Parallel()
	w := newWorld(filepath.Join(t.TempDir(), "helios.db"))
	defer w.close()
	client, err := helios.NewClient(helios.WithAPIKey(w.fake.APIKey), helios.WithBaseURL(w.fake.URL))
	require.NoError(t, err)
	receiver, err := helios.NewReceiver(helios.WithWebhookSecret(w.fake.WebhookSecret))
	require.NoError(t, err)

	// What a process that keeps nothing does: it acknowledges, forgets, and
	// sends an order again.
	w.front.Config.Handler = http.HandlerFunc(
		func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusOK) })
	for _, order := range []string{"order-01", "order-01", "order-02"} {
		_, err := client.LabResults.Submit(t.Context(), &helios.LabResultsRequest{
			WebhookURL: w.front.URL + "?order=" + order,
			LabResults: []helios.LabResult{{Name: "Creatinine", Value: "1.8 mg/dL"}},
		})
		require.NoError(t, err)
	}
	eng, err := durable.OpenSQLite(t.Context(), w.file, client, receiver)
	require.NoError(t, err)
	for i := range orders {
		require.NoError(t, submit(t.Context(), eng, w.front.URL, i+1))
	}
	require.NoError(t, eng.Close())

	got, err := w.count(t.Context())
	require.NoError(t, err)
	assert.Equal(t, tally{orders: 10, accepted: 3, twice: 1, kept: 0, lost: 2}, got)
	assert.False(t, got.asPromised())
	assert.Equal(t, "10 orders, 3 runs accepted by the server, 1 paid twice, 0 results kept, 2 lost", got.String())
}
