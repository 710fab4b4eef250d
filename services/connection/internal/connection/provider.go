package connection

import "context"

// Providers finds the provider of a tenant's connection by its kind (F046).
type Providers struct {
	Store  Store
	Tokens *Tokens
	Direct Provider
	Groups Groups // of Direct
	CIPP   *CIPPAccess
}

// access is how a tenant's directories are read: a provider, and tokens for it.
type access struct {
	provider Provider
	partner  TokenSource
	customer func(managedTenant string) TokenSource
	// prove gets a fresh token, whether or not the one in use is still good.
	prove func(ctx context.Context) error
	// used is the version of the token set that partner's last token came from, empty
	// before the first; nil where a connection has but one set.
	used func() string
	// reads is nil where the provider cannot read parts of a directory.
	reads Groups
}

// into gives tokens for a managed tenant, which is named by its id alone: other names
// may stand for many, at Microsoft and at CIPP.
func (a access) into(managedTenant string) (TokenSource, error) {
	if err := checkManaged(managedTenant); err != nil {
		return nil, err
	}
	return a.customer(managedTenant), nil
}

// groups gives what reads parts of a directory.
func (a access) groups() (Groups, error) {
	if a.reads == nil {
		return nil, Failure{
			Reason: ReasonNotSupported, Class: Reconnect, Message: "This connection cannot read groups or single users.",
			Remedy: "Connect to Microsoft directly, or do without filters by group.",
		}.Err(nil)
	}
	return a.reads, nil
}

// of gives the way through the tenant's active connection; errs.Precondition
// "not_connected" without one.
func (p *Providers) of(ctx context.Context, tenant string) (access, error) {
	current, ok, err := p.Store.Current(ctx, tenant)
	if err != nil {
		return access{}, err
	}
	if !ok || !current.Active() {
		return access{}, errNotConnected()
	}
	if current.Type == CIPP {
		return p.CIPP.open(ctx, tenant)
	}
	partner := &partnerTokens{tokens: p.Tokens, tenant: tenant}
	return access{
		provider: p.Direct, reads: p.Groups, partner: partner, prove: partner.prove, used: partner.used,
		customer: func(managedTenant string) TokenSource { return p.Tokens.Customer(tenant, managedTenant) },
	}, nil
}
