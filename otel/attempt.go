package heliosotel

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"
)

// traceAttempts is the middleware that gives each attempt its span.
func (t *Telemetry) traceAttempts(next http.RoundTripper) http.RoundTripper {
	return &attempts{next, t.tracer}
}

type attempts struct {
	next   http.RoundTripper
	tracer trace.Tracer
}

// RoundTrip sends one attempt. Its span ends when the answer was read.
func (a *attempts) RoundTrip(req *http.Request) (*http.Response, error) {
	name, attributes := describe(req)
	ctx, span := a.tracer.Start(req.Context(), name,
		trace.WithSpanKind(trace.SpanKindClient), trace.WithAttributes(attributes...))

	resp, err := a.next.RoundTrip(req.WithContext(ctx))
	if err != nil {
		fail(span, errorType(err))
		span.End()
		return resp, err
	}

	if span.IsRecording() {
		span.SetAttributes(semconv.HTTPResponseStatusCode(resp.StatusCode))
		if version, ok := strings.CutPrefix(resp.Proto, "HTTP/"); ok {
			span.SetAttributes(semconv.NetworkProtocolVersion(strings.TrimSuffix(version, ".0")))
		}
		if resp.StatusCode >= http.StatusBadRequest {
			fail(span, strconv.Itoa(resp.StatusCode))
		}
	}
	resp.Body = &answerBody{resp.Body, span}
	return resp, nil
}

// describe returns the name and the attributes of an attempt's span. A query is
// never among them, and a path only if it is an endpoint's.
func describe(req *http.Request) (name string, attributes []attribute.KeyValue) {
	u := req.URL
	port, _ := strconv.Atoi(u.Port())
	if port == 0 {
		port = map[string]int{"https": 443, "http": 80}[u.Scheme]
	}
	path := ""
	if i := slices.IndexFunc(endpoints, func(e string) bool { return strings.HasSuffix(u.Path, e) }); i >= 0 {
		path = endpoints[i]
	}

	method := bounded(req.Method, methods)
	if method == other {
		method = "_OTHER" // as the conventions have it
	}
	name = method
	attributes = append(make([]attribute.KeyValue, 0, 5),
		semconv.HTTPRequestMethodKey.String(method),
		semconv.ServerAddress(u.Hostname()),
		semconv.ServerPort(port))
	if path == "" {
		return name, append(attributes, semconv.URLFull(u.Scheme+"://"+u.Host))
	}
	return name + " " + path, append(attributes,
		semconv.URLFull(u.Scheme+"://"+u.Host+u.Path), semconv.URLTemplate(path))
}

var methods = []string{
	http.MethodPost, http.MethodGet, http.MethodHead, http.MethodPut, http.MethodPatch, http.MethodDelete,
	http.MethodOptions,
}

// answerBody ends the span of its attempt when it was read or closed.
type answerBody struct {
	io.ReadCloser
	span trace.Span
}

// Read ends the span at the end of the body, or where it breaks off.
func (b *answerBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if err != nil {
		if !errors.Is(err, io.EOF) {
			fail(b.span, errorType(err))
		}
		b.span.End()
	}
	return n, err
}

// Close ends the span of an answer that was not read to its end.
func (b *answerBody) Close() error {
	defer b.span.End()
	return b.ReadCloser.Close()
}

func fail(span trace.Span, kind string) {
	span.SetAttributes(semconv.ErrorTypeKey.String(kind))
	span.SetStatus(codes.Error, "")
}

// errorType sorts the failure of an attempt. An error's own text is never used:
// it can hold an address with its query.
func errorType(err error) string {
	var network net.Error
	var name *net.DNSError
	var certificate *tls.CertificateVerificationError
	var operation *net.OpError
	switch {
	case errors.Is(err, context.Canceled):
		return "canceled"
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &network) && network.Timeout():
		return "timeout"
	case errors.As(err, &name):
		return "name_resolution"
	case errors.As(err, &certificate):
		return "certificate"
	case errors.As(err, &operation), errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return "connection"
	default:
		return "_OTHER"
	}
}
