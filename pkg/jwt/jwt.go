// Package jwt reads tokens in the compact form of RFC 7519 whose signature is checked
// elsewhere, or need not be.
package jwt

import (
	"encoding/base64"
	"encoding/json"
	"strings"
)

// Unverified reads the claims of a token into a struct, by its json tags; false where
// that is not the form of a token. Nothing says that the claims are true.
func Unverified(token string, claims any) bool {
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return false
	}
	payload, err := base64.RawURLEncoding.DecodeString(parts[1])
	return err == nil && json.Unmarshal(payload, claims) == nil
}
