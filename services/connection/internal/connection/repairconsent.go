package connection

import (
	"context"
	"errors"
	"time"

	"github.com/entrasync/entrasync/pkg/errs"
	"github.com/entrasync/entrasync/proto/entrasync/reason"
)

// RepairConsent lets the app into a managed tenant again.
type RepairConsent struct {
	Consent     *Consent
	Credentials *Resolver
	States      StateStore
	Returns     Returns
	Now         func() time.Time
	NewID       func() string
}

// Do consents by the partner's right and proves it. Where the partner may not,
// or where the app reads tenants by itself, it gives the page on which an
// administrator of the managed tenant can. What passes, and what consent cannot
// mend, is an error.
func (u *RepairConsent) Do(ctx context.Context, caller Caller, managedTenant, returnTo string) (Repaired, error) {
	target, err := u.Returns.choose(returnTo)
	if err != nil {
		return Repaired{}, err
	}
	if caller.User == "" {
		return Repaired{}, errs.New(errs.Denied, reason.PersonRequired, "Only a person can ask for consent.")
	}
	if !entraTenant.MatchString(managedTenant) {
		return Repaired{}, errs.New(errs.Invalid, reason.InvalidTenant, "This is not the id of a directory.",
			errs.WithViolation("entraTenantId", "must be a directory's id"))
	}
	credentials, err := u.Credentials.Resolve(ctx, caller.Tenant)
	if err != nil {
		return Repaired{}, err
	}
	refused, err := u.byPartner(ctx, caller.Tenant, managedTenant, credentials)
	if err != nil {
		return Repaired{}, err
	}
	if refused == nil {
		return Repaired{Outcome: ConsentGranted}, nil
	}
	return u.ask(ctx, caller, managedTenant, target, credentials, refused)
}

// byPartner gives why the partner could not consent; nil when the tenant can be
// read.
func (u *RepairConsent) byPartner(ctx context.Context, tenant, managedTenant string, credentials Credentials) (refused, err error) {
	// The Partner Center gives permissions to act for a person, never those of an
	// app by itself.
	if credentials.Access() != AppOnly {
		if refused = u.grant(ctx, tenant, managedTenant); refused != nil {
			return refused, endsRepair(ctx, refused)
		}
	}
	switch err = u.Consent.prove(ctx, tenant, managedTenant); errs.ReasonOf(err) {
	case ReasonConsentMissing:
		return err, nil
	default:
		return nil, err
	}
}

func (u *RepairConsent) grant(ctx context.Context, tenant, managedTenant string) error {
	return u.Credentials.With(ctx, tenant, func(credentials Credentials) error {
		token, err := u.Consent.Tokens.partnerCenterToken(ctx, tenant, credentials, u.Consent.Provider)
		if err != nil {
			return err
		}
		return u.Consent.Provider.GrantConsent(ctx, credentials, token, managedTenant)
	})
}

// endsRepair gives the error where asking an administrator would not help: what
// passes by itself, a grant that is dead for the partner itself, and a proof of our
// own that Microsoft does not take.
func endsRepair(ctx context.Context, refused error) error {
	if _, partners := errors.AsType[partnerFailure](refused); partners || ctx.Err() != nil || ClassOf(refused) == Retry || refusesApp(refused) {
		return refused
	}
	return nil
}

// ask keeps what the administrator's answer is bound to and gives the page.
func (u *RepairConsent) ask(ctx context.Context, caller Caller, managedTenant, target string, credentials Credentials, refused error) (Repaired, error) {
	now, value := u.Now(), newRandom()
	state := State{
		ID: u.NewID(), Kind: ConsentFlow, Hash: hashOf(value), User: caller.User, Session: caller.Session,
		ManagedTenant: managedTenant, ReturnTo: target, CreatedAt: now, ExpiresAt: now.Add(StateLife),
	}
	if err := u.States.SaveState(ctx, caller.Tenant, state); err != nil {
		return Repaired{}, err
	}
	return Repaired{
		Outcome: AdminConsentRequired, URL: u.Consent.Provider.AdminConsentURL(credentials, managedTenant, value),
		ExpiresAt: state.ExpiresAt, Problem: problemOf(refused),
	}, nil
}
