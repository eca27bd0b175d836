package main

import (
	"io"
	"net"
	"net/url"
	"os"
	"strings"

	"github.com/spf13/pflag"

	"github.com/heliosai/helios-go"
)

// settings reads what a command needs from its flags, then from the
// environment.
type settings struct {
	env environment

	apiKeyFile, secretFile string
	baseURL, webhookURL    string
	plainHTTP              bool
}

// The service's own address, where neither flag nor environment names one.
const defaultBaseURL = "https://api.heliosai.health"

// maxSecretFile bounds a file of secrets, in bytes.
const maxSecretFile = 64 << 10

// apiFlags adds the flags of commands that talk to the API.
func (s *settings) apiFlags(flags *pflag.FlagSet) {
	flags.StringVar(&s.apiKeyFile, "api-key-file", "", "`file` with the API key (default: HELIOS_API_KEY)")
	flags.StringVar(&s.baseURL, "base-url", "",
		"`URL` of the API (default: HELIOS_BASE_URL, or the service's own)")
	flags.StringVar(&s.webhookURL, "webhook-url", "", "`URL` that results are sent to (default: HELIOS_WEBHOOK_URL)")
	flags.BoolVar(&s.plainHTTP, "plain-http", false,
		"allow http and private hosts, such as between containers; the key and the data are then not encrypted")
}

// secretFlags adds the flag of commands that sign or verify webhooks.
func (s *settings) secretFlags(flags *pflag.FlagSet) {
	flags.StringVar(&s.secretFile, "webhook-secret-file", "",
		"`file` with the webhook secret, and previous ones on further lines (default: HELIOS_WEBHOOK_SECRET)")
}

// variable returns the flag's value, or else that of a variable.
func (s *settings) variable(flag, name string) string {
	if flag != "" {
		return flag
	}
	value, _ := s.env(name)
	return value
}

// apiKey returns the API key, or "" if there is none.
func (s *settings) apiKey() (string, error) {
	lines, err := s.secretLines(s.apiKeyFile, "--api-key-file", helios.EnvAPIKey)
	if err != nil || len(lines) == 0 {
		return "", err
	}
	return lines[0], nil
}

// secrets returns the webhook secrets, the current one first.
func (s *settings) secrets() ([]string, error) {
	lines, err := s.secretLines(s.secretFile, "--webhook-secret-file", helios.EnvWebhookSecret)
	if err != nil {
		return nil, err
	}
	if len(lines) == 0 {
		return nil, helios.ErrMissingWebhookSecret
	}
	return lines, nil
}

// secretLines returns the lines of a file, or else a variable's value as it is.
func (s *settings) secretLines(file, flag, name string) ([]string, error) {
	if file == "" {
		if value, _ := s.env(name); value != "" {
			return []string{value}, nil
		}
		return nil, nil
	}

	f, err := os.Open(file) //nolint:gosec // the file that the command line names
	if err != nil {
		// Without the name, which may be the secret itself, given by mistake.
		return nil, failf("the file of %s cannot be opened: %w", flag, withoutPath(err))
	}
	defer func() { _ = f.Close() }()
	text, err := io.ReadAll(io.LimitReader(f, maxSecretFile+1))
	if err != nil {
		return nil, failf("the file of %s cannot be read: %w", flag, withoutPath(err))
	}
	if len(text) > maxSecretFile {
		return nil, failf("the file of %s is larger than 64 KiB", flag)
	}

	var lines []string
	for line := range strings.Lines(string(text)) {
		if line = strings.TrimSpace(line); line != "" {
			lines = append(lines, line)
		}
	}
	if len(lines) == 0 {
		return nil, failf("the file of %s is empty: write the secret into it", flag)
	}
	return lines, nil
}

func (s *settings) base() string {
	if base := s.variable(s.baseURL, helios.EnvBaseURL); base != "" {
		return base
	}
	return defaultBaseURL
}

func (s *settings) webhook() string { return s.variable(s.webhookURL, helios.EnvWebhookURL) }

// client returns the client of a command that sends.
func (s *settings) client(opts ...helios.ClientOption) (*helios.Client, error) {
	key, err := s.apiKey()
	if err != nil {
		return nil, err
	}
	return s.clientWith(key, opts...)
}

func (s *settings) clientWith(key string, opts ...helios.ClientOption) (*helios.Client, error) {
	all := []helios.ClientOption{
		helios.WithAPIKey(key), helios.WithBaseURL(s.base()),
		helios.WithUserAgent("helios-cli/" + version()),
	}
	if s.plainHTTP {
		all = append(all, helios.WithPlainHTTP())
	}
	if webhook := s.webhook(); webhook != "" {
		all = append(all, helios.WithWebhookURL(webhook))
	}
	return helios.NewClient(append(all, opts...)...)
}

// receiver returns a receiver for the webhook secrets.
func (s *settings) receiver(opts ...helios.ReceiverOption) (*helios.Receiver, error) {
	secrets, err := s.secrets()
	if err != nil {
		return nil, err
	}
	opts = append(opts, helios.WithWebhookSecret(secrets[0]), helios.WithPreviousSecrets(secrets[1:]...))
	return helios.NewReceiver(opts...)
}

// isLoopback reports whether the host of a URL is this machine.
func isLoopback(raw string) bool {
	u, err := url.Parse(raw)
	if err != nil {
		return false
	}
	host := u.Hostname()
	ip := net.ParseIP(host)
	return strings.EqualFold(host, "localhost") || ip != nil && ip.IsLoopback()
}
