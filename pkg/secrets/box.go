package secrets

import (
	"context"
	"encoding/binary"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/tink-crypto/tink-go/v2/aead"
	"github.com/tink-crypto/tink-go/v2/tink"

	"github.com/entrasync/entrasync/pkg/errs"
	"github.com/entrasync/entrasync/proto/entrasync/reason"
)

// refreshEvery is how often a box that is in use looks for a rotated key set.
const refreshEvery = time.Minute

// ErrKeyMissing says that a value was sealed with a key that this process does
// not have: another process got a rotated key set first, or a key was dropped
// that was still in use.
var ErrKeyMissing = errs.Of(reason.MasterKeyMissing)

// Box seals secrets for storage. It is safe for use by many goroutines, and it
// loads a rotated key set by itself: at once when it meets a key that it does
// not know, within a minute otherwise.
type Box struct {
	source source
	ring   atomic.Pointer[ring]
	next   atomic.Int64 // when to look for a rotated set, in Unix nanoseconds

	mu  sync.Mutex // one reader of the source at a time
	raw string     // the set as it was read last
}

// ring is a key set in use.
type ring struct {
	aead    tink.AEAD
	primary uint32
	ids     []uint32 // in the order in which they were added
}

// Open reads the key set that the settings name and makes a box of it. kms has
// a client for each scheme of KMS addresses that can be used.
func Open(ctx context.Context, s Settings, kms KMSClients) (*Box, error) {
	source, err := s.source(kms)
	if err != nil {
		return nil, err
	}
	box := &Box{source: source}
	if err := box.Refresh(ctx); err != nil {
		return nil, err
	}
	return box, nil
}

// OpenBox reads the key set in clear text at path, which only its owner may be
// able to read.
func OpenBox(path string) (*Box, error) {
	return Open(context.Background(), Settings{File: path}, nil)
}

// Refresh reads the key set anew if it has changed. After an error the box
// works with the keys that it has.
func (b *Box) Refresh(ctx context.Context) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.next.Store(time.Now().Add(refreshEvery).UnixNano())
	raw, err := b.source.read()
	if err != nil {
		return err
	}
	if b.ring.Load() != nil && string(raw) == b.raw {
		return nil
	}
	handle, err := b.source.decode(ctx, raw)
	if err != nil {
		return err
	}
	primitive, err := aead.New(handle)
	if err != nil {
		return fmt.Errorf("using %s: %w", b.source, err)
	}
	info := handle.KeysetInfo()
	fresh := &ring{aead: primitive, primary: info.GetPrimaryKeyId()}
	for _, key := range info.GetKeyInfo() {
		fresh.ids = append(fresh.ids, key.GetKeyId())
	}
	b.ring.Store(fresh)
	b.raw = string(raw)
	return nil
}

// current gives the keys in use and looks now and then whether they were
// rotated.
func (b *Box) current() *ring {
	if time.Now().UnixNano() >= b.next.Load() {
		ctx := context.Background()
		if err := b.Refresh(ctx); err != nil {
			slog.WarnContext(ctx, "the key set could not be read anew", "error", err)
		}
	}
	return b.ring.Load()
}

// KeyID is the id of the key that seals now. Stored beside the ciphertext it
// shows what is still sealed with an older key.
func (b *Box) KeyID() uint32 { return b.current().primary }

// OlderKeys are the ids of the keys that were added before the one that seals
// now. What they sealed is to be sealed again. A key that was added later is not
// among them: a process that has not yet learned of a rotation must not undo it.
func (b *Box) OlderKeys() []uint32 {
	r := b.current()
	return slices.Clone(r.ids[:max(slices.Index(r.ids, r.primary), 0)])
}

// Seal encrypts. The associated data (say "table/tenant/row") is not stored but
// must be the same at Open, so that a ciphertext cannot be moved to another row.
func (b *Box) Seal(plaintext Text, associatedData string) ([]byte, error) {
	sealed, err := b.current().aead.Encrypt([]byte(plaintext), []byte(associatedData))
	if err != nil {
		return nil, fmt.Errorf("sealing a secret: %w", err)
	}
	return sealed, nil
}

// Open decrypts what Seal made with the same associated data and any key of the
// set; ErrKeyMissing when the key is not in it.
func (b *Box) Open(ciphertext []byte, associatedData string) (Text, error) {
	r := b.current()
	if id, ok := KeyIDOf(ciphertext); ok && !slices.Contains(r.ids, id) {
		if err := b.Refresh(context.Background()); err != nil {
			return "", fmt.Errorf("looking for key %d: %w", id, err)
		}
		if r = b.ring.Load(); !slices.Contains(r.ids, id) {
			return "", fmt.Errorf("opening a sealed secret: key %d: %w", id, ErrKeyMissing)
		}
	}
	plain, err := r.aead.Decrypt(ciphertext, []byte(associatedData))
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
	return binary.BigEndian.Uint32(ciphertext[1:prefix]), true
}
