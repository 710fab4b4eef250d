// Package scram makes what PostgreSQL keeps of passwords.
package scram

import (
	"crypto/hmac"
	"crypto/pbkdf2"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
)

// PostgreSQL's own defaults, see "scram_iterations" and
// https://www.rfc-editor.org/rfc/rfc5803.
const (
	Iterations = 4096
	saltBytes  = 16
)

// Verifier makes what PostgreSQL stores for a password, so that the password itself never travels
// in a statement that a server may log. The iterations are work for everybody who signs in: they
// keep a password that a person made up from being guessed, and are wasted on a random one.
func Verifier(password string, iterations int) (string, error) {
	if password == "" {
		return "", errors.New("is empty")
	}
	for _, c := range []byte(password) {
		if c < 0x21 || c > 0x7e { // others would need SASLprep
			return "", errors.New("has characters other than printable ASCII")
		}
	}
	salt := make([]byte, saltBytes)
	_, _ = rand.Read(salt) // never fails
	salted, err := pbkdf2.Key(sha256.New, password, salt, iterations, sha256.Size)
	if err != nil {
		return "", fmt.Errorf("deriving a key: %w", err)
	}
	stored := sha256.Sum256(sign(salted, "Client Key"))
	encode := base64.StdEncoding.EncodeToString
	return fmt.Sprintf("SCRAM-SHA-256$%d:%s$%s:%s", iterations, encode(salt), encode(stored[:]), encode(sign(salted, "Server Key"))), nil
}

func sign(key []byte, text string) []byte {
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(text))
	return mac.Sum(nil)
}
