package secrets_test

import (
	"bytes"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/tink-crypto/tink-go/v2/aead"
	"github.com/tink-crypto/tink-go/v2/insecurecleartextkeyset"
	"github.com/tink-crypto/tink-go/v2/keyset"

	"github.com/entrasync/entrasync/pkg/errs"
	"github.com/entrasync/entrasync/pkg/secrets"
	"github.com/entrasync/entrasync/pkg/vault"
	"github.com/entrasync/entrasync/pkg/vault/vaulttest"
)

func rotate(t *testing.T, path string) uint32 {
	t.Helper()
	id, err := secrets.Rotate(t.Context(), secrets.Settings{File: path}, nil)
	require.NoError(t, err)
	return id
}

func TestABoxTakesUpARotatedKeySet(t *testing.T) {
	t.Parallel()
	path, old := newBox(t)
	first := old.KeyID()
	id := rotate(t, path)
	fresh, err := secrets.OpenBox(path)
	require.NoError(t, err)
	require.Equal(t, id, fresh.KeyID())
	require.Equal(t, []uint32{first}, fresh.OlderKeys())
	require.Equal(t, first, old.KeyID(), "this process has not looked yet")
	require.Empty(t, old.OlderKeys(), "and does not take the new key for an old one")

	sealed, err := fresh.Seal("secret", "a")
	require.NoError(t, err)
	opened, err := old.Open(sealed, "a")
	require.NoError(t, err, "a key that it does not know makes it look")
	require.Equal(t, "secret", opened.Reveal())
	require.Equal(t, id, old.KeyID())
}

func TestAKeyThatWaitsToSealIsNotAnOldOne(t *testing.T) {
	t.Parallel()
	manager := keyset.NewManager()
	var ids []uint32
	for range 3 {
		id, err := manager.Add(aead.AES256GCMKeyTemplate())
		require.NoError(t, err)
		ids = append(ids, id)
	}
	require.NoError(t, manager.SetPrimary(ids[1]))
	handle, err := manager.Handle()
	require.NoError(t, err)
	var raw bytes.Buffer
	require.NoError(t, insecurecleartextkeyset.Write(handle, keyset.NewJSONWriter(&raw)))
	box, err := secrets.Open(t.Context(), secrets.Settings{Value: secrets.Text(raw.String())}, nil)
	require.NoError(t, err)
	require.Equal(t, ids[1], box.KeyID())
	require.Equal(t, ids[:1], box.OlderKeys(), "what the third sealed is somebody's who knows more")
}

func TestAKeyThatIsNotThere(t *testing.T) {
	t.Parallel()
	_, box := newBox(t)
	_, other := newBox(t)
	sealed, err := other.Seal("secret", "a")
	require.NoError(t, err)
	_, err = box.Open(sealed, "a")
	require.ErrorIs(t, err, secrets.ErrKeyMissing)
	require.Equal(t, errs.Unavailable, errs.KindOf(err), "it may come")
}

func TestABrokenKeySetLeavesTheOldOneAtWork(t *testing.T) {
	t.Parallel()
	path, box := newBox(t)
	sealed, err := box.Seal("secret", "a")
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(path, []byte(`{"half`), 0o600))
	require.Error(t, box.Refresh(t.Context()))
	opened, err := box.Open(sealed, "a")
	require.NoError(t, err)
	require.Equal(t, "secret", opened.Reveal())
}

func TestRotationsAtOnceLoseNoKey(t *testing.T) {
	t.Parallel()
	path, box := newBox(t)
	want := []uint32{box.KeyID()}
	var mu sync.Mutex
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			id, err := secrets.Rotate(t.Context(), secrets.Settings{File: path}, nil)
			mu.Lock()
			defer mu.Unlock()
			if err == nil {
				want = append(want, id)
			}
		})
	}
	wg.Wait()
	require.Len(t, want, 9)
	keys, changed, err := secrets.Keys(t.Context(), secrets.Settings{File: path}, nil)
	require.NoError(t, err)
	require.WithinDuration(t, time.Now(), changed, time.Minute)
	var got []uint32
	for _, key := range keys {
		got = append(got, key.ID)
	}
	require.ElementsMatch(t, want, got)
	require.Len(t, secrets.Older(keys), 8)
}

func TestDroppingKeys(t *testing.T) {
	t.Parallel()
	path, box := newBox(t)
	first := box.KeyID()
	sealed, err := box.Seal("secret", "a")
	require.NoError(t, err)
	second := rotate(t, path)
	settings := secrets.Settings{File: path}
	require.Error(t, secrets.Drop(t.Context(), settings, nil, second), "the key that seals stays")
	require.Error(t, secrets.Drop(t.Context(), settings, nil, 1234), "there is no such key")
	require.NoError(t, secrets.Drop(t.Context(), settings, nil, first))
	keys, _, err := secrets.Keys(t.Context(), settings, nil)
	require.NoError(t, err)
	require.Equal(t, []secrets.Key{{ID: second, Seals: true}}, keys)
	fresh, err := secrets.OpenBox(path)
	require.NoError(t, err)
	_, err = fresh.Open(sealed, "a")
	require.ErrorIs(t, err, secrets.ErrKeyMissing)
}

func TestTheKeySetInTheEnvironment(t *testing.T) {
	t.Parallel()
	path, fromFile := newBox(t)
	raw, err := os.ReadFile(path)
	require.NoError(t, err)
	settings := secrets.Settings{Value: secrets.Text(raw)}
	box, err := secrets.Open(t.Context(), settings, nil)
	require.NoError(t, err)
	sealed, err := box.Seal("secret", "a")
	require.NoError(t, err)
	_, err = fromFile.Open(sealed, "a")
	require.NoError(t, err)
	_, err = secrets.Rotate(t.Context(), settings, nil)
	require.ErrorContains(t, err, "changed where it comes from")
	_, err = secrets.Open(t.Context(), secrets.Settings{Value: `{"key": "hunter2"`}, nil)
	require.Error(t, err)
	require.NotContains(t, err.Error(), "hunter2")
}

func TestExactlyOneSourceCounts(t *testing.T) {
	t.Parallel()
	for text, settings := range map[string]secrets.Settings{
		"no master key":              {},
		"two master keys":            {File: "f", Value: "v"},
		"excludes":                   {Value: "v", KMSURI: "hcvault://host/transit/keys/k"},
		"needs":                      {KMSURI: "hcvault://host/transit/keys/k"},
		"supported schemes: hcvault": {File: "f", KMSURI: "gcp-kms://projects/p/locations/l/keyRings/r/cryptoKeys/k"},
		`no client for "nonsense"`:   {File: "f", KMSURI: "nonsense"},
	} {
		_, err := secrets.Open(t.Context(), settings, secrets.KMSClients{vault.TransitScheme: vault.Transit(vault.Settings{})})
		require.ErrorContains(t, err, text)
	}
}

func TestTheKeySetEncryptedByAKMS(t *testing.T) {
	t.Parallel()
	server, ca := vaulttest.NewTLS(t, time.Now)
	file := filepath.Join(t.TempDir(), "ca.pem")
	require.NoError(t, os.WriteFile(file, ca, 0o600))
	settings := secrets.Settings{
		File: filepath.Join(t.TempDir(), "master.json"), KMSURI: "hcvault://" + server.URL[len("https://"):] + "/transit/keys/entrasync",
	}
	login := vault.Settings{Auth: vault.AppRole, RoleID: server.RoleID, SecretID: "secret-id-of-the-tests", CAFile: file}
	kms := secrets.KMSClients{vault.TransitScheme: vault.Transit(login)}

	created, err := secrets.Create(t.Context(), settings, kms)
	require.NoError(t, err)
	require.True(t, created)
	raw, err := os.ReadFile(settings.File)
	require.NoError(t, err)
	require.Contains(t, string(raw), "encryptedKeyset")
	_, err = secrets.OpenBox(settings.File)
	require.Error(t, err, "in clear text it is no key set")
	require.NoError(t, os.Chmod(settings.File, 0o644)) // a mounted secret; what is in it is encrypted
	box, err := secrets.Open(t.Context(), settings, kms)
	require.NoError(t, err)
	sealed, err := box.Seal("secret", "a")
	require.NoError(t, err)

	id, err := secrets.Rotate(t.Context(), settings, kms)
	require.NoError(t, err)
	require.NoError(t, box.Refresh(t.Context()))
	require.Equal(t, id, box.KeyID())
	opened, err := box.Open(sealed, "a")
	require.NoError(t, err)
	require.Equal(t, "secret", opened.Reveal())
	before := server.Count("decrypt")
	require.NoError(t, box.Refresh(t.Context()))
	require.Equal(t, before, server.Count("decrypt"), "a set that has not changed costs no call")

	server.Seal()
	_, err = secrets.Open(t.Context(), settings, kms)
	require.Equal(t, errs.Unavailable, errs.KindOf(err))
	server.Unseal()
	other := settings
	other.KMSURI += "-of-another-kind"
	_, err = secrets.Open(t.Context(), other, kms)
	require.ErrorContains(t, err, "cannot be opened")
	elsewhere := login
	elsewhere.Address = "https://vault.example"
	_, err = secrets.Open(t.Context(), settings, secrets.KMSClients{vault.TransitScheme: vault.Transit(elsewhere)})
	require.ErrorContains(t, err, "another host")
}
