package issuer

import (
	"context"
	"crypto/rand"
	"errors"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/zitadel/oidc/v3/pkg/oidc"
	"github.com/zitadel/oidc/v3/pkg/op"
)

// requestLifetime is how long somebody may take to sign in and the client to
// redeem the code.
const requestLifetime = 10 * time.Minute

var errNotSupported = errors.New("not supported by this issuer")

// storage is what the library asks for. Sign-ins under way are kept in memory:
// a restart in the middle of one means starting over.
type storage struct {
	cfg    Config
	client client

	mu       sync.Mutex
	requests map[string]*authRequest // by id
	codes    map[string]string       // code to request id
}

func newStorage(cfg Config) *storage {
	return &storage{cfg: cfg, client: newClient(cfg), requests: map[string]*authRequest{}, codes: map[string]string{}}
}

// CreateAuthRequest implements op.AuthStorage. The client is public, so a
// request without PKCE is refused here rather than at its end.
func (s *storage) CreateAuthRequest(_ context.Context, r *oidc.AuthRequest, _ string) (op.AuthRequest, error) {
	if r.CodeChallenge == "" || r.CodeChallengeMethod != oidc.CodeChallengeMethodS256 {
		return nil, oidc.ErrInvalidRequest().WithDescription("PKCE with S256 is required")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.cfg.Now()
	for id, old := range s.requests {
		if old.expired(now) {
			delete(s.requests, id)
			delete(s.codes, old.code)
		}
	}
	request := &authRequest{id: rand.Text(), created: now, asked: *r, audience: []string{s.cfg.Audience, s.cfg.ClientID}}
	s.requests[request.id] = request
	return request, nil
}

// choose records who signed in, and at which organisation: the person's own when none is named.
func (s *storage) choose(id, subject, organisation string) error {
	known, ok := s.person(subject)
	if !ok {
		return errors.New("there is no such person")
	}
	if organisation != "" && organisation != known.Tenant {
		if !organisations.MatchString(organisation) {
			return errors.New("an organisation is up to 64 letters, digits, hyphens and underscores")
		}
		subject += elsewhere + organisation
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	request, ok := s.requests[id]
	if !ok || request.expired(s.cfg.Now()) || request.code != "" {
		return errors.New("this sign-in is not under way any more; start again where you came from")
	}
	// A new value, since the library may still read the old one.
	chosen := *request
	chosen.subject, chosen.at = subject, s.cfg.Now()
	s.requests[id] = &chosen
	return nil
}

// elsewhere stands between a person's subject and the organisation, where that is not the person's own.
const elsewhere = "@"

var organisations = regexp.MustCompile(`^[A-Za-z0-9_-]{1,64}$`)

// person is who has a subject. "administrator@msp-new" is the administrator of another organisation,
// somebody else than the administrator here.
func (s *storage) person(subject string) (Person, bool) {
	name, organisation, other := strings.Cut(subject, elsewhere)
	i := slices.IndexFunc(s.cfg.People, func(p Person) bool { return p.Subject == name })
	if i < 0 {
		return Person{}, false
	}
	p := s.cfg.People[i]
	if other {
		p.Subject, p.Tenant = subject, organisation
	}
	return p, true
}

// AuthRequestByID implements op.AuthStorage.
func (s *storage) AuthRequestByID(_ context.Context, id string) (op.AuthRequest, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	request, ok := s.requests[id]
	if !ok || request.expired(s.cfg.Now()) {
		return nil, errors.New("no such sign-in is under way")
	}
	return request, nil
}

// AuthRequestByCode implements op.AuthStorage. Asking for a code uses it up:
// a failed attempt to redeem it, say with a wrong verifier, is the only one.
func (s *storage) AuthRequestByCode(_ context.Context, code string) (op.AuthRequest, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	id, ok := s.codes[code]
	delete(s.codes, code)
	request := s.requests[id]
	if !ok || request == nil || request.expired(s.cfg.Now()) {
		return nil, errors.New("unknown, used or expired code")
	}
	return request, nil
}

// SaveAuthCode implements op.AuthStorage.
func (s *storage) SaveAuthCode(_ context.Context, id, code string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	request, ok := s.requests[id]
	if !ok {
		return errors.New("no such sign-in is under way")
	}
	coded := *request
	coded.code = code
	s.requests[id] = &coded
	s.codes[code] = id
	return nil
}

// DeleteAuthRequest implements op.AuthStorage.
func (s *storage) DeleteAuthRequest(_ context.Context, id string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if request, ok := s.requests[id]; ok {
		delete(s.codes, request.code)
	}
	delete(s.requests, id)
	return nil
}

// CreateAccessToken implements op.AuthStorage. Tokens are not recorded: they
// end by their lifetime.
func (s *storage) CreateAccessToken(context.Context, op.TokenRequest) (string, time.Time, error) {
	return rand.Text(), s.cfg.Now().Add(s.cfg.Lifetime), nil
}

// GetPrivateClaimsFromRequest implements op.CanGetPrivateClaimsFromRequest: the
// gateway reads tenant and permissions from the access token.
func (s *storage) GetPrivateClaimsFromRequest(_ context.Context, r op.TokenRequest, _ []string) (map[string]any, error) {
	return s.claimsOf(r.GetSubject())
}

// GetPrivateClaimsFromScopes implements op.OPStorage.
func (s *storage) GetPrivateClaimsFromScopes(_ context.Context, subject, _ string, _ []string) (map[string]any, error) {
	return s.claimsOf(subject)
}

func (s *storage) claimsOf(subject string) (map[string]any, error) {
	p, ok := s.person(subject)
	if !ok {
		return nil, errors.New("there is no such person")
	}
	claims := p.claims()
	claims["nbf"] = s.cfg.Now().Unix()
	return claims, nil
}

// SetUserinfoFromRequest implements op.CanSetUserinfoFromRequest, for the id
// token.
func (s *storage) SetUserinfoFromRequest(_ context.Context, info *oidc.UserInfo, r op.IDTokenRequest, _ []string) error {
	s.fill(info, r.GetSubject())
	return nil
}

// SetUserinfoFromToken implements op.OPStorage, for the userinfo endpoint.
// Somebody whom the shortcut made up is only a subject here.
func (s *storage) SetUserinfoFromToken(_ context.Context, info *oidc.UserInfo, _, subject, _ string) error {
	s.fill(info, subject)
	return nil
}

func (s *storage) fill(info *oidc.UserInfo, subject string) {
	info.Subject = subject
	p, ok := s.person(subject)
	if !ok {
		return
	}
	info.Name, info.Email, info.EmailVerified = p.Name, p.Email, true
	info.AppendClaims("tenant_id", p.Tenant)
	info.AppendClaims("user_type", p.UserType)
	info.AppendClaims("permissions", p.Permissions)
}

// SetUserinfoFromScopes implements op.OPStorage; SetUserinfoFromRequest does
// its work.
func (s *storage) SetUserinfoFromScopes(context.Context, *oidc.UserInfo, string, string, []string) error {
	return nil
}

// SigningKey implements op.AuthStorage.
func (s *storage) SigningKey(context.Context) (op.SigningKey, error) {
	return signingKey{s.cfg.Key}, nil
}

// SignatureAlgorithms implements op.AuthStorage.
func (s *storage) SignatureAlgorithms(context.Context) ([]jose.SignatureAlgorithm, error) {
	return []jose.SignatureAlgorithm{jose.RS256}, nil
}

// KeySet implements op.AuthStorage.
func (s *storage) KeySet(context.Context) ([]op.Key, error) {
	return []op.Key{publicKey{s.cfg.Key}}, nil
}

// GetClientByClientID implements op.OPStorage.
func (s *storage) GetClientByClientID(_ context.Context, id string) (op.Client, error) {
	if id != s.cfg.ClientID {
		return nil, errors.New("there is no such client")
	}
	return s.client, nil
}

// TerminateSession implements op.AuthStorage. There is no session to end: who
// signs in is asked each time.
func (s *storage) TerminateSession(context.Context, string, string) error { return nil }

// Health implements op.Storage.
func (s *storage) Health(context.Context) error { return nil }
