package connection_test

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/entrasync/entrasync/pkg/errs"
	"github.com/entrasync/entrasync/services/connection/internal/connection"
)

// sourceFunc is a source of credentials.
type sourceFunc func() (connection.Credentials, error)

func (f sourceFunc) Credentials(context.Context) (connection.Credentials, error) { return f() }

func fixed(c connection.Credentials) connection.NamedSource {
	return connection.NamedSource{Name: connection.SourceEnvironment, Source: sourceFunc(func() (connection.Credentials, error) { return c, nil })}
}

func TestACompletePairHasOneProof(t *testing.T) {
	t.Parallel()
	const app = "app"
	for _, c := range []struct {
		credentials connection.Credentials
		proof       connection.Proof
		complete    bool
	}{
		{connection.Credentials{ClientID: app, ClientSecret: "s"}, connection.ProofSecret, true},
		{connection.Credentials{ClientID: app, Certificate: "c"}, connection.ProofCertificate, true},
		{connection.Credentials{ClientID: app, FederatedTokenFile: "/f"}, connection.ProofFederated, true},
		{connection.Credentials{ClientID: app}, "", false},
		{connection.Credentials{ClientSecret: "s"}, connection.ProofSecret, false},
		{connection.Credentials{ClientID: app, ClientSecret: "s", Certificate: "c"}, "", false},
		{connection.Credentials{ClientID: app, Certificate: "c", FederatedTokenFile: "/f"}, "", false},
	} {
		require.Equal(t, c.proof, c.credentials.Proof())
		require.Equal(t, c.complete, c.credentials.Complete())
	}
}

func TestStoredCredentialsComeBackWhole(t *testing.T) {
	t.Parallel()
	c := connection.Credentials{
		ClientID: "app", Certificate: "pem", TenantID: "partner", CustomerAccess: connection.AppOnly,
		FederatedTokenFile: "/etc/passwd", Source: connection.SourceEnvironment,
	}
	encoded, err := connection.EncodeCredentials(c)
	require.NoError(t, err)
	got, err := connection.DecodeCredentials(encoded)
	require.NoError(t, err)
	c.FederatedTokenFile, c.Source = "", "" // a tenant names no files of ours
	require.Equal(t, c, got)

	// What an older version wrote.
	got, err = connection.DecodeCredentials(`{"microsoft_client_id":"app","microsoft_client_secret":"s","microsoft_tenant_id":""}`)
	require.NoError(t, err)
	require.Equal(t, connection.Credentials{ClientID: "app", ClientSecret: "s", CustomerAccess: connection.Delegated}, got)
	_, err = connection.DecodeCredentials(`{"microsoft_customer_access":"everything"}`)
	require.Error(t, err)
}

// TestWithTriesReplacedCredentials: the registration's secret is replaced while a
// request with the old one is under way.
func TestWithTriesReplacedCredentials(t *testing.T) {
	t.Parallel()
	rejected := connection.Failure{Reason: connection.ReasonRefreshFailed, Class: connection.Bug}.Err(nil)
	dead := connection.Failure{Reason: connection.ReasonRefreshFailed, Class: connection.Reconnect}.Err(nil)
	old, replaced := connection.Credentials{ClientID: "app", ClientSecret: "old"}, connection.Credentials{ClientID: "app", ClientSecret: "new"}
	current := old
	resolver := connection.NewResolver(connection.NamedSource{
		Name: connection.SourceTenant, Source: sourceFunc(func() (connection.Credentials, error) { return current, nil }),
	})
	use := func(outcome error, rotates bool) (used []string, err error) {
		current = old
		err = resolver.With(t.Context(), func(c connection.Credentials) error {
			used = append(used, c.ClientSecret.Reveal())
			if rotates {
				current = replaced
			}
			if c.ClientSecret == "new" {
				return nil
			}
			return outcome
		})
		return used, err
	}
	used, err := use(rejected, true)
	require.NoError(t, err)
	require.Equal(t, []string{"old", "new"}, used)
	used, err = use(rejected, false)
	require.ErrorIs(t, err, rejected)
	require.Equal(t, []string{"old"}, used, "nothing else to try")
	used, err = use(dead, true)
	require.ErrorIs(t, err, dead)
	require.Equal(t, []string{"old"}, used, "a dead grant is not the app's fault")
}

func TestASourceThatFailsIsNotPassedOver(t *testing.T) {
	t.Parallel()
	broken := errors.New("the vault is sealed")
	resolver := connection.NewResolver(
		connection.NamedSource{Name: connection.SourceTenant, Source: sourceFunc(func() (connection.Credentials, error) {
			return connection.Credentials{}, broken
		})},
		fixed(connection.Credentials{ClientID: "app", ClientSecret: "s"}),
	)
	_, err := resolver.Resolve(t.Context())
	require.ErrorIs(t, err, broken, "another app would be used by mistake")
	_, err = connection.NewResolver(fixed(connection.Credentials{ClientID: "app"})).Resolve(t.Context())
	require.Equal(t, connection.ReasonMissingCredentials, errs.ReasonOf(err))
}

// movingPointer points to the next version each time it is read.
type movingPointer struct {
	connection.CredentialPointers
	versions []string
}

func (p *movingPointer) AppInUse(context.Context) (connection.AppInUse, error) {
	version := p.versions[0]
	p.versions = p.versions[1:]
	return connection.AppInUse{Version: version}, nil
}

// kept holds one version of a secret.
type kept struct {
	connection.SecretStore
	version string
}

func (k kept) GetSecret(_ context.Context, _, version string) (connection.Secret, error) {
	if version != k.version {
		return "", errs.New(errs.NotFound, "secret_not_found", "gone")
	}
	return `{"microsoft_client_id":"app","microsoft_client_secret":"new"}`, nil
}

// TestAVersionSweptBetweenTwoReads: the registration is replaced, and its old
// version swept, after a reader learnt of the old one.
func TestAVersionSweptBetweenTwoReads(t *testing.T) {
	t.Parallel()
	read := func(versions ...string) (connection.Credentials, error) {
		return connection.NewTenantCredentials(&movingPointer{versions: versions}, kept{version: "new"}).Credentials(t.Context())
	}
	got, err := read("old", "older", "new")
	require.NoError(t, err)
	require.Equal(t, "new", got.ClientSecret.Reveal())
	got, err = read("old", "")
	require.NoError(t, err)
	require.False(t, got.Complete(), "removed meanwhile")
	_, err = read("lost", "lost", "lost")
	require.Error(t, err, "a pointer to nothing is no reason to use another app")
}
