package helios

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
)

// secrets holds the signers of the secrets that are valid now, the current one
// first.
type secrets struct {
	source   func(context.Context) ([]string, error) // nil where the secrets never change
	previous []*signer                               // of WithPreviousSecrets
	valid    atomic.Pointer[signers]
}

// signers belong to the secrets that the source gave.
type signers struct {
	given []string
	all   []*signer
}

func newSecrets(c *receiverConfig) (*secrets, error) {
	previous, err := signersFrom("WithPreviousSecrets", c.previous)
	if err != nil {
		return nil, err
	}
	s := &secrets{source: c.source, previous: previous}
	if s.source != nil {
		return s, nil
	}

	current, err := signerFrom(c.secretFrom, c.secret)
	if err != nil {
		return nil, err
	}
	s.valid.Store(&signers{all: append([]*signer{current}, previous...)})
	return s, nil
}

// signers returns those of the secrets that are valid now. It asks the source
// each time and makes new ones only when the answer has changed.
func (s *secrets) signers(ctx context.Context) ([]*signer, error) {
	valid := s.valid.Load()
	if s.source == nil {
		return valid.all, nil
	}

	given, err := s.source(ctx)
	if err != nil {
		return nil, &secretsError{"WithWebhookSecretSource: the source failed", err}
	}
	if valid != nil && slices.Equal(valid.given, given) {
		return valid.all, nil
	}

	made, err := signersFrom("WithWebhookSecretSource", given)
	if err == nil && len(made) == 0 {
		err = &missingSecret{"WithWebhookSecretSource: the source gave no secret"}
	}
	if err != nil {
		return nil, &secretsError{strings.TrimPrefix(err.Error(), "helios: "), err}
	}
	valid = &signers{slices.Clone(given), append(made, s.previous...)}
	s.valid.Store(valid)
	return valid.all, nil
}

func signersFrom(source string, secrets []string) ([]*signer, error) {
	var made []*signer
	for i, secret := range secrets {
		one, err := signerFrom(fmt.Sprintf("%s: secret %d", source, i+1), secret)
		if err != nil {
			return nil, err
		}
		made = append(made, one)
	}
	return made, nil
}

func signerFrom(source, secret string) (*signer, error) {
	secret, err := cleanSetting(source, secret)
	switch {
	case err != nil:
		return nil, err
	case secret == "" && source == EnvWebhookSecret:
		return nil, ErrMissingWebhookSecret
	case secret == "":
		return nil, &missingSecret{source + ": is empty"}
	default:
		return newSigner(secret), nil
	}
}

// missingSecret is an [ErrMissingWebhookSecret] of another place than the
// environment.
type missingSecret struct{ text string }

func (e *missingSecret) Error() string { return "helios: " + e.text }

func (e *missingSecret) Is(target error) bool { return target == ErrMissingWebhookSecret }

// secretsError means that a source gave no secrets that can be used. It is
// [ErrUnavailable], whatever its cause is.
type secretsError struct {
	reason string
	cause  error
}

func (e *secretsError) Error() string { return "helios: " + e.reason }

func (e *secretsError) Is(target error) bool { return target == ErrUnavailable }

func (e *secretsError) Unwrap() error { return e.cause }

// Format keeps the cause out: what a vault's client says can hold a token.
func (e secretsError) Format(f fmt.State, _ rune) { printError(f, &e) }
