package main

import (
	"context"
	"crypto/subtle"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/heliosai/helios-go"
	"github.com/heliosai/helios-go/cmd/helios/internal/capture"
	"github.com/heliosai/helios-go/durable/dashboard"
)

// serveFlags are those of helios store serve.
type serveFlags struct {
	addr, webhookAddr, dir string
	manage, work, results  bool
}

func storeServeCommand(s *store) *cobra.Command {
	var flags serveFlags
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "Serve the dashboard of a store",
		Long: "Serves the dashboard to this machine only, and read-only. With --manage it prints a link, and\n" +
			"anyone who has the link can make decisions too.\n\n" +
			"With --work it also runs the engine: it sends what is queued, receives webhooks at --webhook-addr\n" +
			"under /webhook/helios, and keeps results in the store. Use it only where no application runs the\n" +
			"engine: events handled here do not reach the application's handler, and what is stored here is not\n" +
			"encrypted.",
		Example: "  helios store serve --db helios.db\n" +
			"  helios store serve --db helios.db --manage\n" +
			"  helios store serve --db helios.db --work --webhook-url http://localhost:8081/webhook/helios",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return s.serveStore(cmd.Context(), flags) },
	}

	set := cmd.Flags()
	s.secretFlags(set)
	set.StringVar(&flags.addr, "addr", "localhost:8090", "`address` of the dashboard")
	set.BoolVar(&flags.manage, "manage", false, "print a link with which decisions can be made")
	set.BoolVar(&flags.results, "show-results", false, "show results, which are health data")
	set.BoolVar(&flags.work, "work", false, "also send what is queued, and receive webhooks")
	set.StringVar(&flags.webhookAddr, "webhook-addr", "localhost:8081", "with --work: `address` for webhooks")
	set.StringVar(&flags.dir, "save", "", "with --work: also write final events to this `directory`")
	return cmd
}

func (s *store) serveStore(ctx context.Context, flags serveFlags) error {
	if err := checkAddress("--addr", flags.addr, "localhost:8090"); err != nil {
		return err
	}
	if !isLoopback("http://" + flags.addr) {
		return usagef("--addr must be on this machine, such as localhost:8090: the dashboard has no login")
	}

	if flags.dir != "" {
		if !flags.work {
			return usagef("--save needs --work: without it no event is received")
		}
		if err := prepare(flags.dir); err != nil {
			return err
		}
	}

	sockets, err := flags.listen(ctx)
	if err != nil {
		return err
	}
	defer func() {
		for _, socket := range sockets {
			_ = socket.Close() // again, where it was served
		}
	}()

	logger := slog.New(slog.NewTextHandler(s.out.stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))
	eng, err := s.open(ctx, opening{work: flags.work, logger: logger})
	if err != nil {
		return err
	}
	defer eng.close()

	options := dashboard.Options{ShowResults: flags.results, Logger: logger}
	token, link := "", urlOf(sockets[0])
	if flags.manage {
		token = randomHex(16)
		options.Authorize = authorize(token)
		link += "/?token=" + token
	}
	page := withToken(token, dashboard.Handler(eng, options))

	where, text := map[string]string{"dashboard": link}, "Dashboard at "+link
	if flags.work {
		where["webhooks"] = urlOf(sockets[1]) + webhookPath
		text += "\nListening for webhooks at " + where["webhooks"]
	}
	if err := s.out.ready(where, "%s", text); err != nil {
		return err
	}

	parts := []func(context.Context) error{func(ctx context.Context) error { return s.serve(ctx, sockets[0], page) }}
	if flags.work {
		s.handle(eng, flags.dir)
		mux := http.NewServeMux()
		mux.Handle(webhookPath, eng.WebhookHandler())
		parts = append(parts, eng.Run, func(ctx context.Context) error { return s.serve(ctx, sockets[1], mux) })
	}
	return together(ctx, parts...)
}

// listen opens the sockets: of the dashboard, and with --work of the webhooks.
func (f *serveFlags) listen(ctx context.Context) ([]net.Listener, error) {
	socket, err := openSocket(ctx, "--addr", f.addr)
	if err != nil || !f.work {
		return []net.Listener{socket}, err
	}
	webhooks, err := openSocket(ctx, "--webhook-addr", f.webhookAddr)
	if err != nil {
		_ = socket.Close()
		return nil, err
	}
	return []net.Listener{socket, webhooks}, nil
}

// webhookPath is where helios takes webhooks.
const webhookPath = "/webhook/helios"

// handle tells of each event, and writes the final ones into dir.
func (s *store) handle(eng *engine, dir string) {
	eng.HandleFunc(func(_ context.Context, event *helios.Event) error {
		s.out.note("%s  %s", time.Now().Format("15:04:05"), describeEvent(event))
		if !event.Final() || dir == "" {
			return nil
		}
		return capture.WriteFile(filepath.Join(dir, capture.FileName(event.RunID)+".json"), event.Raw)
	})
}

// together runs all parts until the first ends or ctx does, and returns the
// first error when all have returned.
func together(ctx context.Context, parts ...func(context.Context) error) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	ended := make(chan error, len(parts))
	for _, part := range parts {
		go func() {
			defer cancel()
			ended <- part(ctx)
		}()
	}

	var first error
	for range parts {
		if err := <-ended; first == nil && err != nil && !errors.Is(err, context.Canceled) {
			first = err
		}
	}
	return first
}

const tokenCookie = "helios_dashboard"

// withToken takes the token from the link, and puts it into a cookie.
func withToken(token string, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		given := r.URL.Query().Get("token")
		if token == "" || !same(given, token) || r.Method != http.MethodGet || !fromThisMachine(r) {
			next.ServeHTTP(w, r)
			return
		}
		http.SetCookie(w, &http.Cookie{ //nolint:gosec // not Secure: it is http on this machine
			Name: tokenCookie, Value: token, Path: "/", HttpOnly: true, SameSite: http.SameSiteStrictMode,
		})
		w.Header().Set("Referrer-Policy", "no-referrer")
		w.Header().Set("Cache-Control", "no-store")
		http.Redirect(w, r, "/", http.StatusSeeOther)
	})
}

// authorize lets in anyone who has the token, on this machine.
func authorize(token string) func(*http.Request) (string, bool) {
	return func(r *http.Request) (string, bool) {
		cookie, err := r.Cookie(tokenCookie)
		return "a holder of the link", err == nil && same(cookie.Value, token) && fromThisMachine(r)
	}
}

func same(a, b string) bool { return subtle.ConstantTimeCompare([]byte(a), []byte(b)) == 1 }

// fromThisMachine reports whether a request comes from this machine, not
// through a proxy, and was meant for it: a page of another site could name a
// host that it lets resolve to 127.0.0.1.
func fromThisMachine(r *http.Request) bool {
	for name := range r.Header {
		if name == "Forwarded" || name == "Via" || strings.HasPrefix(name, "X-Forwarded-") || name == "X-Real-Ip" {
			return false
		}
	}
	client, err := netip.ParseAddrPort(r.RemoteAddr)
	return err == nil && client.Addr().Unmap().IsLoopback() && isLoopback("http://"+r.Host)
}
