package secrets

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"time"

	"github.com/tink-crypto/tink-go/v2/aead"
	"github.com/tink-crypto/tink-go/v2/keyset"
)

// errNotOurs refuses to change a key set that is not in a file.
var errNotOurs = errors.New("the key set in ENTRASYNC_MASTER_KEY is changed where it comes from; rotating needs ENTRASYNC_MASTER_KEY_FILE")

// NewKeyFile makes a key set in clear text with one fresh AES-256-GCM key at
// path, readable by the owner alone. An existing file is left as it is, also when
// several processes start at once; the answer says whether this call made it.
func NewKeyFile(path string) (created bool, err error) {
	return Create(context.Background(), Settings{File: path}, nil)
}

// Create makes a key set with one fresh AES-256-GCM key in the file that the
// settings name, encrypted where they name a KMS. An existing file is left as it
// is; the answer says whether this call made it.
func Create(ctx context.Context, s Settings, kms KMSClients) (created bool, err error) {
	src, err := s.source(kms)
	if err != nil {
		return false, err
	}
	if src.file == "" {
		return false, errNotOurs
	}
	handle, err := keyset.NewHandle(aead.AES256GCMKeyTemplate())
	if err != nil {
		return false, fmt.Errorf("making a key: %w", err)
	}
	raw, err := src.encode(ctx, handle)
	if err != nil {
		return false, err
	}
	return createFile(src.file, raw)
}

// Key describes a key of a set.
type Key struct {
	ID    uint32
	Seals bool // it is the one that seals now; the others only open
}

// Keys lists the keys of a set, oldest first, with the time its file was last
// changed (zero where there is no file).
func Keys(ctx context.Context, s Settings, kms KMSClients) (keys []Key, changed time.Time, err error) {
	src, err := s.source(kms)
	if err != nil {
		return nil, time.Time{}, err
	}
	handle, err := src.load(ctx)
	if err != nil {
		return nil, time.Time{}, err
	}
	info := handle.KeysetInfo()
	for _, key := range info.GetKeyInfo() {
		keys = append(keys, Key{ID: key.GetKeyId(), Seals: key.GetKeyId() == info.GetPrimaryKeyId()})
	}
	if src.file != "" {
		stat, err := os.Stat(src.file)
		if err != nil {
			return nil, time.Time{}, fmt.Errorf("reading the key set: %w", err)
		}
		changed = stat.ModTime()
	}
	return keys, changed, nil
}

// Rotate adds a fresh key to the set and makes it the one that seals; it gives
// the new key's id. Older keys stay and still open what they sealed.
func Rotate(ctx context.Context, s Settings, kms KMSClients) (id uint32, err error) {
	err = change(ctx, s, kms, func(manager *keyset.Manager) error {
		if id, err = manager.Add(aead.AES256GCMKeyTemplate()); err != nil {
			return fmt.Errorf("adding a key: %w", err)
		}
		if err := manager.SetPrimary(id); err != nil {
			return fmt.Errorf("choosing the new key: %w", err)
		}
		return nil
	})
	return id, err
}

// Drop removes keys from the set. What they sealed and was not sealed again is
// lost. The key that seals now is refused.
func Drop(ctx context.Context, s Settings, kms KMSClients, ids ...uint32) error {
	return change(ctx, s, kms, func(manager *keyset.Manager) error {
		for _, id := range ids {
			if err := manager.Delete(id); err != nil {
				return fmt.Errorf("dropping key %d: %w", id, err)
			}
		}
		return nil
	})
}

// change rewrites the set. Two changes at once would lose a key that a process
// may already have sealed with, so one waits for the other.
func change(ctx context.Context, s Settings, kms KMSClients, edit func(*keyset.Manager) error) (err error) {
	src, err := s.source(kms)
	if err != nil {
		return err
	}
	if src.file == "" {
		return errNotOurs
	}
	file, err := filepath.EvalSymlinks(src.file) // by whatever name it is called
	if err != nil {
		return fmt.Errorf("locking the key set: %w", err)
	}
	folder, err := os.Open(filepath.Dir(file))
	if err != nil {
		return fmt.Errorf("locking the key set: %w", err)
	}
	defer func() { err = errors.Join(err, folder.Close()) }() // and with it the lock
	if err := syscall.Flock(int(folder.Fd()), syscall.LOCK_EX); err != nil {
		return fmt.Errorf("locking the key set: %w", err)
	}
	handle, err := src.load(ctx)
	if err != nil {
		return err
	}
	manager := keyset.NewManagerFromHandle(handle)
	if err := edit(manager); err != nil {
		return err
	}
	changed, err := manager.Handle()
	if err != nil {
		return fmt.Errorf("reading the changed key set: %w", err)
	}
	raw, err := src.encode(ctx, changed)
	if err != nil {
		return err
	}
	return replaceFile(src.file, raw)
}

func (s source) load(ctx context.Context) (*keyset.Handle, error) {
	raw, err := s.read()
	if err != nil {
		return nil, err
	}
	return s.decode(ctx, raw)
}

// Older are the keys before the one that seals.
func Older(keys []Key) []Key {
	return keys[:max(slices.IndexFunc(keys, func(k Key) bool { return k.Seals }), 0)]
}
