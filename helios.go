// Package helios (doc to come).
package helios

// Version is the version of this module, sent in the User-Agent header.
const Version = "0.1.0"

// The environment variables that [NewClient] and [NewReceiver] read where no option says otherwise.
const (
	EnvAPIKey        = "HELIOS_API_KEY"
	EnvBaseURL       = "HELIOS_BASE_URL"
	EnvWebhookURL    = "HELIOS_WEBHOOK_URL"
	EnvWebhookSecret = "HELIOS_WEBHOOK_SECRET"
)
