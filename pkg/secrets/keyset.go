package secrets

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"github.com/tink-crypto/tink-go/v2/insecurecleartextkeyset"
	"github.com/tink-crypto/tink-go/v2/keyset"
	"github.com/tink-crypto/tink-go/v2/tink"
)

const (
	// keyFileMode lets the owner alone read a key set in clear text.
	keyFileMode fs.FileMode = 0o600
	// maxKeySetBytes bounds what is read as a key set.
	maxKeySetBytes = 1 << 20
)

// keySetData ties the encrypted key set to its purpose.
var keySetData = []byte("entrasync/master-key")

// Settings say where the master key set is. Exactly one place counts: the
// value, the file in clear text, or the file encrypted by the KMS.
type Settings struct {
	File   string `env:"ENTRASYNC_MASTER_KEY_FILE"`    // Tink key set in JSON, mode 0600
	Value  Text   `env:"ENTRASYNC_MASTER_KEY,unset"`   // the same, in the environment
	KMSURI string `env:"ENTRASYNC_MASTER_KEY_KMS_URI"` // the key that encrypts File
}

// KMS opens the key of a KMS that an address names.
type KMS func(ctx context.Context, uri string) (tink.AEAD, error)

// KMSClients are the clients that are built in, by the scheme of the addresses
// that they understand ("hcvault").
type KMSClients map[string]KMS

// source is a place to read a key set from.
type source struct {
	file  string
	value Text
	uri   string
	kms   KMS // nil: the set is in clear text
}

// source checks that one place is named.
func (s Settings) source(clients KMSClients) (source, error) {
	switch {
	case s.File == "" && s.Value == "" && s.KMSURI == "":
		return source{}, errors.New("no master key: set ENTRASYNC_MASTER_KEY_FILE, ENTRASYNC_MASTER_KEY, " +
			"or ENTRASYNC_MASTER_KEY_KMS_URI together with ENTRASYNC_MASTER_KEY_FILE")
	case s.Value != "" && (s.File != "" || s.KMSURI != ""):
		return source{}, errors.New("two master keys: ENTRASYNC_MASTER_KEY excludes ENTRASYNC_MASTER_KEY_FILE and ENTRASYNC_MASTER_KEY_KMS_URI")
	case s.KMSURI != "" && s.File == "":
		return source{}, errors.New("ENTRASYNC_MASTER_KEY_KMS_URI needs ENTRASYNC_MASTER_KEY_FILE: the key set that this KMS encrypted")
	}
	found := source{file: s.File, value: s.Value, uri: s.KMSURI}
	if s.KMSURI == "" {
		return found, nil
	}
	scheme, _, ok := strings.Cut(s.KMSURI, "://")
	if found.kms = clients[scheme]; !ok || found.kms == nil {
		return source{}, fmt.Errorf("ENTRASYNC_MASTER_KEY_KMS_URI: no client for %q; supported schemes: %s",
			scheme, strings.Join(slices.Sorted(maps.Keys(clients)), ", "))
	}
	return found, nil
}

// String names the place, for messages.
func (s source) String() string {
	if s.file == "" {
		return "the key set in ENTRASYNC_MASTER_KEY"
	}
	return "key set " + s.file
}

// read gives the set as it is stored.
func (s source) read() ([]byte, error) {
	if s.file == "" {
		return []byte(s.value.Reveal()), nil
	}
	info, err := os.Stat(s.file)
	if err != nil {
		return nil, fmt.Errorf("reading the key set: %w", err)
	}
	if open := info.Mode().Perm() &^ keyFileMode; open != 0 && s.kms == nil {
		return nil, fmt.Errorf("%s has mode %04o: only its owner may read it (0600)", s, info.Mode().Perm())
	}
	if info.Size() > maxKeySetBytes {
		return nil, fmt.Errorf("%s is too large", s)
	}
	raw, err := os.ReadFile(s.file)
	if err != nil {
		return nil, fmt.Errorf("reading the key set: %w", err)
	}
	return raw, nil
}

// decode makes keys of what read gave.
func (s source) decode(ctx context.Context, raw []byte) (*keyset.Handle, error) {
	reader := keyset.NewJSONReader(bytes.NewReader(raw))
	if s.kms == nil {
		handle, err := insecurecleartextkeyset.Read(reader)
		if err != nil {
			return nil, fmt.Errorf("%s cannot be read", s) // the cause may quote the key
		}
		return handle, nil
	}
	key, err := s.kms(ctx, s.uri)
	if err != nil {
		return nil, fmt.Errorf("opening %s: %w", s.uri, err)
	}
	handle, err := keyset.ReadWithAssociatedData(reader, key, keySetData)
	if err != nil {
		return nil, fmt.Errorf("%s cannot be opened with %s: %w", s, s.uri, err)
	}
	return handle, nil
}

// encode is the reverse of decode.
func (s source) encode(ctx context.Context, handle *keyset.Handle) ([]byte, error) {
	var buf bytes.Buffer
	writer := keyset.NewJSONWriter(&buf)
	if s.kms == nil {
		if err := insecurecleartextkeyset.Write(handle, writer); err != nil {
			return nil, fmt.Errorf("encoding the key set: %w", err)
		}
		return buf.Bytes(), nil
	}
	key, err := s.kms(ctx, s.uri)
	if err != nil {
		return nil, fmt.Errorf("opening %s: %w", s.uri, err)
	}
	if err := handle.WriteWithAssociatedData(writer, key, keySetData); err != nil {
		return nil, fmt.Errorf("the key set cannot be encrypted with %s", s.uri) // the cause may quote it
	}
	return buf.Bytes(), nil
}

// createFile puts a complete file in place in one step: no reader ever sees half a
// key set. A file that is already there wins.
func createFile(path string, raw []byte) (created bool, err error) {
	tmp, err := writeBeside(path, raw, func(*os.File) error { return nil })
	if err != nil {
		return false, err
	}
	defer func() { _ = os.Remove(tmp) }()
	switch err := os.Link(tmp, path); {
	case errors.Is(err, fs.ErrExist):
		return false, nil
	case err != nil:
		return false, fmt.Errorf("placing the key set: %w", err)
	}
	return true, syncFolder(path)
}

// replaceFile puts another file in the place of one, in one step. The new file
// has the owner of the old one, whichever user runs this: the service must still
// be able to read it. Where path is a link, the file behind it is replaced.
func replaceFile(path string, raw []byte) error {
	path, err := filepath.EvalSymlinks(path)
	if err != nil {
		return fmt.Errorf("replacing the key set: %w", err)
	}
	old, err := os.Stat(path)
	if err != nil {
		return fmt.Errorf("replacing the key set: %w", err)
	}
	tmp, err := writeBeside(path, raw, func(f *os.File) error {
		if owner, ok := old.Sys().(*syscall.Stat_t); ok {
			if err := f.Chown(int(owner.Uid), int(owner.Gid)); err != nil {
				return err
			}
		}
		return f.Chmod(old.Mode().Perm())
	})
	if err != nil {
		return err
	}
	if err := os.Rename(tmp, path); err != nil {
		return errors.Join(fmt.Errorf("replacing the key set: %w", err), os.Remove(tmp))
	}
	return syncFolder(path)
}

// writeBeside writes a whole file beside path, for its owner alone until prepare
// decides otherwise, and gives its name.
func writeBeside(path string, raw []byte, prepare func(*os.File) error) (name string, err error) {
	tmp, err := os.CreateTemp(filepath.Dir(path), ".keyset-*") // made with mode 0600
	if err != nil {
		return "", fmt.Errorf("writing the key set: %w", err)
	}
	err = prepare(tmp)
	if err == nil {
		_, err = tmp.Write(raw)
	}
	err = errors.Join(err, tmp.Sync(), tmp.Close())
	if err != nil {
		return "", errors.Join(fmt.Errorf("writing the key set: %w", err), os.Remove(tmp.Name()))
	}
	return tmp.Name(), nil
}

// syncFolder makes a new name in path's folder outlive a crash: what is sealed with
// a fresh key is lost without it.
func syncFolder(path string) error {
	folder, err := os.Open(filepath.Dir(path))
	if err != nil {
		return fmt.Errorf("keeping the key set: %w", err)
	}
	if err := errors.Join(folder.Sync(), folder.Close()); err != nil {
		return fmt.Errorf("keeping the key set: %w", err)
	}
	return nil
}
