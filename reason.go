package helios

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/http"
	"strconv"
	"syscall"
)

// reason returns why a request failed, in words that hold no data. Error texts
// of other packages are not passed on: they can repeat a URL's query, a
// password of a proxy, or what the other side wrote. Callers find them by
// unwrapping.
func reason(err error, connected bool) string {
	if known := knownReason(err, connected); known != "" {
		return known
	}

	var timeout net.Error
	isTimeout := errors.Is(err, context.DeadlineExceeded) || errors.As(err, &timeout) && timeout.Timeout()
	isClosed := errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)
	switch {
	case isTimeout && connected:
		return "no answer in time"
	case isTimeout:
		return "no connection in time"
	case isClosed && connected:
		return "the connection was closed without a whole answer"
	case isClosed:
		return "the connection was closed before the request was sent"
	case connected:
		return "the connection broke, or the answer is not HTTP"
	default:
		return "no connection was made; unwrap this error for its cause"
	}
}

// knownReason returns the text of an error whose words are fixed, or "".
func knownReason(err error, connected bool) string {
	var network *net.OpError
	switch {
	case errors.Is(err, errReplayed):
		return "the server refused or reset the request after it was written"
	case errors.Is(err, errRepeated):
		return "middleware tried to send the request again"
	case errors.Is(err, errDetached):
		return "middleware replaced the context of the request"
	case !connected:
		return connectionReason(err)
	case errors.As(err, &network) && !neverConnected(network):
		return networkReason(network)
	default:
		return ""
	}
}

// connectionReason returns why a connection could not be made, or "".
func connectionReason(err error) string {
	var untrusted *tls.CertificateVerificationError
	var notTLS tls.RecordHeaderError
	var lookup *net.DNSError
	var network *net.OpError
	switch {
	case errors.As(err, &untrusted):
		return "the server's certificate is not trusted: " + certificateReason(untrusted.Err)
	case errors.Is(err, http.ErrSchemeMismatch):
		return "the server speaks http, not https"
	case errors.As(err, &notTLS):
		return "the server does not speak TLS"
	case errors.As(err, &lookup):
		return lookupReason(lookup)
	case errors.As(err, &network):
		return networkReason(network)
	default:
		return proxyReason(err)
	}
}

// certificateReason names the usual causes. The error's own text holds what is
// written in the certificate.
func certificateReason(err error) string {
	var host x509.HostnameError
	var invalid x509.CertificateInvalidError
	var authority x509.UnknownAuthorityError
	switch {
	case errors.As(err, &host):
		return "it is for another host"
	case errors.As(err, &authority):
		return "it is signed by an unknown authority"
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		return "it has expired or is not yet valid"
	default:
		return "it is not valid"
	}
}

func lookupReason(err *net.DNSError) string {
	switch {
	case err.IsNotFound:
		return "lookup " + err.Name + ": no such host"
	case err.IsTimeout:
		return "lookup " + err.Name + ": no answer in time"
	default:
		return "lookup " + err.Name + ": failed"
	}
}

// networkReason writes what net.OpError.Error would, where the cause is one of
// the system's own.
func networkReason(err *net.OpError) string {
	var errno syscall.Errno
	var inner *net.OpError
	var cause string
	switch {
	case errors.As(err.Err, &inner):
		cause = networkReason(inner)
	case errors.As(err.Err, &errno):
		cause = errno.Error()
	case err.Timeout():
		cause = "no answer in time"
	case err.Op == "remote error": // its texts are TLS's own
		return "the server refused the TLS handshake: " + err.Err.Error()
	default:
		cause = "failed"
		if err.Op == "read" || err.Op == "write" {
			return ""
		}
	}

	text := err.Op
	if err.Net != "" {
		text += " " + err.Net
	}
	if err.Addr != nil {
		text += " " + err.Addr.String()
	}
	return text + ": " + cause
}

// proxyReason recognises the refusal of a proxy: as the error of a CONNECT,
// net/http returns the text of the proxy's status line.
func proxyReason(err error) string {
	text := err.Error()
	for status := 300; status < 600; status++ {
		if http.StatusText(status) == text && text != "" {
			return "the proxy refused to connect: " + strconv.Itoa(status) + " " + text
		}
	}
	return ""
}
