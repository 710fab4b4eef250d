// Package secrets protects secrets: a text type that does not print its value,
// and a box that seals values for storage.
package secrets

import (
	"crypto/subtle"
	"fmt"
	"log/slog"
)

// Redacted is what a secret prints as.
const Redacted = "[redacted]"

// Text is a secret string. With every fmt verb, in slog, JSON and text encoding
// it prints as [redacted]; Reveal is the only way to its value. Two places it
// cannot protect: a key of a map in JSON, and an unexported field of a struct
// that is printed whole (fmt cannot call methods there).
type Text string

// Reveal gives the secret.
func (t Text) Reveal() string { return string(t) }

// Empty reports whether there is no secret.
func (t Text) Empty() bool { return t == "" }

// Equal compares in constant time.
func (t Text) Equal(other Text) bool {
	return subtle.ConstantTimeCompare([]byte(t), []byte(other)) == 1
}

// Format prints [redacted] for every verb and flag.
func (Text) Format(s fmt.State, _ rune) { _, _ = s.Write([]byte(Redacted)) }

// String is [redacted].
func (Text) String() string { return Redacted }

// GoString is [redacted].
func (Text) GoString() string { return Redacted }

// LogValue is [redacted].
func (Text) LogValue() slog.Value { return slog.StringValue(Redacted) }

// MarshalText is [redacted].
func (Text) MarshalText() ([]byte, error) { return []byte(Redacted), nil }

// MarshalJSON is "[redacted]".
func (Text) MarshalJSON() ([]byte, error) { return []byte(`"` + Redacted + `"`), nil }

// UnmarshalText reads the secret as it is, so that settings can be of this type.
func (t *Text) UnmarshalText(b []byte) error {
	*t = Text(b)
	return nil
}

var (
	_ fmt.Formatter  = Text("")
	_ slog.LogValuer = Text("")
)
