package connection

import (
	"context"
	"time"
)

// ConsentProvider gives the app consent in managed tenants.
type ConsentProvider interface {
	// PartnerCenterToken redeems the partner's refresh token for the Partner
	// Center, at the partner's own tenant.
	PartnerCenterToken(ctx context.Context, c Credentials, refreshToken Secret, partnerTenant string) (Secret, error)
	// GrantConsent consents for a managed tenant by the partner's right. That the
	// consent stands already is a success.
	GrantConsent(ctx context.Context, c Credentials, partnerCenterToken Secret, managedTenant string) error
	// AdminConsentURL is the page on which an administrator of the managed tenant
	// consents.
	AdminConsentURL(c Credentials, managedTenant string, state Secret) string
}

// CustomerProber tries whether a managed tenant can be read.
type CustomerProber interface {
	// ProbeCustomer reads one user of a managed tenant.
	ProbeCustomer(ctx context.Context, tokens TokenSource) error
}

// CustomerEpochs makes the tokens that replicas keep for the managed tenants of a
// tenant void.
type CustomerEpochs interface {
	RaiseCustomerEpoch(ctx context.Context) error
}

// Consent is what is known of the app's consent in managed tenants.
type Consent struct {
	epochs   CustomerEpochs
	tokens   *Tokens
	provider ConsentProvider
	prober   CustomerProber
}

// NewConsent makes the part of use cases that ask for consent.
func NewConsent(epochs CustomerEpochs, tokens *Tokens, provider ConsentProvider, prober CustomerProber) *Consent {
	return &Consent{epochs: epochs, tokens: tokens, provider: provider, prober: prober}
}

// prove reads a managed tenant with a token that was made after the consent:
// an older one does not carry what was granted.
func (u *Consent) prove(ctx context.Context, managedTenant string) error {
	if err := u.epochs.RaiseCustomerEpoch(ctx); err != nil {
		return err
	}
	return u.prober.ProbeCustomer(ctx, u.tokens.Customer(managedTenant))
}

// The outcomes of a repair.
const (
	ConsentGranted       = "granted"
	AdminConsentRequired = "admin_consent_required"
)

// Repaired is the outcome of a repair.
type Repaired struct {
	Outcome   string
	URL       string     // where an administrator of the managed tenant consents
	ExpiresAt *time.Time // nil where there is none; of that page's answer
	Problem   *Problem   // why the partner could not do it
}
