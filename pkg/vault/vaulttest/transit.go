package vaulttest

import (
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"net/http"
	"strings"

	"github.com/tink-crypto/tink-go/v2/aead/subtle"
	"github.com/tink-crypto/tink-go/v2/subtle/random"
)

// crypt serves encrypt and decrypt of the transit engine. A key is made by the
// first encryption, as transit does where the policy allows it.
func (s *Server) crypt(w http.ResponseWriter, r *http.Request, rest string) {
	operation, name, _ := strings.Cut(rest, "/")
	s.counts[operation]++
	var body struct {
		Plaintext      string `json:"plaintext"`
		Ciphertext     string `json:"ciphertext"`
		AssociatedData string `json:"associated_data"`
	}
	if !s.read(w, r, &body) {
		return
	}
	key := s.transit[name]
	if key == nil && operation == "encrypt" {
		key = random.GetRandomBytes(32)
		s.transit[name] = key
	}
	if key == nil {
		fail(w, http.StatusBadRequest, "encryption key not found")
		return
	}
	cipher, err := subtle.NewAESGCM(key)
	if err != nil {
		fail(w, http.StatusInternalServerError, "internal error")
		return
	}
	about, _ := base64.StdEncoding.DecodeString(body.AssociatedData)
	switch operation {
	case "encrypt":
		plain, _ := base64.StdEncoding.DecodeString(body.Plaintext)
		sealed, err := cipher.Encrypt(plain, about)
		if err != nil {
			fail(w, http.StatusInternalServerError, "internal error")
			return
		}
		data(w, http.StatusOK, map[string]any{"ciphertext": "vault:v1:" + base64.StdEncoding.EncodeToString(sealed), "key_version": 1})
	case "decrypt":
		sealed, _ := base64.StdEncoding.DecodeString(strings.TrimPrefix(body.Ciphertext, "vault:v1:"))
		plain, err := cipher.Decrypt(sealed, about)
		if err != nil {
			fail(w, http.StatusBadRequest, "cipher: message authentication failed")
			return
		}
		data(w, http.StatusOK, map[string]any{"plaintext": base64.StdEncoding.EncodeToString(plain)})
	default:
		fail(w, http.StatusNotFound)
	}
}

func pemOf(certificate *x509.Certificate) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: certificate.Raw})
}
