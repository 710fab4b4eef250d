package connection

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"regexp"
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

// randomForm is the form of what newRandom makes.
var randomForm = regexp.MustCompile(`\A[A-Za-z0-9_-]{43}\z`)

// madeHere reports whether a text may be one that newRandom made. What is not
// need not be looked up.
func madeHere(text string) bool { return randomForm.MatchString(text) }

func hashOf(s Secret) [32]byte { return sha256.Sum256([]byte(s)) }
