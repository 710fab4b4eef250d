package secrets

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/tink-crypto/tink-go/v2/aead"
	"github.com/tink-crypto/tink-go/v2/insecurecleartextkeyset"
	"github.com/tink-crypto/tink-go/v2/keyset"
	"github.com/tink-crypto/tink-go/v2/tink"
)

// keyFileMode lets the owner alone read the key set, which is in clear text.
const keyFileMode fs.FileMode = 0o600

// NewKeyFile makes a key set with one fresh AES-256-GCM key at path, readable
// by the owner alone. An existing file is left as it is, also when several
// processes start at once; the answer says whether this call made it.
func NewKeyFile(path string) (created bool, err error) {
	handle, err := keyset.NewHandle(aead.AES256GCMKeyTemplate())
	if err != nil {
		return false, fmt.Errorf("making a key: %w", err)
	}
	return writeKeySet(path, handle, false)
}

// RotateKeyFile adds a fresh key to the set at path and makes it the one that
// seals. Older keys stay and still open what they sealed.
func RotateKeyFile(path string) error {
	handle, err := readKeySet(path)
	if err != nil {
		return err
	}
	manager := keyset.NewManagerFromHandle(handle)
	id, err := manager.Add(aead.AES256GCMKeyTemplate())
	if err != nil {
		return fmt.Errorf("adding a key: %w", err)
	}
	if err := manager.SetPrimary(id); err != nil {
		return fmt.Errorf("choosing the new key: %w", err)
	}
	rotated, err := manager.Handle()
	if err != nil {
		return fmt.Errorf("reading the rotated key set: %w", err)
	}
	_, err = writeKeySet(path, rotated, true)
	return err
}

// writeKeySet puts a complete file in place in one step: no reader ever sees
// half a key set. Without replace, a file that is already there wins.
func writeKeySet(path string, handle *keyset.Handle, replace bool) (created bool, err error) {
	var buf bytes.Buffer
	if err := insecurecleartextkeyset.Write(handle, keyset.NewJSONWriter(&buf)); err != nil {
		return false, fmt.Errorf("encoding the key set: %w", err)
	}
	tmp, err := os.CreateTemp(filepath.Dir(path), ".keyset-*") // made with mode 0600
	if err != nil {
		return false, fmt.Errorf("writing the key set: %w", err)
	}
	defer func() { _ = os.Remove(tmp.Name()) }()
	_, err = tmp.Write(buf.Bytes())
	err = errors.Join(err, tmp.Sync(), tmp.Close())
	if err != nil {
		return false, fmt.Errorf("writing the key set: %w", err)
	}
	if replace {
		if err := os.Rename(tmp.Name(), path); err != nil {
			return false, fmt.Errorf("replacing the key set: %w", err)
		}
		return true, nil
	}
	switch err := os.Link(tmp.Name(), path); {
	case errors.Is(err, fs.ErrExist):
		return false, nil
	case err != nil:
		return false, fmt.Errorf("placing the key set: %w", err)
	}
	return true, nil
}

func readKeySet(path string) (*keyset.Handle, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("reading the key set: %w", err)
	}
	if open := info.Mode().Perm() &^ keyFileMode; open != 0 {
		return nil, fmt.Errorf("key set %s has mode %04o: only its owner may read it (0600)", path, info.Mode().Perm())
	}
	raw, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("reading the key set: %w", err)
	}
	handle, err := insecurecleartextkeyset.Read(keyset.NewJSONReader(bytes.NewReader(raw)))
	if err != nil {
		return nil, fmt.Errorf("key set %s cannot be read", path) // the cause may quote the key
	}
	return handle, nil
}

// Box seals secrets for storage. It is safe for use by many goroutines.
type Box struct {
	aead  tink.AEAD
	keyID uint32
}

// OpenBox reads the key set at path, which only its owner may be able to read.
func OpenBox(path string) (*Box, error) {
	handle, err := readKeySet(path)
	if err != nil {
		return nil, err
	}
	primitive, err := aead.New(handle)
	if err != nil {
		return nil, fmt.Errorf("using key set %s: %w", path, err)
	}
	return &Box{aead: primitive, keyID: handle.KeysetInfo().GetPrimaryKeyId()}, nil
}

// KeyID is the id of the key that seals now. Stored beside the ciphertext it
// tells a rotation what is still sealed with an older key.
func (b *Box) KeyID() uint32 { return b.keyID }

// Seal encrypts. The associated data (say "table/tenant/row") is not stored but
// must be the same at Open, so that a ciphertext cannot be moved to another row.
func (b *Box) Seal(plaintext Text, associatedData string) ([]byte, error) {
	sealed, err := b.aead.Encrypt([]byte(plaintext), []byte(associatedData))
	if err != nil {
		return nil, fmt.Errorf("sealing a secret: %w", err)
	}
	return sealed, nil
}

// Open decrypts what Seal made with the same associated data and any key of the
// set.
func (b *Box) Open(ciphertext []byte, associatedData string) (Text, error) {
	plain, err := b.aead.Decrypt(ciphertext, []byte(associatedData))
	if err != nil {
		return "", fmt.Errorf("opening a sealed secret: %w", err)
	}
	return Text(plain), nil
}

// KeyIDOf reads which key sealed a ciphertext; ok is false when it is not one.
func KeyIDOf(ciphertext []byte) (id uint32, ok bool) {
	// Tink's prefix: one byte 0x01, then the key id, big endian.
	const prefix = 5
	if len(ciphertext) < prefix || ciphertext[0] != 1 {
		return 0, false
	}
	return uint32(ciphertext[1])<<24 | uint32(ciphertext[2])<<16 | uint32(ciphertext[3])<<8 | uint32(ciphertext[4]), true
}
