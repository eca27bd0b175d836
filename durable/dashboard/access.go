package dashboard

import (
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"strings"
)

// contentPolicy lets a page load the style sheet and the icon, send forms to
// the dashboard, and nothing else.
const contentPolicy = "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; " +
	"base-uri 'none'; frame-ancestors 'none'"

// secured sets the headers that every answer carries.
func secured(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		header := w.Header()
		header.Set("Content-Security-Policy", contentPolicy)
		header.Set("X-Content-Type-Options", "nosniff")
		header.Set("X-Frame-Options", "DENY")
		header.Set("Cross-Origin-Opener-Policy", "same-origin")
		header.Set("Cross-Origin-Resource-Policy", "same-origin")
		// Not no-referrer: it would make the Origin of a form "null", by
		// which browsers without Sec-Fetch-Site show that it is the same site.
		header.Set("Referrer-Policy", "same-origin")
		header.Set("Cache-Control", "no-store")
		next.ServeHTTP(w, r)
	})
}

// admit returns who sent the request, or why it is refused.
func (h *handler) admit(r *http.Request) (user string, err error) {
	if h.options.Authorize != nil {
		user, ok := h.options.Authorize(r)
		if !ok {
			return user, &pageError{
				Status: http.StatusForbidden, Title: "You do not have access to this dashboard", hidden: true,
				Text: "Sign in as a user who has access, then try again.",
			}
		}
		return user, nil
	}

	if !local(r) {
		return "", &pageError{
			Status: http.StatusForbidden, Title: "This dashboard can only be opened on its own machine", hidden: true,
			Text: "To let other machines in, the program that serves it must set Options.Authorize.",
		}
	}
	return "", nil
}

// local reports whether the request comes from this machine and was meant for
// it. The host is compared too, or a page of another site could read this one
// under a name that it lets resolve to 127.0.0.1.
func local(r *http.Request) bool {
	for _, name := range []string{"Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Real-Ip", "Via"} {
		if r.Header.Get(name) != "" {
			return false
		}
	}
	client, err := netip.ParseAddrPort(r.RemoteAddr)
	return err == nil && client.Addr().Unmap().IsLoopback() && localHost(r.Host)
}

func localHost(hostport string) bool {
	host, _, err := net.SplitHostPort(hostport)
	if err != nil { // it has no port
		host = strings.Trim(hostport, "[]")
	}
	if strings.EqualFold(host, "localhost") {
		return true
	}
	addr, err := netip.ParseAddr(host)
	return err == nil && addr.Unmap().IsLoopback()
}

// refuseCrossSite answers a form that another site has sent.
func (h *handler) refuseCrossSite(w http.ResponseWriter, r *http.Request) {
	h.logger.WarnContext(r.Context(), "helios: dashboard: cross-site request refused", about(r)...)
	h.fail(w, r, &pageError{
		Status: http.StatusForbidden, Title: "This request came from another site", hidden: true,
		Text: "Nothing was done. Open the dashboard and repeat the action there.",
	})
}

// about describes a request in the log, without its query: it holds keys only,
// but anyone may put anything there.
func about(r *http.Request) []any {
	return []any{
		slog.String("user", userOf(r)), slog.String("remote", r.RemoteAddr),
		slog.String("method", r.Method), slog.String("path", r.URL.Path),
	}
}

//go:embed static
var static embed.FS

// assets are the files that need no authorization.
var assets = map[string]*asset{
	"/style.css": newAsset("static/style.css", "text/css; charset=utf-8"),
	"/icon.svg":  newAsset("static/icon.svg", "image/svg+xml"),
}

type asset struct {
	content           []byte
	mediaType, digest string
}

func newAsset(name, mediaType string) *asset {
	content, err := static.ReadFile(name)
	if err != nil {
		panic(err) // it is embedded
	}
	sum := sha256.Sum256(content)
	return &asset{content, mediaType, hex.EncodeToString(sum[:8])}
}

// serveAsset answers with a static file, if path is one's.
func serveAsset(w http.ResponseWriter, r *http.Request, path string) bool {
	a, found := assets[path]
	if !found || (r.Method != http.MethodGet && r.Method != http.MethodHead) {
		return false
	}

	w.Header().Set("Content-Type", a.mediaType)
	w.Header().Set("Cache-Control", "public, max-age=86400") // the link changes with the content
	_, _ = w.Write(a.content)
	return true
}
