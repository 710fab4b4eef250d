package connection

import (
	"context"
	"errors"
	"time"

	"github.com/entrasync/entrasync/pkg/errs"
	"github.com/entrasync/entrasync/proto/entrasync/reason"
)

// RepairConsent gives the app consent in a managed tenant again.
type RepairConsent struct {
	consent     *Consent
	credentials *Resolver
	states      StateStore
	returns     Returns
	now         func() time.Time
	newID       func() string
}

// NewRepairConsent makes the use case; newID returns a UUID of version 7.
func NewRepairConsent(
	consent *Consent, credentials *Resolver, states StateStore, returns Returns, now func() time.Time, newID func() string,
) *RepairConsent {
	return &RepairConsent{consent: consent, credentials: credentials, states: states, returns: returns, now: now, newID: newID}
}

// Do consents by the partner's right and proves it. Where the partner may not,
// or where the app reads tenants by itself, it gives the page on which an
// administrator of the managed tenant can. What passes, and what consent cannot
// mend, is an error.
func (u *RepairConsent) Do(ctx context.Context, caller Caller, managedTenant, returnTo string) (Repaired, error) {
	target, err := u.returns.choose(returnTo)
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
	credentials, err := u.credentials.Resolve(ctx)
	if err != nil {
		return Repaired{}, err
	}
	refused, err := u.byPartner(ctx, managedTenant, credentials)
	if err != nil {
		return Repaired{}, err
	}
	if refused == nil {
		return Repaired{Outcome: ConsentGranted}, nil
	}
	return u.ask(ctx, caller, managedTenant, target, credentials, refused)
}

// byPartner returns why the partner could not consent; nil when the tenant can be
// read.
func (u *RepairConsent) byPartner(ctx context.Context, managedTenant string, credentials Credentials) (refused, err error) {
	// The Partner Center gives permissions to act for a person, never those of an
	// app by itself.
	if credentials.Access() != AppOnly {
		if refused = u.grant(ctx, managedTenant); refused != nil {
			return refused, endsRepair(ctx, refused)
		}
	}
	switch err = u.consent.prove(ctx, managedTenant); errs.ReasonOf(err) {
	case ReasonConsentMissing:
		return err, nil
	default:
		return nil, err
	}
}

func (u *RepairConsent) grant(ctx context.Context, managedTenant string) error {
	return u.credentials.With(ctx, func(credentials Credentials) error {
		token, err := u.consent.tokens.partnerCenterToken(ctx, credentials, u.consent.provider)
		if err != nil {
			return err
		}
		return u.consent.provider.GrantConsent(ctx, credentials, token, managedTenant)
	})
}

// endsRepair returns the error where asking an administrator would not help: what
// passes by itself, a grant that is dead for the partner itself, and a proof of our
// own that Microsoft does not take.
func endsRepair(ctx context.Context, refused error) error {
	if _, partners := errors.AsType[partnerFailure](refused); partners || ctx.Err() != nil || ClassOf(refused) == Retry || refusesApp(refused) {
		return refused
	}
	return nil
}

// ask keeps what the administrator's answer is bound to and returns the page.
func (u *RepairConsent) ask(ctx context.Context, caller Caller, managedTenant, target string, credentials Credentials, refused error) (Repaired, error) {
	now, value := u.now(), newRandom()
	state := State{
		ID: u.newID(), Kind: ConsentFlow, Hash: hashOf(value), User: caller.User, Session: caller.Session,
		ManagedTenant: managedTenant, ReturnTo: target, CreatedAt: now, ExpiresAt: now.Add(StateLife),
	}
	if err := u.states.SaveState(ctx, state); err != nil {
		return Repaired{}, err
	}
	return Repaired{
		Outcome: AdminConsentRequired, URL: u.consent.provider.AdminConsentURL(credentials, managedTenant, value),
		ExpiresAt: &state.ExpiresAt, Problem: problemOf(refused),
	}, nil
}
