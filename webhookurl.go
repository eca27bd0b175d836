package helios

import (
	"errors"
	"fmt"
	"net/url"

	"github.com/google/go-querystring/query"
)

// WebhookURL adds correlation parameters to a webhook URL, so that its handler knows by r.URL.Query() which of your orders an event belongs to,
// even after an unknown outcome left no run id. params is a struct with `url` tags for go-querystring, or nil; what base already has stays, in front.
//
// base must be https, or http to a loopback host. That the service calls the URL with its query unchanged is an assumption; its documentation does not say.
// Put no health data there: URLs end in logs.
func WebhookURL(base string, params any) (string, error) {
	u, err := url.Parse(base)
	if err != nil {
		return "", errors.New("helios: webhook URL: not a URL")
	}
	if problem := checkHTTPS(u); problem != "" {
		return "", fmt.Errorf("helios: webhook URL: %s", problem)
	}
	if params == nil {
		return u.String(), nil
	}
	values, err := query.Values(params)
	if err != nil {
		return "", fmt.Errorf("helios: webhook URL parameters: %w", err)
	}
	switch added := values.Encode(); {
	case u.RawQuery == "":
		u.RawQuery = added
	case added != "":
		u.RawQuery += "&" + added
	}
	return u.String(), nil
}

// useWebhookURL puts the client's default where a request names no webhook URL, and checks what there is.
func (a *api) useWebhookURL(webhook *string) []FieldError {
	from := ""
	if *webhook == "" {
		*webhook, from = a.webhookURL(), "from WithWebhookURL or "+EnvWebhookURL+" "
	}
	return checkWebhookURL(*webhook, from)
}

func checkWebhookURL(webhook, from string) []FieldError {
	const field = "webhookUrl"
	if webhook == "" {
		return []FieldError{{field, "is required: set it in the request, with WithWebhookURL or in " + EnvWebhookURL}}
	}
	u, err := url.Parse(webhook)
	if err != nil {
		return []FieldError{{field, from + "is not a URL"}}
	}
	if problem := checkHTTPS(u); problem != "" {
		return []FieldError{{field, from + problem}}
	}
	return nil
}
