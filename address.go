package helios

import (
	"net/netip"
	"net/url"
	"strconv"
	"strings"
)

// parseBaseURL checks the base URL that source gave. Its errors do not repeat
// it: it may hold a password.
func parseBaseURL(source, base string, plainHTTP bool) (*url.URL, error) {
	base, err := cleanSetting(source, base)
	if err != nil {
		return nil, err
	}

	u, err := url.Parse(base)
	if err != nil || u.Opaque != "" {
		return nil, &settingError{source, "is not a URL"}
	}
	problem := addressProblem(u)
	switch {
	case problem != "":
	case u.User != nil:
		problem = "must not hold userinfo"
	case u.RawQuery != "" || u.ForceQuery || u.Fragment != "":
		problem = "must not hold a query or a fragment"
	case u.Scheme == "http" && !plainHTTP && !isLoopback(u.Hostname()):
		problem = "must be https (http only to a loopback host, or with WithPlainHTTP)"
	}
	if problem != "" {
		return nil, &settingError{source, problem}
	}
	return u, nil
}

// addressProblem returns what keeps u from being the address of an HTTP server,
// or "".
func addressProblem(u *url.URL) string {
	host := u.Hostname()
	switch {
	case u.Scheme != "https" && u.Scheme != "http":
		return "must be https"
	case host == "":
		return "must have a host"
	case !isHost(host):
		return "its host is neither a host name nor an IP address"
	case !isPort(u.Port()):
		return "its port is not between 1 and 65535"
	}
	return ""
}

// isPort reports whether port is a TCP port, or empty for the scheme's own.
func isPort(port string) bool {
	if port == "" {
		return true
	}
	n, err := strconv.ParseUint(port, 10, 16)
	return err == nil && n > 0
}

// isHost reports whether host is an IP address or the name of a host: labels of
// ASCII letters, digits, hyphens and underscores, of which the last is not a
// number. A last label that is one makes an IPv4 address to many resolvers.
func isHost(host string) bool {
	if _, ok := ipAddress(host); ok {
		return true
	}

	name := strings.TrimSuffix(host, ".")
	if len(name) > 253 {
		return false
	}
	for label := range strings.SplitSeq(name, ".") {
		if label == "" || len(label) > 63 || strings.ContainsFunc(label, notInLabel) {
			return false
		}
	}
	last := name[strings.LastIndexByte(name, '.')+1:]
	isDecimal := strings.Trim(last, "0123456789") == ""
	isHex := len(last) > 1 && (last[:2] == "0x" || last[:2] == "0X")
	return !isDecimal && !isHex
}

func notInLabel(r rune) bool {
	switch {
	case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9', r == '-', r == '_':
		return false
	default:
		return true
	}
}

func isLoopback(host string) bool {
	name := strings.ToLower(strings.TrimSuffix(host, "."))
	if name == "localhost" || strings.HasSuffix(name, ".localhost") {
		return true
	}
	addr, ok := ipAddress(host)
	return ok && addr.IsLoopback()
}

// ipAddress returns the IP address that host is, an IPv4 one also where it is
// written as IPv6. What is none is mostly seen without asking net/netip, whose
// error takes memory.
func ipAddress(host string) (netip.Addr, bool) {
	if strings.Trim(host, "0123456789.") != "" && !strings.Contains(host, ":") {
		return netip.Addr{}, false
	}
	addr, err := netip.ParseAddr(host)
	return addr.Unmap(), err == nil
}

// Names under these are never resolved on the internet: RFC 6761, RFC 6762,
// RFC 8375, RFC 7686, and .internal by ICANN's resolution 2024.07.29.06. The
// last ones are not reserved, but routers and Kubernetes use them, and no such
// top-level domain exists.
var localDomains = []string{
	".localhost", ".local", ".internal", ".home.arpa", ".invalid", ".test", ".onion",
	".lan", ".localdomain", ".svc",
}

// Address blocks that nothing on the internet reaches, beside those that
// net/netip knows: RFC 6890 and IANA's special-purpose registries.
var localBlocks = []netip.Prefix{
	netip.MustParsePrefix("0.0.0.0/8"),
	netip.MustParsePrefix("100.64.0.0/10"),
	netip.MustParsePrefix("192.0.0.0/24"),
	netip.MustParsePrefix("192.0.2.0/24"),
	netip.MustParsePrefix("198.18.0.0/15"),
	netip.MustParsePrefix("198.51.100.0/24"),
	netip.MustParsePrefix("203.0.113.0/24"),
	netip.MustParsePrefix("240.0.0.0/4"),
	netip.MustParsePrefix("2001:db8::/32"),
}

// globalIPv6 holds all addresses of IPv6 that are given out for the internet
// (RFC 4291). What is outside of it embeds other addresses, as ::127.0.0.1
// does, or is reserved.
var globalIPv6 = netip.MustParsePrefix("2000::/3")

// localHost returns what makes host, a host by isHost, one that nothing on the
// internet reaches, or "".
func localHost(host string) string {
	addr, ok := ipAddress(host)
	if !ok {
		return localName(strings.ToLower(strings.TrimSuffix(host, ".")))
	}

	switch {
	case addr.Zone() != "":
		return "an address with a zone"
	case addr.IsLoopback():
		return "a loopback address"
	case addr.IsUnspecified():
		return "the unspecified address"
	case addr.IsPrivate():
		return "a private address"
	case addr.IsLinkLocalUnicast():
		return "a link-local address"
	case addr.IsMulticast():
		return "a multicast address"
	case addr.Is6() && !globalIPv6.Contains(addr):
		return "an address reserved for other uses"
	}
	for _, block := range localBlocks {
		if block.Contains(addr) {
			return "an address reserved for other uses"
		}
	}
	return ""
}

func localName(name string) string {
	if name == "localhost" {
		return "localhost"
	}
	if !strings.Contains(name, ".") {
		return "a name without a domain"
	}
	for _, domain := range localDomains {
		if strings.HasSuffix(name, domain) {
			return "a name under " + domain
		}
	}
	return ""
}
