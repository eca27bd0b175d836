package durable

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log/slog"

	"github.com/heliosai/helios-go"
)

// A Codec turns the bodies of requests and events into what is stored, and
// back. It must be safe for concurrent use and must not change its arguments.
//
// place says where the body is stored: it is the same for Encode and Decode,
// and differs for any two bodies. A codec that authenticates should include it,
// so that bodies cannot be exchanged for one another in the store.
type Codec interface {
	// Encode returns what is stored of body. If it fails for a webhook, it is
	// retried for five seconds; then the answer is 503.
	Encode(body, place []byte) ([]byte, error)
	// Decode returns what Encode was given. If it fails, a submission waits and
	// an event counts as not handled: both are tried again.
	Decode(stored, place []byte) ([]byte, error)
}

// Key is a named secret for [AESGCM].
type Key struct {
	// ID names the key in what it has encrypted: 1 to 255 bytes. It is not
	// secret.
	ID string
	// Secret is 16, 24 or 32 random bytes, for AES-128, AES-192 or AES-256.
	Secret []byte `json:"-"`
}

// Format prints the key's id and not its secret.
func (k Key) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, "durable.Key{"+k.ID+"}") }

// LogValue logs the key's id and not its secret.
func (k Key) LogValue() slog.Value { return slog.StringValue("durable.Key{" + k.ID + "}") }

// AESGCM is a [Codec] that encrypts and authenticates with AES-GCM. Its output:
//
//	stored = version id-length id nonce ciphertext
//
//	version    = %x01
//	id-length  = OCTET               ; of id
//	id         = 1*255 OCTET         ; the key's
//	nonce      = 12 OCTET            ; random
//	ciphertext = *OCTET 16 OCTET     ; with GCM's tag; authenticates place too
//
// With random nonces a key should encrypt no more than 2^32 bodies.
type AESGCM struct {
	current Key
	ciphers map[string]cipher.AEAD
}

const sealedVersion = 1

// ErrUndecodable means that a body in the store cannot be decoded: its key was
// not given, or it was changed.
var ErrUndecodable = errors.New("helios: durable: a stored body cannot be decoded")

// NewAESGCM makes a codec that encrypts with current and decrypts with current
// and all of previous. To rotate, give the new key as current and the old ones
// as previous, in all processes: first add the new one to previous everywhere,
// then make it current. An old key can go when nothing it encrypted is left;
// see [WithRetention].
func NewAESGCM(current Key, previous ...Key) (*AESGCM, error) {
	c := &AESGCM{current: current, ciphers: map[string]cipher.AEAD{}}
	for _, key := range append([]Key{current}, previous...) {
		if key.ID == "" || len(key.ID) > 255 {
			return nil, errors.New("helios: durable: NewAESGCM: a key's ID must have 1 to 255 bytes")
		}
		if _, twice := c.ciphers[key.ID]; twice {
			return nil, fmt.Errorf("helios: durable: NewAESGCM: two keys have the ID %q", key.ID)
		}
		block, err := aes.NewCipher(key.Secret)
		if err != nil {
			return nil, fmt.Errorf("helios: durable: NewAESGCM: the secret of key %q must have 16, 24 or 32 bytes",
				key.ID)
		}
		if c.ciphers[key.ID], err = cipher.NewGCM(block); err != nil {
			return nil, fmt.Errorf("helios: durable: NewAESGCM: %w", err)
		}
	}
	c.current.Secret = nil // the cipher has it
	return c, nil
}

// Format prints the id of the current key and nothing secret.
func (c *AESGCM) Format(f fmt.State, _ rune) {
	_, _ = io.WriteString(f, "durable.AESGCM{"+c.current.ID+"}")
}

// Encode encrypts body with the current key.
func (c *AESGCM) Encode(body, place []byte) ([]byte, error) {
	id, aead := c.current.ID, c.ciphers[c.current.ID]
	head := 2 + len(id) + aead.NonceSize()
	stored := make([]byte, head, head+len(body)+aead.Overhead())
	stored[0], stored[1] = sealedVersion, byte(len(id)) //nolint:gosec // NewAESGCM has checked the length
	copy(stored[2:], id)
	nonce := stored[2+len(id) : head]
	_, _ = rand.Read(nonce)                           // never fails
	return aead.Seal(stored, nonce, body, place), nil //nolint:gosec // the nonce is random
}

// Decode decrypts what Encode made with any of the keys. The error is
// [ErrUndecodable].
func (c *AESGCM) Decode(stored, place []byte) ([]byte, error) {
	if len(stored) < 2 || stored[0] != sealedVersion || len(stored) < 2+int(stored[1]) {
		return nil, fmt.Errorf("%w: it was not encrypted by this codec", ErrUndecodable)
	}
	id, sealed := stored[2:2+int(stored[1])], stored[2+int(stored[1]):]
	aead, ok := c.ciphers[string(id)]
	if !ok {
		return nil, fmt.Errorf("%w: its key is not among those given", ErrUndecodable)
	}
	if len(sealed) < aead.NonceSize() {
		return nil, fmt.Errorf("%w: it is truncated", ErrUndecodable)
	}
	body, err := aead.Open(nil, sealed[:aead.NonceSize()], sealed[aead.NonceSize():], place)
	if err != nil {
		return nil, fmt.Errorf("%w: it was changed, moved, or encrypted by another key of the same id", ErrUndecodable)
	}
	return body, nil
}

// encode passes a body through the codec, if there is one. Nil stays nil.
func (c *config) encode(body []byte, kind, of string) ([]byte, error) {
	if c.codec == nil || body == nil {
		return body, nil
	}
	return guarded("encode", c.codec.Encode, body, place(kind, of))
}

func (c *config) decode(stored []byte, kind, of string) ([]byte, error) {
	if c.codec == nil || stored == nil {
		return stored, nil
	}
	return guarded("decode", c.codec.Decode, stored, place(kind, of))
}

// codecError keeps the text of a codec's error, which may hold anything, out of
// its own.
type codecError struct {
	doing string
	kind  string
	cause error
}

func (e *codecError) Error() string {
	if errors.Is(e.cause, ErrUndecodable) { // of this package
		return e.cause.Error()
	}
	return "helios: durable: " + e.doing + ": the codec failed: " + e.kind
}

func (e *codecError) Unwrap() error { return e.cause }

// Is reports whether target is helios.ErrUnavailable, as when the store fails:
// the delivery should come again.
func (e *codecError) Is(target error) bool {
	return target == helios.ErrUnavailable && !errors.Is(e.cause, ErrUndecodable)
}

// guarded calls a codec, whose panic is a failure like any other.
func guarded(doing string, code func(body, place []byte) ([]byte, error), body, place []byte) (coded []byte,
	err error) {
	defer func() {
		if v := recover(); v != nil {
			coded, err = nil, &codecError{doing: doing, kind: fmt.Sprintf("panic (%T)", v)}
		}
	}()
	if coded, err = code(body, place); err != nil {
		return nil, &codecError{doing, fmt.Sprintf("%T", rootOf(err)), err}
	}
	return coded, nil
}

// place is what no two bodies have in common.
func place(kind, of string) []byte { return []byte(kind + "\x00" + of) }
