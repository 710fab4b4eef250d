// Package secrettest is what every secret store must do, as one suite for all
// of them.
package secrettest

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/entrasync/entrasync/pkg/errs"
	"github.com/entrasync/entrasync/pkg/tenant"
	"github.com/entrasync/entrasync/services/connection/internal/connection"
)

// Subject is a store under test.
type Subject struct {
	Store connection.SecretStore
	// Break makes the store's own back end fail until restore is called.
	Break func() (restore func())
}

const (
	key   = "entra_direct"
	other = "microsoft_app"
)

// Run holds a store against the port's promises. open gives a fresh, empty one.
func Run(t *testing.T, open func(t *testing.T) Subject) {
	t.Helper()
	t.Run("keeps quiet", func(t *testing.T) { keepsQuiet(t, open(t)) }) // alone: it reads the process's log
	for name, test := range map[string]func(*testing.T, connection.SecretStore){
		"values come back as they were":       valuesComeBack,
		"a version never changes":             versionsStay,
		"what is not there is not found":      missing,
		"delete removes all versions":         deleted,
		"odd names are refused":               oddNames,
		"what is too large is refused":        tooLarge,
		"tenants are kept apart":              tenantsApart,
		"writers at once never mix":           writersAtOnce,
		"what nobody points to blocks nobody": orphans,
		"a cancelled caller is let go":        cancelled,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, open(t).Store)
		})
	}
}

// of is the context of a call for a tenant.
func of(ctx context.Context, tenantID string) context.Context {
	return tenant.With(ctx, tenant.Call{Tenant: tenant.ID(tenantID)})
}

func put(t *testing.T, s connection.SecretStore, tenantID, key, value string) string {
	t.Helper()
	version, err := s.PutSecret(of(t.Context(), tenantID), key, connection.Secret(value))
	require.NoError(t, err)
	require.NotEmpty(t, version)
	return version
}

func holds(t *testing.T, s connection.SecretStore, tenantID, key, version, value string) {
	t.Helper()
	got, err := s.GetSecret(of(t.Context(), tenantID), key, version)
	require.NoError(t, err)
	require.True(t, value == got.Reveal(), "%d bytes came back for %d", len(got), len(value))
}

func gone(t *testing.T, s connection.SecretStore, tenantID, key, version string) {
	t.Helper()
	got, err := s.GetSecret(of(t.Context(), tenantID), key, version)
	require.Equal(t, errs.NotFound, errs.KindOf(err), "%v", err)
	require.Empty(t, got)
}

func valuesComeBack(t *testing.T, s connection.SecretStore) {
	t.Helper()
	for _, value := range []string{
		"", "a", `{"a":"<&>\u0000"}`, "ключ 🔑", "\xff\xfe\x00 not UTF-8", strings.Repeat("x", connection.MaxSecretBytes),
		strings.Repeat("\x00", connection.MaxSecretBytes),
	} {
		holds(t, s, "msp", key, put(t, s, "msp", key, value), value)
	}
}

func versionsStay(t *testing.T, s connection.SecretStore) {
	t.Helper()
	first := put(t, s, "msp", key, "one")
	second := put(t, s, "msp", key, "two")
	same := put(t, s, "msp", key, "two")
	elsewhere := put(t, s, "msp", other, "three")
	require.Len(t, map[string]bool{first: true, second: true, same: true}, 3)
	holds(t, s, "msp", key, first, "one")
	holds(t, s, "msp", key, second, "two")
	holds(t, s, "msp", key, same, "two")
	holds(t, s, "msp", other, elsewhere, "three")
}

func missing(t *testing.T, s connection.SecretStore) {
	t.Helper()
	gone(t, s, "msp", key, "1")
	version := put(t, s, "msp", key, "one")
	put(t, s, "msp", other, "two")
	gone(t, s, "msp", other, version)
	for _, odd := range []string{"", "1", "0", "-1", "x", "latest", "1.", "1.x", version + "0", "9" + version, "../" + version, version + "?version=1", "1e3"} {
		gone(t, s, "msp", key, odd)
	}
}

func deleted(t *testing.T, s connection.SecretStore) {
	t.Helper()
	require.NoError(t, s.DeleteSecret(of(t.Context(), "msp"), key), "nothing is there")
	first, second := put(t, s, "msp", key, "one"), put(t, s, "msp", key, "two")
	kept, theirs := put(t, s, "msp", other, "three"), put(t, s, "globex", key, "four")
	require.NoError(t, s.DeleteSecret(of(t.Context(), "msp"), key))
	require.NoError(t, s.DeleteSecret(of(t.Context(), "msp"), key), "again")
	gone(t, s, "msp", key, first)
	gone(t, s, "msp", key, second)
	holds(t, s, "msp", other, kept, "three")
	holds(t, s, "globex", key, theirs, "four")
	// A name is never used again: a caller that still has an old one gets nothing.
	anew := put(t, s, "msp", key, "five")
	gone(t, s, "msp", key, first)
	gone(t, s, "msp", key, second)
	holds(t, s, "msp", key, anew, "five")
}

func oddNames(t *testing.T, s connection.SecretStore) {
	t.Helper()
	refused := func(tenantID, key string) {
		_, err := s.PutSecret(of(t.Context(), tenantID), key, "x")
		require.Equal(t, errs.Invalid, errs.KindOf(err), "%q %q: %v", tenantID, key, err)
		_, err = s.GetSecret(of(t.Context(), tenantID), key, "1")
		require.Equal(t, errs.Invalid, errs.KindOf(err), "%q %q: %v", tenantID, key, err)
		require.Equal(t, errs.Invalid, errs.KindOf(s.DeleteSecret(of(t.Context(), tenantID), key)))
	}
	for _, odd := range []string{"", "Upper", "a/b", "../" + key, "a b", "a\n", "a%2fb", "a?b", "a.b", "schlüssel", strings.Repeat("a", 65)} {
		refused("msp", odd)
	}
	for _, odd := range []string{"a/b", "..", "a b", "a?b", "a'b", "mün", strings.Repeat("a", 65)} {
		refused(odd, key)
	}
}

func tooLarge(t *testing.T, s connection.SecretStore) {
	t.Helper()
	version := put(t, s, "msp", key, "one")
	_, err := s.PutSecret(of(t.Context(), "msp"), key, connection.Secret(strings.Repeat("x", connection.MaxSecretBytes+1)))
	require.Equal(t, "secret_too_large", errs.ReasonOf(err))
	require.Equal(t, errs.Invalid, errs.KindOf(err))
	holds(t, s, "msp", key, version, "one")
}

func tenantsApart(t *testing.T, s connection.SecretStore) {
	t.Helper()
	version := put(t, s, "msp", key, "of msp")
	gone(t, s, "globex", key, version)
	put(t, s, "globex", key, "of globex")
	gone(t, s, "globex", key, version)
	require.NoError(t, s.DeleteSecret(of(t.Context(), "globex"), key))
	holds(t, s, "msp", key, version, "of msp")
	// A call that says nothing of its tenant reaches no secrets.
	_, err := s.GetSecret(t.Context(), key, version)
	require.Equal(t, "tenant_missing", errs.ReasonOf(err))
	_, err = s.PutSecret(t.Context(), key, "x")
	require.Equal(t, "tenant_missing", errs.ReasonOf(err))
	require.Equal(t, "tenant_missing", errs.ReasonOf(s.DeleteSecret(t.Context(), key)))
	holds(t, s, "msp", key, version, "of msp")
}

// writersAtOnce: each writer either has a version of its own, whole, or hears of
// the conflict; the pointer decides which one counts.
func writersAtOnce(t *testing.T, s connection.SecretStore) {
	t.Helper()
	const writers, rounds = 12, 4
	var mu sync.Mutex
	written := map[string]string{}
	var wg sync.WaitGroup
	unexpected := make(chan error, writers*rounds)
	for i := range writers {
		wg.Go(func() {
			for round := range rounds {
				value := strings.Repeat(fmt.Sprintf("%c%d", 'a'+i, round), 2000)
				version, err := s.PutSecret(of(t.Context(), "msp"), key, connection.Secret(value))
				switch {
				case err == nil:
					mu.Lock()
					if written[version] != "" {
						unexpected <- fmt.Errorf("%s was given twice", version)
					}
					written[version] = value
					mu.Unlock()
				case errs.KindOf(err) != errs.Conflict:
					unexpected <- err
				}
			}
		})
	}
	wg.Wait()
	close(unexpected)
	for err := range unexpected {
		require.NoError(t, err)
	}
	require.NotEmpty(t, written, "one of them wins")
	for version, value := range written {
		holds(t, s, "msp", key, version, value)
	}
}

// orphans: a process that dies between the writing and the commit leaves a version. It
// must not block the next one, nor remove the one in use.
func orphans(t *testing.T, s connection.SecretStore) {
	t.Helper()
	inUse := put(t, s, "msp", key, "in use")
	for i := range 150 {
		put(t, s, "msp", key, fmt.Sprintf("orphan %d", i))
	}
	holds(t, s, "msp", key, inUse, "in use")
}

func cancelled(t *testing.T, s connection.SecretStore) {
	t.Helper()
	version := put(t, s, "msp", key, "one")
	ctx, cancel := context.WithCancel(of(t.Context(), "msp"))
	cancel()
	_, err := s.PutSecret(ctx, key, "two")
	require.Equal(t, errs.Cancelled, errs.KindOf(err), "%v", err)
	_, err = s.GetSecret(ctx, key, version)
	require.Equal(t, errs.Cancelled, errs.KindOf(err), "%v", err)
	require.Equal(t, errs.Cancelled, errs.KindOf(s.DeleteSecret(ctx, key)))
	holds(t, s, "msp", key, version, "one")
}

// keepsQuiet: no value in an error or, at debug level, in the log.
func keepsQuiet(t *testing.T, subject Subject) {
	t.Helper()
	log := &Log{}
	before := slog.Default()
	slog.SetDefault(slog.New(slog.NewTextHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug})))
	defer slog.SetDefault(before)
	const value = "hunter2-hunter2"
	s := subject.Store
	version := put(t, s, "msp", key, value)
	holds(t, s, "msp", key, version, value)
	var errors []error
	attempt := func(ctx context.Context, tenantID, key string) {
		ctx = of(ctx, tenantID)
		_, err := s.PutSecret(ctx, key, connection.Secret(value))
		errors = append(errors, err)
		_, err = s.GetSecret(ctx, key, version)
		errors = append(errors, err)
		errors = append(errors, s.DeleteSecret(ctx, key))
	}
	attempt(t.Context(), "msp", "odd/"+key)
	attempt(t.Context(), "odd/", key)
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	attempt(ended, "msp", key)
	restore := subject.Break()
	attempt(t.Context(), "msp", key)
	restore()
	_, err := s.PutSecret(of(t.Context(), "msp"), key, connection.Secret(strings.Repeat(value, connection.MaxSecretBytes/8)))
	errors = append(errors, err)
	for i, err := range errors {
		require.Error(t, err, "attempt %d", i)
		require.NotContains(t, fmt.Sprintf("%v %+v %#v", err, err, err), value)
	}
	holds(t, s, "msp", key, version, value)
	require.NotContains(t, log.String(), value)
}
