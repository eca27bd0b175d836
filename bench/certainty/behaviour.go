package main

import (
	"net/http"
	"time"

	"golang.org/x/net/http2"

	"github.com/heliosai/helios-go"
)

// behaviour is what servers, proxies and networks do with a submission.
type behaviour struct {
	name     string
	evidence evidence
	set      func(*stage) // sets a stage
}

// evidence is what a client can know of a submission.
type evidence int

const (
	answered evidence = iota // the server says what became of it
	silent                   // a server may have got it whole, and gives no readable answer
	unsent                   // no server got it whole
)

var behaviours = []behaviour{
	// Answers.
	{"accepted", answered, plain(answers(200, acceptance))},
	{"400", answered, plain(answers(400, `{"error":"Bad Request","message":"no"}`))},
	{"401", answered, plain(answers(401, `{"error":"Unauthorized","message":"Invalid or missing API key"}`))},
	{"302", answered, plain(answers(302, "", "Location: /elsewhere"))},
	{"303", silent, plain(answers(303, "", "Location: /elsewhere"))},
	{"307", answered, plain(answers(307, "", "Location: /elsewhere"))},
	{"500", silent, plain(answers(500, ""))},
	{"503", silent, plain(answers(503, "", "Retry-After: 0"))},
	{"200 that is not JSON", silent, plain(answers(200, "<html>Welcome</html>"))},
	{"200 without a run id", silent, plain(answers(200, `{"status":"accepted"}`))},
	{"429, then accepted", answered, plain(limitedOnce())},
	{"429 with Retry-After: 0, then accepted", answered, plain(limitedOnce("Retry-After: 0"))},
	{"429 with Retry-After: 1, then accepted", answered, patient(plain(limitedOnce("Retry-After: 1")))},
	{"429 with Retry-After: 60", answered, plain(answers(429, "", "Retry-After: 60"))},
	{"429 for ever", answered, plain(answers(429, ""))},

	// Answers that break off or never come.
	{"closed after the request", silent, plain(func(c *conn) { c.read() })},
	{"reset after the request", silent, plain(resetAfterRequest)},
	{"reset after the request, large", silent, large(plain(resetAfterRequest))},
	{"half a status line", silent, plain(breaksOff("HTTP/1.1 20"))},
	{"status line only", silent, plain(breaksOff("HTTP/1.1 200 OK\r\n"))},
	{"half a body", silent, plain(breaksOff(response(200, acceptance)[:120]))},
	{"no HTTP", silent, plain(breaksOff("SSH-2.0-OpenSSH_9.9\r\n\r\n"))},
	{"answer never comes", silent, within(2*time.Second, plain(neverAnswers))},

	// Requests that are not read whole. What is small has arrived by then, for
	// all that a client can know.
	{"closed without reading", silent, plain(func(c *conn) { c.arrive() })},
	{"closed without reading, large", unsent, large(plain(func(*conn) {}))},
	{"reset after half the headers, large", unsent, large(plain(resetAfter(40)))},
	{"reset after half the body, large", unsent, large(plain(resetAfter(1 << 20)))},
	{"never read, large", unsent, large(within(200*time.Millisecond, plain(waits)))},

	// Kept connections.
	{"kept connection, closed between two requests", answered, func(s *stage) {
		s.ready = make(chan struct{})
		plain(closesWhenIdle(s.ready))(s)
	}},
	{"kept connection, closed after the second request", silent, func(s *stage) {
		s.ready = closed()
		plain(func(c *conn) {
			if c.read() {
				c.answer(200, acceptance)
				c.read()
			}
		})(s)
	}},

	// No connection.
	{"connection refused", unsent, func(s *stage) { s.url = "http://" + s.world.refusing }},
	{"no such host", unsent, within(2*time.Second, func(s *stage) { s.url = "https://helios.invalid" })},

	// TLS.
	{"TLS: accepted", answered, secure(answers(200, acceptance))},
	{"TLS: untrusted certificate", unsent, overTLS(func(c *conn) { c.secure(c.stage.world.untrusted) })},
	{"TLS: certificate of another host", unsent, overTLS(func(c *conn) { c.secure(c.stage.world.misnamed) })},
	{"TLS: handshake closed", unsent, overTLS(func(c *conn) { c.readSome(1) })},
	{"TLS: handshake reset", unsent, overTLS(func(c *conn) { c.readSome(1); c.reset() })},
	{"TLS: handshake never answered", unsent, within(100*time.Millisecond, overTLS(waits))},
	{"TLS: the port speaks HTTP", unsent, overTLS(func(c *conn) { c.readSome(1); c.answer(400, "") })},
	{"TLS: closed after the request", silent, secure(func(c *conn) { c.read() })},
	{"TLS: reset after the request", silent, secure(resetAfterRequest)},

	// Proxies, on the way to a server with TLS.
	{"proxy: accepted", answered, func(s *stage) {
		secure(answers(200, acceptance))(s)
		s.useProxy(s.listen(tunnels))
	}},
	{"proxy: refused", unsent, func(s *stage) {
		s.url = "https://127.0.0.1"
		s.useProxy(s.world.refusing)
	}},
	{"proxy: CONNECT 407", unsent, proxy(proxyAnswers(407))},
	{"proxy: CONNECT 403", unsent, proxy(proxyAnswers(403))},
	{"proxy: CONNECT 502", unsent, proxy(proxyAnswers(502))},
	{"proxy: closed after CONNECT", unsent, proxy(func(c *conn) { c.arrive() })},
	{"proxy: closed after its 200", unsent, proxy(proxyAnswers(200))},
	{"proxy: CONNECT never answered", unsent, within(100*time.Millisecond, proxy(waits))},

	// HTTP/2.
	{"HTTP/2: accepted", answered, secureHTTP2(func(f *frames, stream uint32) { f.answer(stream, "200", acceptance) })},
	{"HTTP/2: 503", silent, secureHTTP2(func(f *frames, stream uint32) { f.answer(stream, "503", "") })},
	{"HTTP/2: REFUSED_STREAM after the request", silent, secureHTTP2(refusesStream)},
	{"HTTP/2: PROTOCOL_ERROR after the request", silent, secureHTTP2(resetsStream(http2.ErrCodeProtocol))},
	{"HTTP/2: CANCEL after the request", silent, secureHTTP2(resetsStream(http2.ErrCodeCancel))},
	{"HTTP/2: GOAWAY after the request", silent, secureHTTP2(goesAway)},
	{"HTTP/2: GOAWAY before the request, then accepted", answered, goesAwayFirst},
	{"HTTP/2: connection closed after the request", silent, secureHTTP2(closes)},
	{"HTTP/2: answer never comes", silent, within(2*time.Second, secureHTTP2(func(*frames, uint32) {}))},
	{"HTTP/2 without TLS: REFUSED_STREAM after the request", silent, plainHTTP2(refusesStream)},
	{"HTTP/2 without TLS: GOAWAY after the request", silent, plainHTTP2(goesAway)},
}

// Settings of a stage.

// within gives an attempt d. Where the time must not end before the server has
// the request, d is long enough for any machine.
func within(d time.Duration, set func(*stage)) func(*stage) {
	return func(s *stage) {
		set(s)
		s.options = append(s.options, helios.WithTimeout(d))
	}
}

// patient waits for a Retry-After of a second.
func patient(set func(*stage)) func(*stage) {
	return func(s *stage) {
		set(s)
		s.options = append(s.options, helios.WithMaxRetryWait(2*time.Second))
	}
}

func large(set func(*stage)) func(*stage) {
	return func(s *stage) {
		s.size = moreThanBuffered
		set(s)
	}
}

func plain(serve func(*conn)) func(*stage) {
	return func(s *stage) { s.url = "http://" + s.listen(serve) }
}

func overTLS(serve func(*conn)) func(*stage) {
	return func(s *stage) { s.url = "https://" + s.listen(serve) }
}

func secure(serve func(*conn)) func(*stage) {
	return overTLS(func(c *conn) {
		if c.secure(c.stage.world.trusted) {
			serve(c)
		}
	})
}

func proxy(serve func(*conn)) func(*stage) {
	return func(s *stage) {
		s.url = "https://127.0.0.1"
		s.useProxy(s.listen(serve))
	}
}

func secureHTTP2(serve func(f *frames, stream uint32)) func(*stage) {
	return overTLS(func(c *conn) {
		if c.secure(c.stage.world.trusted, "h2") {
			serveHTTP2(c, serve)
		}
	})
}

func plainHTTP2(serve func(f *frames, stream uint32)) func(*stage) {
	return func(s *stage) {
		s.transport.Protocols = new(http.Protocols)
		s.transport.Protocols.SetUnencryptedHTTP2(true)
		plain(func(c *conn) { serveHTTP2(c, serve) })(s)
	}
}

func serveHTTP2(c *conn, serve func(f *frames, stream uint32)) {
	f, ok := c.startHTTP2()
	for ok {
		var stream uint32
		if stream, ok = f.read(); ok {
			serve(f, stream)
		}
	}
}

// What servers and proxies do.

func answers(status int, body string, header ...string) func(*conn) {
	return func(c *conn) {
		for c.read() {
			c.answer(status, body, header...)
		}
	}
}

func limitedOnce(header ...string) func(*conn) {
	return func(c *conn) {
		for c.read() {
			if c.stage.whole.Load() == 1 {
				c.answer(429, "", header...)
			} else {
				c.answer(200, acceptance)
			}
		}
	}
}

func resetAfterRequest(c *conn) {
	if c.read() {
		c.reset()
	}
}

func resetAfter(n int64) func(*conn) {
	return func(c *conn) {
		c.readSome(n)
		c.reset()
	}
}

func breaksOff(text string) func(*conn) {
	return func(c *conn) {
		if c.read() {
			c.write(text)
		}
	}
}

func neverAnswers(c *conn) {
	if c.read() {
		c.drain()
	}
}

// waits does nothing until the stage is closed.
func waits(c *conn) { <-c.stage.ended }

// closesWhenIdle answers one request and closes the connection. It closes seen
// when the client has closed it too.
func closesWhenIdle(seen chan struct{}) func(*conn) {
	return func(c *conn) {
		if !c.read() {
			return
		}
		c.answer(200, acceptance)
		if c.nth == 1 {
			_ = c.tcp.CloseWrite()
			c.drain()
			close(seen)
		}
	}
}

// tunnels does what a proxy is for.
func tunnels(c *conn) {
	req, ok := c.arrive()
	if !ok {
		return
	}
	c.write("HTTP/1.1 200 Connection established\r\n\r\n")
	c.tunnel(req.Host)
}

func proxyAnswers(status int) func(*conn) {
	return func(c *conn) {
		if _, ok := c.arrive(); ok {
			c.answer(status, "")
		}
	}
}

func resetsStream(code http2.ErrCode) func(*frames, uint32) {
	return func(f *frames, stream uint32) { _ = f.WriteRSTStream(stream, code) }
}

var refusesStream = resetsStream(http2.ErrCodeRefusedStream)

// goesAway says that no stream was processed, though this one was read.
func goesAway(f *frames, _ uint32) {
	_ = f.WriteGoAway(0, http2.ErrCodeNo, nil)
	f.hangUp()
}

func closes(f *frames, _ uint32) { _ = f.conn.Close() }

// goesAwayFirst ends the first connection before the request can have been
// written: it is larger than what a client may send unasked, 64 KiB.
func goesAwayFirst(s *stage) {
	s.size = 128 << 10
	overTLS(func(c *conn) {
		if !c.secure(c.stage.world.trusted, "h2") {
			return
		}
		if c.nth > 1 {
			serveHTTP2(c, func(f *frames, stream uint32) { f.answer(stream, "200", acceptance) })
			return
		}
		if f, ok := c.startHTTP2(); ok {
			goesAway(f, 0)
		}
	})(s)
}

func closed() chan struct{} {
	c := make(chan struct{})
	close(c)
	return c
}
