package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/heliosai/helios-go"
	"github.com/heliosai/helios-go/cmd/helios/internal/capture"
	"github.com/heliosai/helios-go/cmd/helios/internal/diagnosis"
	"github.com/heliosai/helios-go/heliostest"
)

func listenCommand(a *app) *cobra.Command {
	var addr, forwardTo, save, replay string
	cmd := &cobra.Command{
		Use:   "listen",
		Short: "Verify, keep and forward webhooks",
		Long: "Listens for webhooks, verifies each, prints it, keeps it with --save, and forwards it with\n" +
			"--forward-to: the same bytes and headers, so that the handler can verify them itself. A delivery\n" +
			"is on disk before it is answered. The answer is the target's, so a delivery that fails there is\n" +
			"not acknowledged; without a target it is 200. A delivery that is not authentic is answered with\n" +
			"401 and not forwarded.\n\n" +
			"The files hold health data. --replay sends them to --forward-to again, with a new signature.",
		Example: "  helios listen --forward-to http://localhost:8080/webhook/helios\n" +
			"  helios listen --addr :8081 --save webhooks\n" +
			"  helios listen --replay webhooks --forward-to http://localhost:8080/webhook/helios",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if replay != "" && (save != "" || cmd.Flags().Changed("addr")) {
				return usagef("--replay listens to nothing: leave out --addr and --save")
			}
			if replay != "" {
				return a.replay(cmd.Context(), replay, forwardTo)
			}
			return a.listen(cmd.Context(), addr, forwardTo, save)
		},
	}

	set := cmd.Flags()
	a.secretFlags(set)
	set.StringVar(&addr, "addr", "localhost:8081", "`address` to listen at; :8081 for every interface")
	set.StringVar(&forwardTo, "forward-to", "", "`URL` of the handler that deliveries are forwarded to")
	set.StringVar(&save, "save", "", "`directory` to keep the deliveries in")
	set.StringVar(&replay, "replay", "", "send the deliveries in this `directory` again, then exit")
	return cmd
}

func (a *app) listen(ctx context.Context, addr, forwardTo, save string) error {
	secrets, err := a.secrets()
	if err != nil {
		return err
	}
	receiver, err := a.receiver()
	if err != nil {
		return err
	}
	l := &listener{app: a, receiver: receiver, secrets: secrets, dir: save}
	if forwardTo != "" {
		if l.forward, err = newForwarder(forwardTo); err != nil {
			return err
		}
	}

	if save != "" {
		if err := prepare(save); err != nil {
			return err
		}
	}

	socket, err := openSocket(ctx, "--addr", addr)
	if err != nil {
		return err
	}
	where := urlOf(socket)
	if err := a.out.ready(map[string]string{"webhooks": where}, "Listening for webhooks at %s", where); err != nil {
		_ = socket.Close()
		return err
	}
	return a.serve(ctx, socket, l)
}

// openSocket listens at the address of a flag.
func openSocket(ctx context.Context, flag, addr string) (net.Listener, error) {
	if err := checkAddress(flag, addr, "localhost:8081"); err != nil {
		return nil, err
	}
	return (&net.ListenConfig{}).Listen(ctx, "tcp", addr)
}

// checkAddress reports that a flag is no address to listen at.
func checkAddress(flag, addr, example string) error {
	_, port, err := net.SplitHostPort(addr)
	if err == nil {
		_, err = strconv.ParseUint(port, 10, 16)
	}
	if err != nil {
		return usagef("%s must be HOST:PORT, such as %s", flag, example)
	}
	return nil
}

// serve serves until ctx ends, and closes the socket.
func (a *app) serve(ctx context.Context, socket net.Listener, handler http.Handler) error {
	server := &http.Server{
		Handler: handler, ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 30 * time.Second, ErrorLog: a.out.logger(),
	}
	served := make(chan error, 1)
	go func() { served <- server.Serve(socket) }()

	select {
	case err := <-served:
		return err
	case <-ctx.Done():
	}

	// What has begun to arrive is answered.
	shutdown, cancel := context.WithTimeout(context.WithoutCancel(ctx), answerTimeout)
	defer cancel()
	err := server.Shutdown(shutdown)
	_ = server.Close()
	if served := <-served; err == nil && !errors.Is(served, http.ErrServerClosed) {
		err = served
	}
	return err
}

// urlOf is the URL of a socket on this machine.
func urlOf(socket net.Listener) string { return "http://" + socketHost(socket.Addr()) }

// socketHost is host and port for a URL on this machine.
func socketHost(addr net.Addr) string {
	tcp, ok := addr.(*net.TCPAddr)
	if ok && tcp.IP.IsUnspecified() {
		return net.JoinHostPort("localhost", strconv.Itoa(tcp.Port))
	}
	return addr.String()
}

// listener takes deliveries.
type listener struct {
	app      *app
	receiver *helios.Receiver
	secrets  []string
	dir      string                 // "" keeps nothing
	forward  *httputil.ReverseProxy // nil forwards nothing
}

// arrival is what helios listen writes of a delivery.
type arrival struct {
	Event      *helios.Event       `json:"event,omitempty"`
	Problems   []diagnosis.Problem `json:"problems,omitempty"`
	File       string              `json:"file,omitempty"`
	StatusCode int                 `json:"statusCode"`
	Error      string              `json:"error,omitempty"`
}

func (l *listener) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	seen := &statusWriter{ResponseWriter: w}
	var got arrival
	defer func() {
		got.StatusCode = seen.status
		_ = l.app.out.result(got, l.app.arrivalText(got))
	}()

	if r.Method != http.MethodPost {
		w.Header().Set("Allow", http.MethodPost)
		http.Error(seen, "only POST", http.StatusMethodNotAllowed)
		got.Error = "not a POST"
		return
	}
	body, err := io.ReadAll(http.MaxBytesReader(seen, r.Body, maxWebhook))
	if err != nil {
		status := http.StatusServiceUnavailable
		if tooLarge := new(http.MaxBytesError); errors.As(err, &tooLarge) {
			status = http.StatusRequestEntityTooLarge
		}
		http.Error(seen, "the body could not be read", status)
		got.Error = "the body could not be read"
		return
	}

	event, err := l.receiver.VerifyPayload(body, r.Header) //nolint:contextcheck // it waits for nothing
	if err != nil && !errors.Is(err, helios.ErrMalformedEvent) {
		got.Problems = diagnosis.Examine(body, r.Header, l.secrets, time.Now()).Problems
		http.Error(seen, "not authentic", http.StatusUnauthorized)
		return
	}
	got.Event = event

	if l.dir != "" {
		if got.File, err = capture.Save(l.dir, time.Now(), event, r.Header, body); err != nil {
			http.Error(seen, "it could not be kept", http.StatusServiceUnavailable)
			got.Error = describe(err)
			return
		}
	}
	if l.forward == nil {
		seen.WriteHeader(http.StatusOK)
		return
	}
	r.Body, r.ContentLength, r.TransferEncoding = io.NopCloser(bytes.NewReader(body)), int64(len(body)), nil
	l.forward.ServeHTTP(seen, r)
	if seen.failed != nil {
		got.Error = describe(seen.failed)
	}
}

func (a *app) arrivalText(got arrival) string {
	what := "signed, but not an event"
	switch {
	case got.Event != nil:
		what = describeEvent(got.Event)
	case len(got.Problems) > 0:
		what = a.out.colour(red, "refused") + ": " + got.Problems[0].What + ": " +
			printable(got.Problems[0].Text)
	case got.StatusCode == http.StatusMethodNotAllowed || got.Error != "":
		what = "not read"
	}

	code := green
	if got.StatusCode/100 != 2 {
		code = red
	}
	status := a.out.colour(code, strconv.Itoa(got.StatusCode))
	text := fmt.Sprintf("%s  %s  %s", time.Now().Format("15:04:05"), status, what)
	if got.Error != "" {
		text += " (" + got.Error + ")"
	}
	if got.File != "" {
		text += "\n          kept in " + got.File
	}
	return text
}

// newForwarder passes requests on to one URL, whatever their path. The query is
// that of the delivery, behind the target's own.
func newForwarder(to string) (*httputil.ReverseProxy, error) {
	if err := checkTarget("--forward-to", to); err != nil {
		return nil, err
	}
	target, err := url.Parse(to)
	if err != nil {
		return nil, err
	}
	return &httputil.ReverseProxy{
		Rewrite: func(p *httputil.ProxyRequest) {
			query := p.In.URL.RawQuery
			if target.RawQuery != "" && query != "" {
				query = target.RawQuery + "&" + query
			} else if query == "" {
				query = target.RawQuery
			}
			u := *target
			u.RawQuery = query
			p.Out.URL, p.Out.Host = &u, ""
		},
		Transport: direct.Transport,
		ErrorHandler: func(w http.ResponseWriter, _ *http.Request, err error) {
			if seen, ok := w.(*statusWriter); ok {
				seen.failed = err
			}
			http.Error(w, "the target did not answer", http.StatusBadGateway)
		},
	}, nil
}

// statusWriter remembers what was answered, and why the target did not.
type statusWriter struct {
	http.ResponseWriter
	status int
	failed error
}

func (s *statusWriter) WriteHeader(status int) {
	s.status = status
	s.ResponseWriter.WriteHeader(status)
}

func (s *statusWriter) Write(p []byte) (int, error) {
	if s.status == 0 {
		s.status = http.StatusOK
	}
	return s.ResponseWriter.Write(p)
}

func (s *statusWriter) Unwrap() http.ResponseWriter { return s.ResponseWriter }

// replay sends kept deliveries again. All headers but those that sign are sent
// as they came.
func (a *app) replay(ctx context.Context, dir, to string) error {
	if to == "" {
		return usagef("--replay needs --forward-to URL")
	}
	if err := checkTarget("--forward-to", to); err != nil {
		return err
	}
	secrets, err := a.secrets()
	if err != nil {
		return err
	}
	list, err := capture.Load(dir)
	if err != nil {
		return err
	}
	if len(list) == 0 {
		return failf("%s holds no deliveries: helios listen --save %s keeps them there", dir, dir)
	}

	refused := 0
	for _, d := range list {
		header := d.Header.Clone()
		for name, values := range heliostest.Sign(secrets[0], d.Body, time.Now()) {
			header[name] = values
		}
		got, err := send(ctx, to, delivery{header, d.Body})
		if err != nil {
			return err
		}
		got.Name = d.Name
		if err := a.out.result(got, a.answerText(got, got.ok())); err != nil {
			return err
		}
		if !got.ok() {
			refused++
		}
	}
	if refused > 0 {
		return failf("%d of %d deliveries were not accepted", refused, len(list))
	}
	return nil
}
