package connection

import (
	"context"
	"slices"
	"time"

	"github.com/entrasync/entrasync/pkg/errs"
	"github.com/entrasync/entrasync/proto/entrasync/reason"
)

// StateLife is how long a started flow may take.
const StateLife = 10 * time.Minute

// Returns says where a browser may end.
type Returns struct {
	Default string   // the page that shows the result
	Allowed []string // exact addresses
}

// choose gives the address for what was asked; errs.Invalid for an address that
// is not listed.
func (r Returns) choose(asked string) (string, error) {
	if asked == "" || asked == r.Default {
		return r.Default, nil
	}
	if !slices.Contains(r.Allowed, asked) {
		return "", errs.New(errs.Invalid, reason.ReturnToNotAllowed, "This address is not one that a browser may return to.",
			errs.WithViolation("returnTo", "is not on the list of allowed addresses"))
	}
	return asked, nil
}

// Connect starts the partner's OAuth flow (F035).
type Connect struct {
	Credentials *Resolver
	States      StateStore
	Identity    IdentityProvider
	Returns     Returns
	SecretStore SecretStoreWatch // nil where secrets are kept in the database
	Now         func() time.Time
	NewID       func() string
}

// Started is a flow under way.
type Started struct {
	AuthorizeURL string
	ExpiresAt    time.Time
}

// Do keeps what the flow is bound to and gives the address of the consent page.
// Nothing that is connected changes.
func (u *Connect) Do(ctx context.Context, caller Caller, returnTo string) (Started, error) {
	target, err := u.Returns.choose(returnTo)
	if err != nil {
		return Started{}, err
	}
	if caller.User == "" {
		return Started{}, errs.New(errs.Denied, reason.PersonRequired, "Only a person can connect a partner account.")
	}
	if u.SecretStore != nil { // else the person would consent to what cannot be kept
		if err := u.SecretStore.Check(ctx); err != nil {
			return Started{}, err
		}
	}
	credentials, err := u.Credentials.Resolve(ctx, caller.Tenant)
	if err != nil {
		return Started{}, err
	}
	now := u.Now()
	value, verifier := newRandom(), newRandom()
	state := State{
		ID: u.NewID(), Kind: ConnectFlow, Hash: hashOf(value), User: caller.User, Session: caller.Session, Verifier: verifier,
		ReturnTo: target, CreatedAt: now, ExpiresAt: now.Add(StateLife),
	}
	if err := u.States.SaveState(ctx, caller.Tenant, state); err != nil {
		return Started{}, err
	}
	address := u.Identity.AuthorizeURL(AuthorizeRequest{Credentials: credentials, State: value, Verifier: verifier})
	return Started{AuthorizeURL: address, ExpiresAt: state.ExpiresAt}, nil
}
