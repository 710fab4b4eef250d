package connection

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
)

// randomBytes is the strength of states, verifiers and completion codes.
const randomBytes = 32

// newRandom makes an unguessable text of 43 URL-safe characters, which is also
// a PKCE verifier (RFC 7636 §4.1).
func newRandom() Secret {
	var b [randomBytes]byte
	_, _ = rand.Read(b[:]) // never fails: it ends the process instead
	return Secret(base64.RawURLEncoding.EncodeToString(b[:]))
}

// challengeOf is the S256 challenge of a PKCE verifier (RFC 7636 §4.2).
func challengeOf(verifier Secret) string {
	sum := sha256.Sum256([]byte(verifier))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

func hashOf(s Secret) [32]byte { return sha256.Sum256([]byte(s)) }
