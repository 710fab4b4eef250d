package connection

import (
	"fmt"
	"io"
	"log/slog"
	"regexp"

	"github.com/entrasync/entrasync/pkg/errs"
	"github.com/entrasync/entrasync/proto/entrasync/reason"
)

// MaxSecretBytes is the largest value that every secret store takes.
const MaxSecretBytes = 64 << 10

var secretKey = regexp.MustCompile(`\A[a-z_]{1,64}\z`)

// CheckSecretKey refuses names that are no secret's: errs.Invalid, reason
// "secret_key_invalid".
func CheckSecretKey(key string) error {
	if !secretKey.MatchString(key) {
		return errs.Of(reason.SecretKeyInvalid)
	}
	return nil
}

// CheckSecret refuses what a secret store does not take: errs.Invalid, reasons
// "secret_key_invalid" and "secret_too_large".
func CheckSecret(key string, value Secret) error {
	if err := CheckSecretKey(key); err != nil {
		return err
	}
	if len(value) > MaxSecretBytes {
		return errs.Of(reason.SecretTooLarge)
	}
	return nil
}

const redacted = "[redacted]"

// Secret is text that prints as [redacted] wherever it is printed; Reveal is
// the one way to its value.
type Secret string

// Reveal returns the secret.
func (s Secret) Reveal() string { return string(s) }

// Format prints [redacted] for every verb.
func (Secret) Format(s fmt.State, _ rune) { _, _ = io.WriteString(s, redacted) }

// String is [redacted].
func (Secret) String() string { return redacted }

// LogValue is [redacted].
func (Secret) LogValue() slog.Value { return slog.StringValue(redacted) }

// MarshalText is [redacted], for every encoding that asks.
func (Secret) MarshalText() ([]byte, error) { return []byte(redacted), nil }
