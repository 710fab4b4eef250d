package access

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"errors"
	"strconv"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/entrasync/entrasync/gateway/internal/flags"
	"github.com/entrasync/entrasync/gateway/internal/identity"
	"github.com/entrasync/entrasync/pkg/errs"
	"github.com/entrasync/entrasync/pkg/tenant"
	"github.com/entrasync/entrasync/proto/entrasync/reason"
	policyv1 "github.com/entrasync/entrasync/proto/gen/go/entrasync/policy/v1"
)

// Tokens verifies the bearer token in an Authorization header.
type Tokens interface {
	Verify(ctx context.Context, authorization string) (identity.Person, error)
}

// Sessions finds the session of the browser that holds a token.
type Sessions interface {
	Find(ctx context.Context, token string) (identity.Session, error)
}

// Flags gives the flags that are on for a tenant, as of now.
type Flags interface {
	For(ctx context.Context, id tenant.ID) (flags.Set, error)
}

// PlatformKey is the SHA-256 of the platform's key; the zero value fits no key.
type PlatformKey struct {
	sum [sha256.Size]byte
	set bool
}

// ParsePlatformKey reads the hash in hexadecimal; an empty one refuses all keys.
func ParsePlatformKey(text string) (PlatformKey, error) {
	if text == "" {
		return PlatformKey{}, nil
	}
	raw, err := hex.DecodeString(text)
	if err != nil || len(raw) != sha256.Size {
		return PlatformKey{}, errors.New("the platform key's hash is not a SHA-256 in hexadecimal")
	}
	return PlatformKey{sum: [sha256.Size]byte(raw), set: true}, nil
}

// fits compares in constant time.
func (k PlatformKey) fits(key string) bool {
	sum := sha256.Sum256([]byte(key))
	return subtle.ConstantTimeCompare(sum[:], k.sum[:]) == 1 && k.set && key != ""
}

// ErrNobody refuses what has no rule that anybody could meet.
var ErrNobody = errs.New(errs.Denied, reason.PermissionDenied, "Nobody may do this.")

// Gate holds what the decisions need.
type Gate struct {
	Enterprise  bool
	Tokens      Tokens
	Sessions    Sessions // nil: none are accepted
	PlatformKey PlatformKey
	Flags       Flags
	Unknown     Unknown
	PerTenant   *Limits
	PerUser     *Limits
	PerAddress  *Limits // of callers that were refused as unknown
	Lookups     *Lookups
	Refusals    *Delay // of answers to callers over a limit; nil: none
}

// Caller is who was let through, or who was recognised before the refusal.
type Caller struct {
	Person   identity.Person // the zero value for the platform
	Platform bool
	Session  *identity.Session // nil for bearer callers
	flags    flags.Set         // read once a request
}

// Call is on whose behalf the method works.
func (c *Caller) Call() tenant.Call {
	if c.Platform {
		return tenant.Call{Actor: tenant.Actor{ID: "platform", Type: "platform"}}
	}
	call := tenant.Call{Tenant: c.Person.Tenant, Actor: tenant.Actor{ID: c.Person.Subject, Type: "user"}}
	if c.Session != nil {
		call.Session = c.Session.ID.String()
	}
	return call
}

// Admit takes the decisions that need nothing of the request's body. The caller
// comes back also with a refusal, as far as it was recognised.
func (g *Gate) Admit(ctx context.Context, rule *policyv1.Rule, in *Request) (*Caller, error) {
	if err := g.Edition(rule); err != nil {
		return nil, err
	}
	switch rule.GetAuth() {
	case policyv1.Auth_AUTH_PLATFORM_KEY:
		if !g.PlatformKey.fits(in.PlatformKey) {
			return nil, g.unknown(ctx, in, errs.New(errs.Unauthenticated, reason.Unauthenticated, "The platform's key is needed."))
		}
		return &Caller{Platform: true}, nil
	case policyv1.Auth_AUTH_USER, policyv1.Auth_AUTH_SIGNED_IN:
		return g.person(ctx, rule, in)
	case policyv1.Auth_AUTH_OAUTH_STATE, policyv1.Auth_AUTH_UNSPECIFIED: // no method is called so
	}
	return nil, ErrNobody
}

// Edition refuses what the running edition does not serve.
func (g *Gate) Edition(rule *policyv1.Rule) error {
	if rule.GetEnterprise() && !g.Enterprise {
		return errs.Of(reason.EditionRequired)
	}
	return nil
}

func (g *Gate) person(ctx context.Context, rule *policyv1.Rule, in *Request) (*Caller, error) {
	caller, err := g.Identify(ctx, in)
	if err != nil {
		return caller, err
	}
	person := caller.Person
	if person.Type != identity.Internal {
		return caller, errs.Of(reason.ClientUserDenied)
	}
	if rule.GetAuth() == policyv1.Auth_AUTH_USER && !person.May(rule.GetPermission()) {
		return caller, errs.Of(reason.PermissionDenied, errs.WithMetadata("permission", rule.GetPermission()))
	}
	for _, flag := range rule.GetFlags() {
		if err := g.flag(ctx, caller, flag); err != nil {
			return caller, err
		}
	}
	return caller, nil
}

// Identify finds out which person calls, by bearer token or session, and counts the
// request. It asks for no permission. The caller comes back also with a refusal, as
// far as it was recognised.
func (g *Gate) Identify(ctx context.Context, in *Request) (*Caller, error) {
	caller, err := g.identify(ctx, in)
	if err != nil {
		return nil, g.unknown(ctx, in, err)
	}
	if err := g.rate(ctx, in, caller.Person); err != nil {
		return caller, err
	}
	return caller, ownPage(in, caller)
}

// FlagsOf gives the integration's flags as they stand for a caller.
func (g *Gate) FlagsOf(ctx context.Context, caller *Caller) (map[string]bool, error) {
	on, err := g.Flags.For(ctx, caller.Person.Tenant)
	if err != nil {
		return nil, err
	}
	out := map[string]bool{}
	for _, key := range flags.Known() {
		out[key] = on.On(key)
	}
	return out, nil
}

// SessionID names the session of the browser that a request comes from; empty where
// there is none. It grants nothing.
func (g *Gate) SessionID(ctx context.Context, in *Request) string {
	if in.Session == "" || g.Sessions == nil {
		return ""
	}
	found, err := g.Sessions.Find(ctx, in.Session)
	if err != nil {
		return ""
	}
	return found.ID.String()
}

// identify looks at a bearer token first: no page of another origin can make a
// browser send one.
func (g *Gate) identify(ctx context.Context, in *Request) (*Caller, error) {
	if in.Authorization == "" && in.Session != "" && g.Sessions != nil {
		found, err := g.Sessions.Find(ctx, in.Session)
		return &Caller{Person: found.Person, Session: &found}, err
	}
	person, err := g.Tokens.Verify(ctx, in.Authorization)
	return &Caller{Person: person}, err
}

// ownPage refuses unsafe requests of a session that none of our own pages made:
// browsers send the cookie with those of other sites too.
func ownPage(in *Request, caller *Caller) error {
	if caller.Session == nil || !in.Unsafe || (!in.CrossSite && caller.Session.Fits(in.CSRFToken)) {
		return nil
	}
	return errs.Of(reason.CSRFTokenInvalid)
}

// When asks for the flags that depend on what the request says.
func (g *Gate) When(ctx context.Context, rule *policyv1.Rule, caller *Caller, request proto.Message) error {
	message := request.ProtoReflect()
	for _, when := range rule.GetWhen() {
		fields := fieldsAt(message.Descriptor(), when.GetField())
		if fields == nil {
			return errs.New(errs.Internal, reason.Internal, "")
		}
		asked := says(message, fields)
		if equals, ok := when.GetCondition().(*policyv1.When_Equals); ok {
			asked = message.Get(fields[0]).String() == equals.Equals
		}
		if asked {
			if err := g.flag(ctx, caller, when.GetFlag()); err != nil {
				return err
			}
		}
	}
	return nil
}

func (g *Gate) flag(ctx context.Context, caller *Caller, flag string) error {
	if caller.flags == nil {
		on, err := g.Flags.For(ctx, caller.Person.Tenant)
		if err != nil {
			return err
		}
		caller.flags = on
	}
	if !caller.flags.On(flag) {
		return errs.Of(reason.FeatureDisabled, errs.WithMetadata("flag", flag))
	}
	return nil
}

// rate counts the request for its user and its tenant. The user's bucket comes
// first, so that a user over the limit spends nothing of the tenant's; it is the
// smaller one, and what the headers say, unless the tenant's refuses.
func (g *Gate) rate(ctx context.Context, in *Request, person identity.Person) error {
	if g.PerUser != nil {
		state, ok := g.PerUser.Take(string(person.Tenant) + "/" + person.Subject)
		if !ok {
			return g.limited(ctx, in, "user", state)
		}
		describe(in, state)
	}
	if g.PerTenant == nil {
		return nil
	}
	if state, ok := g.PerTenant.Take(string(person.Tenant)); !ok {
		return g.limited(ctx, in, "tenant", state)
	}
	return nil
}

// limited refuses a caller over a limit, after the pause that refusals wait for, which
// slows down a client that asks again at once.
func (g *Gate) limited(ctx context.Context, in *Request, whose string, state State) error {
	g.Refusals.Wait(ctx)
	describe(in, state)
	return errs.New(errs.Exhausted, reason.RateLimited, "Too many requests of this "+whose+".", errs.WithRetryAfter(state.Retry))
}

// describe sets the headers that describe a bucket.
func describe(in *Request, state State) {
	if state.Limit > 0 {
		in.Answer("RateLimit-Limit", strconv.Itoa(state.Limit))
		in.Answer("RateLimit-Remaining", strconv.Itoa(state.Remaining))
		in.Answer("RateLimit-Reset", strconv.Itoa(int(state.Reset/time.Second)))
	}
}
