package connection

import (
	"fmt"
	"io"
	"log/slog"
)

const redacted = "[redacted]"

// Secret is text that prints as [redacted] wherever it is printed; Reveal is
// the one way to its value.
type Secret string

// Reveal gives the secret.
func (s Secret) Reveal() string { return string(s) }

// Format prints [redacted] for every verb.
func (Secret) Format(s fmt.State, _ rune) { _, _ = io.WriteString(s, redacted) }

// String is [redacted].
func (Secret) String() string { return redacted }

// LogValue is [redacted].
func (Secret) LogValue() slog.Value { return slog.StringValue(redacted) }

// MarshalText is [redacted], for every encoding that asks.
func (Secret) MarshalText() ([]byte, error) { return []byte(redacted), nil }
