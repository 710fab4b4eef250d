package identity

import (
	"bytes"
	"encoding/json"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/coreos/go-oidc/v3/oidc"
)

// maxNamed is the longest name of a claim that an answer repeats.
const maxNamed = 64

// readClaims gives the claims of a verified token. errs.Unauthenticated, naming
// the claim, for one with a text that cannot be stored or shown: invalid UTF-8,
// half a surrogate pair, a control character. Its bearer could act and leave no
// trace.
func readClaims(token *oidc.IDToken) (map[string]any, error) {
	raw := map[string]json.RawMessage{}
	if err := token.Claims(&raw); err != nil {
		return nil, refuse(err, "The token's claims cannot be read.")
	}
	claims := make(map[string]any, len(raw))
	for name, text := range raw {
		if !clean(name) || strings.ContainsRune(name, utf8.RuneError) || len(name) > maxNamed {
			return nil, refuse(nil, "The name of one of the token's claims is too long or has characters that are not allowed.")
		}
		var value any
		if err := json.Unmarshal(text, &value); err != nil {
			return nil, refuse(err, "The token's claim "+name+" cannot be read.")
		}
		if !utf8.Valid(text) || halfPair(text) || !cleanValue(value) {
			return nil, refuse(nil, "The token's claim "+name+" has characters that are not allowed.")
		}
		claims[name] = value
	}
	return claims, nil
}

// clean reports whether a text has no control character.
func clean(text string) bool { return strings.IndexFunc(text, unicode.IsControl) < 0 }

// cleanValue looks at every text in a claim.
func cleanValue(value any) bool {
	switch value := value.(type) {
	case string:
		return clean(value)
	case []any:
		for _, one := range value {
			if !cleanValue(one) {
				return false
			}
		}
	case map[string]any:
		for name, one := range value {
			if !clean(name) || !cleanValue(one) {
				return false
			}
		}
	}
	return true
}

// halfPair reports half of a surrogate pair among the escapes of a valid JSON
// text. Decoders put another character in its place without a word.
func halfPair(text []byte) bool {
	for {
		at := bytes.IndexByte(text, '\\')
		if at < 0 {
			return false
		}
		text = text[at:]
		high, ok := escaped(text)
		if !ok {
			text = text[2:] // valid JSON has a character after the backslash
			continue
		}
		text = text[6:]
		if !utf16.IsSurrogate(high) {
			continue
		}
		low, ok := escaped(text)
		if !ok || utf16.DecodeRune(high, low) == unicode.ReplacementChar {
			return true
		}
		text = text[6:]
	}
}

// escaped reads \uXXXX at the beginning of a text.
func escaped(text []byte) (rune, bool) {
	if len(text) < 6 || text[0] != '\\' || text[1] != 'u' {
		return 0, false
	}
	code, err := strconv.ParseUint(string(text[2:6]), 16, 16)
	return rune(code), err == nil
}
