package helios_test

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/heliosai/helios-go"
)

// noHost is why a host is refused whatever the API is, and noPort a port.
const (
	noHost = "its host is neither a host name nor an IP address"
	noPort = "its port is not between 1 and 65535"
	// notASCII and unset are why other characters are.
	notASCII = "holds characters beyond ASCII; percent-encode them, or write the host in punycode"
	unset    = "holds a $: was a variable not replaced? A $ that is meant is written %24"
)

// The longest label and the longest name of DNS, RFC 1035, section 2.3.4.
var (
	label63 = strings.Repeat("x", 63)
	name253 = strings.Repeat(label63[:49]+".", 5) + "abc"
)

// webhookHosts are hosts of webhook URLs, and why they are refused: what is no
// host always, what the internet cannot reach unless the API is local too.
var webhookHosts = map[string]struct {
	unreachable string // which kind of local host it is
	never       string // what is wrong with it wherever the API is
}{
	"hooks.customer.example":    {},
	"HOOKS.Customer.Example":    {},
	"hooks.customer.example.":   {},
	"hooks.customer.example:1":  {},
	"hooks.customer.example:":   {},
	"x.example:65535":           {},
	"xn--bcher-kva.example":     {},
	"my_hooks.customer.example": {},
	"1.2.3.4.customer.example":  {},
	"0x7f.example":              {},
	"azAZ09.example":            {},
	label63 + ".example":        {},
	name253:                     {},
	name253 + ".":               {},
	"8.8.8.8":                   {},
	"8.8.8.8:8443":              {},
	"[2606:4700::6810:84e5]":    {},
	"user:pass@x.example":       {},

	"localhost":                {unreachable: "localhost"},
	"LOCALHOST:8080":           {unreachable: "localhost"},
	"localhost.":               {unreachable: "localhost"},
	"user@localhost":           {unreachable: "localhost"},
	"a.localhost":              {unreachable: "a name under .localhost"},
	"a.LocalHost.":             {unreachable: "a name under .localhost"},
	"hooks":                    {unreachable: "a name without a domain"},
	"hooks.":                   {unreachable: "a name without a domain"},
	"x.internal":               {unreachable: "a name under .internal"},
	"host.docker.internal":     {unreachable: "a name under .internal"},
	"printer.local":            {unreachable: "a name under .local"},
	"hooks.svc.cluster.local":  {unreachable: "a name under .local"},
	"nas.home.arpa":            {unreachable: "a name under .home.arpa"},
	"x.invalid":                {unreachable: "a name under .invalid"},
	"x.test":                   {unreachable: "a name under .test"},
	"x.onion":                  {unreachable: "a name under .onion"},
	"nas.lan":                  {unreachable: "a name under .lan"},
	"host.localdomain":         {unreachable: "a name under .localdomain"},
	"hooks.default.svc":        {unreachable: "a name under .svc"},
	"127.0.0.1":                {unreachable: "a loopback address"},
	"127.255.255.254":          {unreachable: "a loopback address"},
	"[::1]":                    {unreachable: "a loopback address"},
	"[0:0:0:0:0:0:0:1]:443":    {unreachable: "a loopback address"},
	"[::ffff:127.0.0.1]":       {unreachable: "a loopback address"},
	"[::ffff:7f00:1]":          {unreachable: "a loopback address"},
	"0.0.0.0":                  {unreachable: "the unspecified address"},
	"[::]":                     {unreachable: "the unspecified address"},
	"10.0.0.5":                 {unreachable: "a private address"},
	"172.16.0.1":               {unreachable: "a private address"},
	"172.31.255.255":           {unreachable: "a private address"},
	"192.168.1.1:8443":         {unreachable: "a private address"},
	"[::ffff:10.0.0.5]":        {unreachable: "a private address"},
	"[fd00::1]":                {unreachable: "a private address"},
	"169.254.169.254":          {unreachable: "a link-local address"},
	"[fe80::1]":                {unreachable: "a link-local address"},
	"[fe80::1%25eth0]":         {unreachable: "an address with a zone"},
	"224.0.0.1":                {unreachable: "a multicast address"},
	"[ff02::1]":                {unreachable: "a multicast address"},
	"0.1.2.3":                  {unreachable: "an address reserved for other uses"},
	"100.64.0.1":               {unreachable: "an address reserved for other uses"},
	"100.127.255.255":          {unreachable: "an address reserved for other uses"},
	"192.0.2.1":                {unreachable: "an address reserved for other uses"},
	"198.18.0.1":               {unreachable: "an address reserved for other uses"},
	"198.51.100.7":             {unreachable: "an address reserved for other uses"},
	"203.0.113.9":              {unreachable: "an address reserved for other uses"},
	"240.0.0.1":                {unreachable: "an address reserved for other uses"},
	"255.255.255.255":          {unreachable: "an address reserved for other uses"},
	"[2001:db8::1]":            {unreachable: "an address reserved for other uses"},
	"[100::1]":                 {unreachable: "an address reserved for other uses"},
	"[fec0::1]":                {unreachable: "an address reserved for other uses"},
	"[::127.0.0.1]":            {unreachable: "an address reserved for other uses"},
	"[::ffff:0:127.0.0.1]":     {unreachable: "an address reserved for other uses"},
	"[64:ff9b:1::7f00:1]:8443": {unreachable: "an address reserved for other uses"},

	"":                         {never: "must have a host"},
	":443":                     {never: "must have a host"},
	"user@":                    {never: "must have a host"},
	"127.1":                    {never: noHost},
	"127.0.1":                  {never: noHost},
	"0x7f.1":                   {never: noHost},
	"0x7f.0.0.0x1":             {never: noHost},
	"0177.0.0.1":               {never: noHost},
	"2130706433":               {never: noHost},
	"0x7f000001":               {never: noHost},
	"1.2.3.4.5":                {never: noHost},
	"256.0.0.1":                {never: noHost},
	"10.0.0.5.":                {never: noHost},
	"x.example..":              {never: noHost},
	".x.example":               {never: noHost},
	".":                        {never: noHost},
	"x..example":               {never: noHost},
	"x" + label63 + ".example": {never: noHost},
	"x" + name253:              {never: noHost},
	"x.exam%20ple":             {never: "is not a URL"},
	"x.exam%00ple":             {never: "is not a URL"},
	"x.example%2Fhook":         {never: "is not a URL"},
	"b%C3%BCcher.example":      {never: noHost},
	"x.example,y.example":      {never: noHost},
	"*.example":                {never: noHost},
	"~":                        {never: noHost},
	"bücher.example":           {never: notASCII},
	"x.example。":               {never: notASCII},
	"x\u00a0.example":          {never: notASCII},
	"x.example:0":              {never: noPort},
	"x.example:00":             {never: noPort},
	"x.example:65536":          {never: noPort},
	"x.example:99999":          {never: noPort},
	"x.example:4294967739":     {never: noPort},
	"x.example:-1":             {never: "is not a URL"},
	"x.example:https":          {never: "is not a URL"},
	"x.example:8443:8443":      {never: "is not a URL"},
	"[::1":                     {never: "is not a URL"},
	"::1":                      {never: "is not a URL"},
	"[127.0.0.1]":              {never: "is not a URL"},
	"[localhost]":              {never: "is not a URL"},
	"[::1%25]":                 {never: "is not a URL"},
	"loc%61lhost":              {never: "is not a URL"},
	"$HOST":                    {never: unset},
	"${HOST}":                  {never: unset},
	"{{host}}":                 {never: `holds '{', which no URL may`},
	"<host>":                   {never: `holds '<', which no URL may`},
	"x.example\\@evil":         {never: `holds '\\', which no URL may`},
}

// TestWebhookHosts: NewClient refuses a host that nothing on the internet
// reaches, and Validate and Submit do with the same words.
func TestWebhookHosts(t *testing.T) {
	t.Parallel()
	client := newClient(t, "https://api.example", sendsNothing(t))
	for host, tt := range webhookHosts {
		t.Run(host, func(t *testing.T) {
			t.Parallel()
			problem := tt.never
			if tt.unreachable != "" {
				problem = "its host is " + tt.unreachable + ", which the service cannot reach over the internet"
			}
			assertWebhookProblem(t, client, "https://"+host+"/hook", problem)
		})
	}
}

// TestWebhookHosts_NextToTheAPI: where the API is a server on the same machine,
// or plain http is allowed, so are hosts that only this network reaches. What
// is no host is refused there too.
func TestWebhookHosts_NextToTheAPI(t *testing.T) {
	t.Parallel()
	loopback := newClient(t, "http://127.0.0.1:8080", sendsNothing(t))
	plain := newClient(t, "https://api.example", sendsNothing(t), helios.WithPlainHTTP())
	for host, tt := range webhookHosts {
		t.Run(host, func(t *testing.T) {
			t.Parallel()
			for _, client := range []*helios.Client{loopback, plain} {
				assertWebhookProblem(t, client, "https://"+host+"/hook", tt.never)
			}
			assertWebhookProblem(t, plain, "http://"+host+"/hook", tt.never)
		})
	}
}

// assertWebhookProblem checks what Validate says of a webhook URL, NewClient
// with the same settings aside.
func assertWebhookProblem(t *testing.T, client *helios.Client, webhook, problem string) {
	t.Helper()
	req := labs()
	req.WebhookURL = webhook
	err := client.LabResults.Validate(req)
	if problem == "" {
		require.NoError(t, err, webhook)
		return
	}
	require.EqualError(t, err, "helios: invalid request: webhookUrl: "+problem, webhook)
	_, submitted := client.LabResults.Submit(t.Context(), req)
	require.EqualError(t, submitted, err.Error(), webhook)
}

// TestNewClient_WebhookHosts: the same hosts, in an option and in what the
// client keeps of it.
func TestNewClient_WebhookHosts(t *testing.T) {
	t.Parallel()
	for host, tt := range webhookHosts {
		webhook := "https://" + host + "/hook"
		client, err := helios.NewClient(helios.WithAPIKey(testKey), helios.WithWebhookURL(webhook))
		switch {
		case tt.never != "":
			assert.EqualError(t, err, "helios: WithWebhookURL: "+tt.never, webhook)
		case tt.unreachable != "":
			assert.ErrorContains(t, err, "helios: WithWebhookURL: its host is "+tt.unreachable, webhook)
		default:
			require.NoError(t, err, webhook)
			assert.Equal(t, webhook, client.WebhookURL())
		}

		_, err = helios.NewClient(helios.WithAPIKey(testKey), helios.WithWebhookURL(webhook),
			helios.WithBaseURL("http://localhost:8080"))
		assert.Equal(t, tt.never != "", err != nil, "%s beside a loopback API: %v", webhook, err)
	}
}

// requireReachable checks by the rules of net/netip that a host may be on the
// internet.
func requireReachable(t *testing.T, host string) {
	t.Helper()
	if addr, err := netip.ParseAddr(host); err == nil {
		addr = addr.Unmap()
		require.True(t, addr.IsGlobalUnicast() && !addr.IsPrivate() && addr.Zone() == "", host)
		return
	}

	name := strings.TrimSuffix(host, ".")
	require.NotEmpty(t, name)
	require.Contains(t, name, ".", "a domain")
	require.NotContains(t, name, "..")
	require.False(t, strings.HasSuffix(strings.ToLower(name), "localhost"), host)
	require.Equal(t, len(name), len(strings.Trim(name, " $#?@:/\\\"'")), host)
	_, err := netip.ParseAddr(name)
	require.Error(t, err, "%s without its dot", host)
}
