package helios

import (
	"context"
	"crypto/tls"
	"errors"
	"net/url"
)

// keyError is a failure to get the API key, before anything is sent.
type keyError struct{ cause error }

func (e *keyError) Error() string { return "helios: API key: " + e.reason() }
func (e *keyError) Unwrap() error { return e.cause }

func (e *keyError) reason() string {
	var bad *settingError
	switch {
	case errors.Is(e.cause, ErrMissingAPIKey):
		return "it is missing"
	case errors.As(e.cause, &bad):
		return bad.problem
	case errors.Is(e.cause, context.Canceled), errors.Is(e.cause, context.DeadlineExceeded):
		return "its source was interrupted"
	default:
		return "its source failed; unwrap this error for its cause"
	}
}

// judgeFailure judges an attempt that brought no answer.
func (x *exchange) judgeFailure(ctx context.Context, err error) verdict {
	var wrapped *url.Error
	if errors.As(err, &wrapped) {
		err = wrapped.Err // http.Client's own, with the URL in its text
	}
	last := x.attempt.last()
	if last != nil && last.stopped.Load() && ctx.Err() == nil {
		err = errReplayed // not the cancellation by which it was stopped
	}

	var key *keyError
	if errors.As(err, &key) {
		x.err = &callError{x.method, x.path, "API key: " + key.reason(), key.cause}
		return refused
	}

	inDoubt := x.attempt.inDoubt()
	x.err = &callError{x.method, x.path, describe(ctx, last, err, inDoubt), err}
	var untrusted *tls.CertificateVerificationError
	switch {
	case inDoubt:
		return unknown
	case x.attempt.wasRefused(), errors.As(err, &untrusted), errors.Is(err, errDetached), ctx.Err() != nil:
		return refused // another attempt meets the same
	default:
		return notSent
	}
}

// describe says why an attempt failed whose last transmission is last, nil if
// there was none. Where it is in doubt there was a connection: that another one
// failed is not why.
func describe(ctx context.Context, last *transmission, err error, inDoubt bool) string {
	switch {
	case ctx.Err() != nil:
		return ctx.Err().Error()
	case last == nil && (knownReason(err, false) == "" || proxyReason(err) != ""):
		return "middleware failed before anything was sent; unwrap this error for its cause"
	default:
		return reason(err, inDoubt || last != nil && last.mayHaveConnected(err))
	}
}
