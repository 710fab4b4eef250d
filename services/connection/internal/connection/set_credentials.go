package connection

import (
	"context"
	"strings"
	"time"

	"github.com/entrasync/entrasync/pkg/errs"
	"github.com/entrasync/entrasync/proto/entrasync/reason"
)

// SetCredentials stores the tenant's own app registration (F034). Nothing ever
// reads its secret back to a person.
type SetCredentials struct {
	resolver *Resolver
	pointers CredentialPointers
	secrets  SecretStore
	lock     GrantLock
	store    Store
	now      func() time.Time
}

// NewSetCredentials makes the use case.
func NewSetCredentials(
	resolver *Resolver, pointers CredentialPointers, secrets SecretStore, lock GrantLock, store Store, now func() time.Time,
) *SetCredentials {
	return &SetCredentials{resolver: resolver, pointers: pointers, secrets: secrets, lock: lock, store: store, now: now}
}

// CredentialsSet is what was stored, without its secret.
type CredentialsSet struct {
	ClientID             string
	TenantID             string
	Proof                Proof
	CustomerAccess       CustomerAccess
	CertificateExpiresAt *time.Time // nil without a certificate
	ReconnectRequired    bool       // the grant in use belongs to another app
}

// Do writes the secret first and then the row that points to it, which is the
// commit. Reasons: certificate_invalid, credentials_incomplete,
// invalid_tenant.
func (u *SetCredentials) Do(ctx context.Context, caller Caller, c Credentials) (CredentialsSet, error) {
	c.FederatedTokenFile = "" // a tenant never names files of ours
	if !c.Complete() {
		return CredentialsSet{}, errs.Of(reason.CredentialsIncomplete,
			errs.WithViolation("clientId", "must come with exactly one of clientSecret and clientCertificate"))
	}
	if c.TenantID != "" {
		if err := CheckAuthority(c.TenantID); err != nil {
			return CredentialsSet{}, err
		}
	}
	set := CredentialsSet{ClientID: c.ClientID, TenantID: c.TenantID, Proof: c.Proof(), CustomerAccess: c.Access()}
	if c.Certificate != "" {
		certificate, err := ParseCertificate(c.Certificate)
		if err == nil {
			err = certificate.Valid(u.now())
		}
		if err != nil {
			return CredentialsSet{}, errs.Of(reason.CertificateInvalid, errs.WithViolation("clientCertificate", err.Error()))
		}
		set.CertificateExpiresAt = &certificate.Leaf.NotAfter
	}
	encoded, err := EncodeCredentials(c)
	if err != nil {
		return CredentialsSet{}, err
	}
	err = u.lock.WithGrantLock(ctx, func(ctx context.Context) error {
		app, active, err := appOfGrant(ctx, u.store, u.resolver)
		if err != nil {
			return err
		}
		set.ReconnectRequired = active && !strings.EqualFold(app, c.ClientID)
		version, err := u.secrets.PutSecret(ctx, SetApp, encoded)
		if err != nil {
			return err
		}
		return u.pointers.PointCredentials(ctx, AppInUse{version, c.ClientID, c.Access()}, caller.User)
	})
	return set, err
}

// appOfGrant returns with which app the direct connection in use was made. Where
// that was not kept, it was the one that is used until now.
func appOfGrant(ctx context.Context, store Store, resolver *Resolver) (clientID string, active bool, err error) {
	current, ok, err := store.Current(ctx)
	if err != nil || !ok || !current.Active() || current.Type != Direct {
		return "", false, err
	}
	if current.ClientID != "" {
		return current.ClientID, true, nil
	}
	used, err := resolver.Registration(ctx)
	if err != nil && errs.ReasonOf(err) != ReasonMissingCredentials {
		return "", false, err
	}
	return used.ClientID, true, nil
}
