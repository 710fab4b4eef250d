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

// choose returns the address for what was asked; errs.Invalid for an address that
// is not listed.
func (r Returns) choose(asked string) (string, error) {
	if asked == "" || asked == r.Default {
		return r.Default, nil
	}
	if !slices.Contains(r.Allowed, asked) {
		return "", errs.Of(reason.ReturnToNotAllowed, errs.WithViolation("returnTo", "is not on the list of allowed addresses"))
	}
	return asked, nil
}

// Connect starts the partner's OAuth flow (F035).
type Connect struct {
	credentials *Resolver
	states      StateStore
	identity    IdentityProvider
	returns     Returns
	secretStore SecretStoreWatch // nil where secrets are kept in the database
	now         func() time.Time
	newID       func() string
}

// NewConnect makes the use case; watch is nil where secrets are kept in the database,
// newID returns a UUID of version 7.
func NewConnect(
	credentials *Resolver, states StateStore, identity IdentityProvider, returns Returns, watch SecretStoreWatch,
	now func() time.Time, newID func() string,
) *Connect {
	return &Connect{credentials: credentials, states: states, identity: identity, returns: returns, secretStore: watch, now: now, newID: newID}
}

// Started is a flow under way.
type Started struct {
	AuthorizeURL string
	ExpiresAt    time.Time
}

// Do keeps what the flow is bound to and returns the address of the consent page.
// Nothing that is connected changes.
func (u *Connect) Do(ctx context.Context, caller Caller, returnTo string) (Started, error) {
	target, err := u.returns.choose(returnTo)
	if err != nil {
		return Started{}, err
	}
	if caller.User == "" {
		return Started{}, errs.New(errs.Denied, reason.PersonRequired, "Only a person can connect a partner account.")
	}
	if u.secretStore != nil { // else the person would consent to what cannot be kept
		if err := u.secretStore.Check(ctx); err != nil {
			return Started{}, err
		}
	}
	credentials, err := u.credentials.Resolve(ctx)
	if err != nil {
		return Started{}, err
	}
	now := u.now()
	value, verifier := newRandom(), newRandom()
	state := State{
		ID: u.newID(), Kind: ConnectFlow, Hash: hashOf(value), User: caller.User, Session: caller.Session, Verifier: verifier,
		ReturnTo: target, CreatedAt: now, ExpiresAt: now.Add(StateLife),
	}
	if err := u.states.SaveState(ctx, state); err != nil {
		return Started{}, err
	}
	address := u.identity.AuthorizeURL(AuthorizeRequest{Credentials: credentials, State: value, Verifier: verifier})
	return Started{AuthorizeURL: address, ExpiresAt: state.ExpiresAt}, nil
}
