// Package texttest draws texts for properties.
package texttest

import (
	"strings"

	"pgregory.net/rapid"
)

// Odd gives texts full of what cannot be seen and of what surrounds addresses.
func Odd() *rapid.Generator[string] {
	part := rapid.OneOf(
		rapid.SampledFrom([]string{
			" ", "\t", "\r\n", "\u00a0", "\u3000", "\u200b", "\u200c", "\u200d", "\u2060", "\ufeff", "\u00ad", "\u202e", "\u2066", "\u3164", "\ufe0f", "\u034f",
			"'", "\"", "’", "“", "”", "<", ">", "mailto:", ";", ",", "@", ".", "-", "ann", "Lee", "é", "e\u0301", "ß", "क्", "می", "王", "@c.de", "@Bücher.example",
		}),
		rapid.String(),
	)
	return rapid.Custom(func(t *rapid.T) string { return strings.Join(rapid.SliceOfN(part, 0, 8).Draw(t, "parts"), "") })
}
