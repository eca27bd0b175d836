package helios

import (
	"errors"
	"fmt"
	"net/url"
	"strings"

	"github.com/google/go-querystring/query"
)

// WebhookURL adds parameters of your own to a webhook URL, so that its handler
// finds in r.URL.Query() which of your orders an event belongs to, even after
// an unknown outcome left no run id. params is a struct with `url` tags for
// go-querystring, or nil. Parameters that base already has are kept, in front.
//
// base must be an http or https URL without a fragment. Whether the service can
// reach it is checked when a request uses it, or by [NewClient]: see
// [WithWebhookURL]. That the service calls the URL with its query unchanged is
// an assumption; its documentation does not say. Put no health data there: URLs
// end up in logs.
func WebhookURL(base string, params any) (string, error) {
	u, err := parseWebhookURL(base)
	if err != nil {
		return "", fmt.Errorf("helios: webhook URL: %w", err)
	}
	if params == nil {
		return u.String(), nil
	}

	values, err := query.Values(params)
	if err != nil {
		return "", fmt.Errorf("helios: webhook URL parameters: %w", err)
	}

	added := values.Encode()
	switch {
	case u.RawQuery == "":
		u.RawQuery = added
	case added != "":
		u.RawQuery += "&" + added
	}
	return u.String(), nil
}

// webhookField is the name under which a request carries its webhook URL.
const webhookField = "webhookUrl"

// useWebhookURL puts the client's default where a request names no webhook URL,
// cleans what there is, and returns what is wrong with it.
func (a *api) useWebhookURL(webhook *string) []FieldError {
	if *webhook == "" {
		*webhook = a.webhookURL() // checked by NewClient
		if *webhook == "" {
			return []FieldError{{webhookField,
				"is required: set it in the request, with WithWebhookURL or in " + EnvWebhookURL}}
		}
		return nil
	}

	cleaned, err := a.checkWebhookURL(*webhook)
	if err != nil {
		*webhook = "" // its one problem is enough
		return []FieldError{{webhookField, err.Error()}}
	}
	*webhook = cleaned
	return nil
}

// checkWebhookURL returns webhook without white space around it, or why the
// service could not deliver to it: a run with such a URL would be paid and its
// result lost. Where the API itself is a loopback server, or with
// WithPlainHTTP, webhooks may stay on the machine or in the network.
func (a *api) checkWebhookURL(webhook string) (string, error) {
	u, err := parseWebhookURL(webhook)
	if err != nil {
		return "", err
	}

	host, apiIsLocal := u.Hostname(), isLoopback(a.base.Hostname())
	staysOnMachine := apiIsLocal && isLoopback(host)
	local := localHost(host)
	switch {
	case a.plainHTTP:
	case local != "" && !apiIsLocal:
		return "", fmt.Errorf("its host is %s, which the service cannot reach over the internet", local)
	case u.Scheme != "https" && !staysOnMachine:
		return "", errors.New("must be https (http only between loopback hosts, or with WithPlainHTTP)")
	}
	return strings.TrimSpace(webhook), nil
}

// parseWebhookURL parses webhook and checks its form, wherever it leads. What a
// shell, a template or an env file left in it is refused. Errors do not repeat
// it: it may hold a token.
func parseWebhookURL(webhook string) (*url.URL, error) {
	webhook = strings.TrimSpace(webhook)
	if problem := settingProblem(webhook); problem != "" {
		return nil, errors.New(problem)
	}
	for i := range len(webhook) {
		switch c := webhook[i]; c {
		case ' ':
			return nil, errors.New("holds a space; write %20")
		case '$':
			return nil, errors.New("holds a $: was a variable not replaced? A $ that is meant is written %24")
		case '"', '\'', '`', '<', '>', '\\', '{', '}', '|', '^':
			return nil, fmt.Errorf("holds %q, which no URL may", c)
		default:
			if c > '~' {
				return nil, errors.New(
					"holds characters beyond ASCII; percent-encode them, or write the host in punycode")
			}
		}
	}

	u, err := url.Parse(webhook)
	switch {
	case err != nil || u.Opaque != "":
		return nil, errors.New("is not a URL")
	case u.Fragment != "" || strings.Contains(webhook, "#"):
		return nil, errors.New("must not hold a fragment (#)")
	}
	if problem := addressProblem(u); problem != "" {
		return nil, errors.New(problem)
	}
	return u, nil
}
