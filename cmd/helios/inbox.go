package main

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/heliosai/helios-go"
	"github.com/heliosai/helios-go/cmd/helios/internal/capture"
)

// inbox takes the webhooks of one run. A final event is on the disk before its
// webhook is answered, whichever run it is of: it does not come again.
type inbox struct {
	app       *app
	url, addr string
	dir       string
	token     string // of the run's webhook URL
	timeout   time.Duration
	tracker   *helios.Tracker

	server *http.Server
	served chan struct{}

	mu    sync.Mutex
	files map[string]string      // of final events, by run id
	told  map[helios.Reason]bool // of deliveries that were refused
	known chan string            // gets the run id of the first event with the token
}

// tokenKey is where the context of a delivery holds its token.
type tokenKey struct{}

// listenForRun opens an inbox. The directory is made, so that nothing is sent
// whose result could not be kept.
func (a *app) listenForRun(ctx context.Context, addr, dir string) (*inbox, error) {
	if _, err := a.secrets(); err != nil {
		return nil, err
	}
	if err := prepare(dir); err != nil {
		return nil, err
	}

	socket, err := openSocket(ctx, "--addr", addr)
	if err != nil {
		return nil, err
	}
	box := &inbox{
		app: a, url: urlOf(socket), addr: socketHost(socket.Addr()), dir: dir, token: randomHex(16),
		tracker: helios.NewTracker(), files: map[string]string{}, told: map[helios.Reason]bool{},
		known:  make(chan string, 1),
		served: make(chan struct{}),
	}
	receiver, err := a.receiver(helios.WithMalformedHandler(box.keepMalformed),
		helios.WithReceiverObserver(box.observe))
	if err != nil {
		_ = socket.Close()
		return nil, err
	}

	handler := receiver.Handler(box.take)
	box.server = &http.Server{
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			ctx := context.WithValue(r.Context(), tokenKey{}, r.URL.Query().Get("submission"))
			handler.ServeHTTP(w, r.WithContext(ctx))
		}),
		ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 30 * time.Second, ErrorLog: a.out.logger(),
	}
	go func() {
		defer close(box.served)
		_ = box.server.Serve(socket) // returns only because of close
	}()
	return box, nil
}

// prepare makes the directory of --save. One that cannot be written is reported
// before anything arrives that would have to be kept.
func prepare(dir string) error {
	if err := capture.Prepare(dir); err != nil {
		return failf("nothing can be kept in --save %s: %w", printable(dir), withoutPath(err))
	}
	return nil
}

// withoutPath drops what os puts before an error: the name of a file.
func withoutPath(err error) error {
	var path *fs.PathError
	if errors.As(err, &path) {
		return path.Err
	}
	return err
}

// close lets the delivery that brought the result be answered.
func (b *inbox) close(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), answerTimeout)
	defer cancel()
	_ = b.server.Shutdown(ctx)
	_ = b.server.Close()
	<-b.served
}

// take keeps an event: on the disk if it is final, and in the tracker.
func (b *inbox) take(ctx context.Context, event *helios.Event) error {
	if event.Final() {
		path, err := b.keep(event)
		if err != nil {
			b.app.out.note("The result could not be kept, and is not acknowledged: %s", describe(err))
			return errors.Join(helios.ErrUnavailable, err)
		}
		b.mu.Lock()
		b.files[event.RunID] = path
		b.mu.Unlock()
	}

	if token, _ := ctx.Value(tokenKey{}).(string); token == b.token {
		select {
		case b.known <- event.RunID:
		default: // it is known
		}
	}
	return b.tracker.Handle(ctx, event)
}

// keep writes a final event to a file that is named for its run. An event that
// is another one than what is there gets a file of its own.
func (b *inbox) keep(event *helios.Event) (string, error) {
	path := filepath.Join(b.dir, capture.FileName(event.RunID)+".json")
	there, err := os.ReadFile(path) //nolint:gosec // its name is made by FileName
	switch {
	case errors.Is(err, os.ErrNotExist):
		return path, capture.WriteFile(path, event.Raw)
	case err != nil:
		return "", err
	case bytes.Equal(there, event.Raw):
		return path, nil
	default:
		return capture.Save(b.dir, time.Now(), event, http.Header{}, event.Raw)
	}
}

// keepMalformed keeps what is signed and no event: it may be a result.
func (b *inbox) keepMalformed(_ context.Context, malformed *helios.MalformedEventError) error {
	path, err := capture.Save(b.dir, time.Now(), nil, http.Header{}, malformed.Raw)
	if err != nil {
		return errors.Join(helios.ErrUnavailable, err)
	}
	b.app.out.note("Kept in %s: a webhook that is signed, but not an event", path)
	return nil
}

// refusals are what to do about deliveries that were refused, in a line of its
// own for each reason.
var refusals = map[helios.Reason]string{
	helios.ReasonSignature: ": it was not signed with HELIOS_WEBHOOK_SECRET or --webhook-secret-file. " +
		"Is that the account's secret?",
	helios.ReasonStale: ": by its timestamp it is from another time. Is this machine's clock right?",
}

// observe tells of deliveries that were refused, and only once what to do.
func (b *inbox) observe(_ context.Context, d helios.Delivery) {
	if d.Reason == helios.ReasonAccepted {
		return
	}
	b.mu.Lock()
	told := b.told[d.Reason]
	b.told[d.Reason] = true
	b.mu.Unlock()

	text := " (" + string(d.Reason) + ")"
	if !told {
		text += refusals[d.Reason]
	}
	b.app.out.note("A webhook was answered with %d%s", d.StatusCode, text)
}

// first returns the run of the first event with the token. It reports false if
// ctx ends before one comes.
func (b *inbox) first(ctx context.Context) (runID string, ok bool) {
	select {
	case runID := <-b.known:
		return runID, true
	case <-ctx.Done():
		return "", false
	}
}

// file returns the file of a run's final event.
func (b *inbox) file(runID string) string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.files[runID]
}
