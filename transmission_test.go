package helios_test

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/heliosai/helios-go"
)

// wrote reports a connection and the write of a request.
func wrote(err error) func(*httptrace.ClientTrace) {
	return func(c *httptrace.ClientTrace) {
		connected(c)
		c.WroteRequest(httptrace.WroteRequestInfo{Err: err})
	}
}

func connecting(c *httptrace.ClientTrace) { c.GetConn("") }

func wroteThenConnecting(c *httptrace.ClientTrace) {
	wrote(nil)(c)
	connecting(c)
}

func connected(c *httptrace.ClientTrace) {
	connecting(c)
	c.GotConn(httptrace.GotConnInfo{})
}

// TestSubmit_OtherTransports: around net/http, or instead of it, only a body
// that nobody read or a write that failed prove that nothing was sent.
func TestSubmit_OtherTransports(t *testing.T) {
	t.Parallel()
	broken := fmt.Errorf("failed sending %s with %s", secretValue, testKey)
	untrusted := &tls.CertificateVerificationError{Err: errors.New("unknown authority")}
	failover := errors.Join(errRefused, io.ErrUnexpectedEOF)
	for name, tt := range map[string]struct {
		err      error
		read     bool // the body, to its end
		report   func(*httptrace.ClientTrace)
		unknown  bool
		attempts int
	}{
		"silent, failed dial":                {errRefused, false, nil, false, 2},
		"silent, untrusted certificate":      {untrusted, false, nil, false, 1},
		"silent, anything else":              {broken, false, nil, false, 2},
		"silent, read":                       {broken, true, nil, true, 1},
		"silent, read, failed dial":          {errRefused, true, nil, true, 1},
		"silent, read, one of two ways":      {failover, true, nil, true, 1},
		"silent, one of two ways":            {failover, false, nil, false, 2},
		"gave up while connecting":           {broken, false, connecting, false, 2},
		"gave up when connected":             {broken, false, connected, false, 2},
		"gave up when connected and read":    {broken, true, connected, true, 1},
		"wrote":                              {broken, true, wrote(nil), true, 1},
		"could not write":                    {broken, true, wrote(io.ErrClosedPipe), false, 2},
		"could not write, one of two ways":   {failover, true, wrote(io.ErrClosedPipe), true, 1},
		"wrote, then could not reconnect":    {errRefused, true, wroteThenConnecting, true, 1},
		"nothing at all, as a broken mock's": {nil, true, nil, true, 1},
		"nothing at all, and nothing read":   {nil, false, nil, false, 2},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			attempts := 0
			client := newClient(t, "https://api.example", helios.WithMaxRetries(1), quickly(),
				withTransport(func(req *http.Request) (*http.Response, error) {
					attempts++
					if tt.read {
						_, _ = io.Copy(io.Discard, req.Body)
					}
					if tt.report != nil {
						tt.report(httptrace.ContextClientTrace(req.Context()))
					}
					return nil, tt.err
				}))
			err := submitLabs(t, client)
			if tt.err != nil {
				require.ErrorIs(t, err, tt.err)
			}
			assert.Equal(t, tt.unknown, errors.Is(err, helios.ErrOutcomeUnknown), "%v", err)
			assert.Equal(t, tt.attempts, attempts)
			assertErrorHides(t, err, secretValue, testKey)
		})
	}
}

// TestSubmit_TransportThatTriesAgain: it gets the body once more where it has
// not read it to its end, or reports that it has not written it.
func TestSubmit_TransportThatTriesAgain(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		read   bool // the body, to its end
		report func(*httptrace.ClientTrace)
		again  bool
	}{
		"silent":            {false, nil, true},
		"silent, read":      {true, nil, false},
		"connected":         {false, connected, true},
		"connected, read":   {true, connected, true},
		"could not write":   {true, wrote(io.ErrClosedPipe), true},
		"wrote, as it says": {true, wrote(nil), false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			twice := withTransport(func(req *http.Request) (*http.Response, error) {
				if tt.read {
					_, _ = io.Copy(io.Discard, req.Body)
				}
				if tt.report != nil {
					tt.report(httptrace.ContextClientTrace(req.Context()))
				}
				body, err := req.GetBody()
				if err != nil {
					return nil, err
				}
				req.Body = body
				return answer(200, acceptedBody)(req)
			})
			err := submitLabs(t, newClient(t, "https://api.example", twice))
			if tt.again {
				require.NoError(t, err)
			} else {
				require.ErrorIs(t, err, helios.ErrOutcomeUnknown)
			}
		})
	}
}

// joinedNothing is an error that could join others.
type joinedNothing struct{ error }

func (joinedNothing) Unwrap() []error { return nil }

// TestDo_OtherTransports: without a body, only the error is left as a proof.
// One failed dial among others proves nothing.
func TestDo_OtherTransports(t *testing.T) {
	t.Parallel()
	lookup := &net.DNSError{Err: "no such host", Name: "api.example", IsNotFound: true}
	for name, tt := range map[string]struct {
		err     error
		unknown bool
	}{
		"failed dial":                {errRefused, false},
		"failed lookup":              {&net.OpError{Op: "dial", Net: "tcp", Err: lookup}, false},
		"failed dial, wrapped":       {fmt.Errorf("backend a: %w", errRefused), false},
		"failed dial of a proxy":     {&net.OpError{Op: "proxyconnect", Net: "tcp", Err: errRefused}, false},
		"failed dial of SOCKS":       {&net.OpError{Op: "socks connect", Net: "tcp", Err: io.EOF}, false},
		"failed dial of each":        {errors.Join(errRefused, errRefused), false},
		"failed dial in a url.Error": {&url.Error{Op: "Post", URL: "https://a/?secret", Err: errRefused}, false},
		"failed dial, then EOF":      {errors.Join(errRefused, io.ErrUnexpectedEOF), true},
		"EOF, then failed dial":      {errors.Join(io.ErrUnexpectedEOF, errRefused), true},
		"failed dial %w and EOF":     {fmt.Errorf("%w, then %w", errRefused, io.EOF), true},
		"read":                       {&net.OpError{Op: "read", Net: "tcp", Err: errRefused}, true},
		"joined one, not a dial":     {fmt.Errorf("both: %w", errors.Join(errors.New("a"))), true},
		"joined nothing":             {joinedNothing{io.EOF}, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			attempts := 0
			client := newClient(t, "https://api.example", helios.WithMaxRetries(1), quickly(),
				withTransport(func(*http.Request) (*http.Response, error) { attempts++; return nil, tt.err }))
			err := postNothing(t, client)
			assert.Equal(t, tt.unknown, errors.Is(err, helios.ErrOutcomeUnknown), "%v", err)
			assert.Equal(t, map[bool]int{true: 1, false: 2}[tt.unknown], attempts)
			assertErrorHides(t, err, "secret")
		})
	}
}

func TestSubmit_AnotherProtocolInHTTPsTransport(t *testing.T) {
	t.Parallel()
	broken := errors.New("broken")
	attempts := 0
	transport := &http.Transport{TLSNextProto: map[string]func(string, *tls.Conn) http.RoundTripper{}} // no HTTP/2
	transport.RegisterProtocol("https", transportFunc(func(*http.Request) (*http.Response, error) {
		attempts++
		return nil, broken
	}))
	client := newClient(t, "https://api.example", helios.WithHTTPClient(&http.Client{Transport: transport}))
	require.ErrorIs(t, submitLabs(t, client), helios.ErrOutcomeUnknown)
	assert.Equal(t, 1, attempts)
}

// TestSubmit_UnknownOutcomeIsNotBlamedOnAnotherConnection: that one of two ways
// could not be dialled is not why the outcome of the other is unknown.
func TestSubmit_UnknownOutcomeIsNotBlamedOnAnotherConnection(t *testing.T) {
	t.Parallel()
	client := newClient(t, "https://api.example", withTransport(func(req *http.Request) (*http.Response, error) {
		_, _ = io.Copy(io.Discard, req.Body)
		return nil, errors.Join(errRefused, io.ErrUnexpectedEOF)
	}))
	require.EqualError(t, submitLabs(t, client), openOutcome+"the connection was closed without a whole answer")
}

// TestSubmit_RefusedByNetHTTP: what its transport refuses before it connects
// was not sent, although nothing was reported.
func TestSubmit_RefusedByNetHTTP(t *testing.T) {
	t.Parallel()
	attempts := 0
	spoil := middleware(func(next http.RoundTripper, req *http.Request) (*http.Response, error) {
		attempts++
		req = req.Clone(req.Context())
		req.Header.Set("Traceparent", "two\nlines")
		return next.RoundTrip(req)
	})
	client := newClient(t, "https://api.example",
		helios.WithMaxRetries(1), quickly(), helios.WithMiddleware(spoil.wrap))
	err := submitLabs(t, client)
	require.EqualError(t, err, submitPath+"no connection was made; unwrap this error for its cause")
	require.NotErrorIs(t, err, helios.ErrOutcomeUnknown)
	assert.Equal(t, 2, attempts)
}
