package connection

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"regexp"
	"strings"
	"time"

	"github.com/entrasync/entrasync/pkg/errs"
	"github.com/entrasync/entrasync/proto/entrasync/reason"
)

// PendingLife is how long a grant waits for its person.
const PendingLife = 5 * time.Minute

// The codes that the browser gets when a flow fails, beside the provider's own.
const (
	failMissingParams      = reason.MissingParams
	failInvalidState       = reason.InvalidState
	failExpiredState       = reason.ExpiredState
	failSessionMismatch    = reason.SessionMismatch
	failMissingCredentials = reason.MissingCredentials
	failTokenExchange      = reason.TokenExchangeFailed
	failConsentMissing     = reason.ConsentMissing
	failProbe              = reason.ProbeFailed
	failProvider           = reason.ProviderError // the provider's code was not one
	failInternal           = "internal"
)

// providerCode is the form of OAuth error codes (RFC 6749 §4.1.2.1 allows more
// than any provider sends).
var providerCode = regexp.MustCompile(`\A[A-Za-z0-9_.-]{1,64}\z`)

// FinishFlow takes Microsoft's answer to a flow (F036). It exchanges the code and
// probes the directory with the fresh token, and only then stores anything. An
// answer that says that consent was given counts only when a fresh token proves it.
type FinishFlow struct {
	credentials *Resolver
	flows       FlowStore
	identity    IdentityProvider
	provider    Prober
	activation  *Activation
	consent     *Consent
	returns     Returns
	now         func() time.Time
	newID       func() string
}

// FlowStore keeps started flows, and the grants of those that came back.
type FlowStore interface {
	StateStore
	PendingStore
}

// Prober reads a little of the partner's directory.
type Prober interface {
	// Probe lists one managed tenant and returns how many came (0 or 1).
	Probe(ctx context.Context, tokens TokenSource) (int, error)
}

// NewFinishFlow makes the use case; newID returns a UUID of version 7.
func NewFinishFlow(
	credentials *Resolver, flows FlowStore, identity IdentityProvider, provider Prober, activation *Activation, consent *Consent,
	returns Returns, now func() time.Time, newID func() string,
) *FinishFlow {
	return &FinishFlow{
		credentials: credentials, flows: flows, identity: identity, provider: provider, activation: activation, consent: consent,
		returns: returns, now: now, newID: newID,
	}
}

// Answer is what the browser brought.
type Answer struct {
	State   string
	Code    Secret
	Error   string // the provider's code
	Session string // id of the browser session, no secret; empty when there is none
	Refusal string // why the edge refuses; empty when it does not
	// AdminConsent is that an administrator of a managed tenant consented, as the
	// browser says.
	AdminConsent bool
}

// kind is the kind of flow that this is the answer to; empty for a failure,
// which either may end in.
func (a Answer) kind() FlowKind {
	switch {
	case a.Code != "":
		return ConnectFlow
	case a.AdminConsent && a.Error == "":
		return ConsentFlow
	}
	return ""
}

// refused is a failure whose code the browser gets.
type refused struct {
	code  string
	cause error
}

func (r *refused) Error() string {
	if r.cause == nil {
		return r.code
	}
	return fmt.Sprintf("%s: %v", r.code, r.cause)
}

func (r *refused) Unwrap() error { return r.cause }

func refuse(code string, cause error) error { return &refused{code: code, cause: cause} }

// Do returns the address that the browser is sent to: of a failure too, which it logs and
// whose code the address has.
func (u *FinishFlow) Do(ctx context.Context, a Answer) string {
	target := u.returns.Default
	values, err := u.finish(ctx, a, &target)
	if err != nil {
		var r *refused
		code := failInternal
		if errors.As(err, &r) {
			code = r.code
			slog.InfoContext(ctx, "connect refused", "code", code, "error", r)
		} else {
			if why := errs.ReasonOf(err); strings.HasPrefix(why, SecretStoreReasons) {
				code = why
			}
			slog.ErrorContext(ctx, "connect failed", "code", code, "error", err)
		}
		values = url.Values{"entra_status": {"failure"}, "error": {code}}
	}
	return withQuery(target, values)
}

// finish returns the parameters of the page that shows the result. It sets target once it is known.
func (u *FinishFlow) finish(ctx context.Context, a Answer, target *string) (url.Values, error) {
	if a.State == "" || (a.Code == "" && a.Error == "" && !a.AdminConsent) {
		return nil, refuse(failMissingParams, nil)
	}
	if a.Code != "" && a.AdminConsent { // the answer to no flow of ours
		return nil, refuse(failInvalidState, nil)
	}
	if !madeHere(a.State) {
		return nil, refuse(failInvalidState, nil)
	}
	ctx, err := u.enter(ctx, a.State)
	if err != nil {
		return nil, err
	}
	state, err := u.consume(ctx, a)
	if state.ReturnTo != "" {
		*target = state.ReturnTo
	}
	if err != nil {
		return nil, err
	}
	if a.Refusal != "" {
		return nil, refuse(a.Refusal, nil)
	}
	if a.Error != "" {
		if !providerCode.MatchString(a.Error) {
			return nil, refuse(failProvider, nil)
		}
		return nil, refuse(a.Error, nil)
	}
	if state.Kind == ConsentFlow {
		return u.consented(ctx, state)
	}
	grant, err := u.prove(ctx, a.Code, state.Verifier)
	if err != nil {
		return nil, err
	}
	if state.Session == "" {
		return u.hold(ctx, state, grant)
	}
	if _, err := u.activation.do(ctx, state.User, grant, Arrival{FlowID: state.ID}); err != nil {
		return nil, ifEnded(err)
	}
	return url.Values{"entra_status": {"success"}}, nil
}

// enter returns the context of the tenant whose state it is: the state, and not the
// caller, says whose work this is.
func (u *FinishFlow) enter(ctx context.Context, state string) (context.Context, error) {
	owner, ok, err := u.flows.TenantOfState(ctx, hashOf(Secret(state)))
	if err != nil {
		return nil, err
	}
	if !ok {
		return nil, refuse(failInvalidState, nil)
	}
	return inTenant(ctx, owner)
}

// consume takes the state if this browser may use it.
func (u *FinishFlow) consume(ctx context.Context, a Answer) (State, error) {
	now := u.now()
	state, err := u.flows.ConsumeState(ctx, hashOf(Secret(a.State)), now, func(s State) error {
		switch {
		case s.ConsumedAt != nil:
			return refuse(failInvalidState, nil)
		case a.kind() != "" && s.Kind != a.kind():
			return refuse(failInvalidState, nil)
		case !now.Before(s.ExpiresAt):
			return refuse(failExpiredState, nil)
		case s.Session != "" && s.Session != a.Session:
			return refuse(failSessionMismatch, nil)
		}
		return nil
	})
	if errs.KindOf(err) == errs.NotFound { // swept in between
		return State{}, refuse(failInvalidState, nil)
	}
	return state, err
}

// consented reads the managed tenant with a fresh token: that alone proves that
// its administrator consented. The tenant that the browser names proves nothing.
func (u *FinishFlow) consented(ctx context.Context, state State) (url.Values, error) {
	err := u.consent.prove(ctx, state.ManagedTenant)
	if err == nil {
		return url.Values{"entra_status": {"success"}}, nil
	}
	switch errs.ReasonOf(err) {
	case ReasonConsentMissing:
		return nil, refuse(failConsentMissing, err)
	case ReasonMissingCredentials:
		return nil, refuse(failMissingCredentials, err)
	}
	return nil, refuse(failProbe, err)
}

// prove redeems the code and reads the directory with what came.
func (u *FinishFlow) prove(ctx context.Context, code, verifier Secret) (Proven, error) {
	credentials, err := u.credentials.Resolve(ctx)
	if err != nil {
		if errs.ReasonOf(err) == ReasonMissingCredentials {
			return Proven{}, refuse(failMissingCredentials, err)
		}
		return Proven{}, err
	}
	grant, err := u.identity.Exchange(ctx, credentials, code, verifier)
	if err != nil {
		if errs.ReasonOf(err) == ReasonConsentMissing {
			return Proven{}, refuse(failConsentMissing, err)
		}
		return Proven{}, refuse(failTokenExchange, err)
	}
	if grant.RefreshToken == "" || grant.PartnerTenantID == "" {
		return Proven{}, refuse(failTokenExchange, errors.New("no refresh token or no tenant in the answer"))
	}
	if _, err := u.provider.Probe(ctx, freshToken{grant.AccessToken, Origin{App: credentials.ClientID, Directory: grant.PartnerTenantID}}); err != nil {
		if errs.ReasonOf(err) == ReasonConsentMissing {
			return Proven{}, refuse(failConsentMissing, err)
		}
		return Proven{}, refuse(failProbe, err)
	}
	return Proven{grant, credentials.ClientID}, nil
}

// hold keeps the grant for the person who started the flow with a bearer token:
// this browser may be somebody else's.
func (u *FinishFlow) hold(ctx context.Context, state State, grant Proven) (url.Values, error) {
	encoded, err := EncodeGrant(grant.Grant)
	if err != nil {
		return nil, err
	}
	now, code := u.now(), newRandom()
	err = u.flows.SavePending(ctx, Pending{
		ID: u.newID(), FlowID: state.ID, CodeHash: hashOf(code), User: state.User, Grant: encoded, ClientID: grant.ClientID,
		CreatedAt: now, ExpiresAt: now.Add(PendingLife),
	})
	if err != nil {
		return nil, ifEnded(err)
	}
	return url.Values{"entra_status": {"pending"}, "completion_code": {code.Reveal()}}, nil
}

// ErrFlowEnded refuses what a flow brings that a disconnect has ended.
var ErrFlowEnded = errors.New("the flow was ended by a disconnect")

// ifEnded answers the browser of an ended flow as a later one would be answered.
func ifEnded(err error) error {
	if errors.Is(err, ErrFlowEnded) {
		return refuse(failInvalidState, err)
	}
	return err
}

// withQuery adds values to an address of the allow-list, which may have a query
// of its own.
func withQuery(target string, values url.Values) string {
	address, err := url.Parse(target)
	if err != nil { // the list is checked at the start
		return target
	}
	query := address.Query()
	for key, value := range values {
		query[key] = value
	}
	address.RawQuery = query.Encode()
	return address.String()
}

// freshToken is a token that is stored nowhere and cannot be renewed.
type freshToken struct {
	token  Secret
	origin Origin
}

func (t freshToken) Token(context.Context) (Secret, error) { return t.token, nil }

func (t freshToken) Origin(context.Context) (Origin, error) { return t.origin, nil }

func (freshToken) Renew(context.Context, Secret) (Secret, error) {
	return "", Failure{
		Reason: ReasonAuthRejected, Class: Reconnect, Message: "Microsoft rejected the fresh token.", Remedy: "Connect again.",
	}.Err(nil)
}
