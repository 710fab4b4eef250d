// Package issuer is a development OpenID provider. The protocol is zitadel's
// library; this package adds people without passwords and the page on which
// one of them is chosen.
package issuer

import (
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/zitadel/oidc/v3/pkg/op"
	"golang.org/x/text/language"
)

// Config says what an issuer is like.
type Config struct {
	// URL is the issuer's name in tokens and where it is reached.
	URL string
	// Audience is in the "aud" of every token.
	Audience string
	People   []Person
	Key      *Key
	// ClientID is the one client: public, so it must use PKCE.
	ClientID     string
	RedirectURIs []string
	// Lifetime is that of tokens.
	Lifetime time.Duration
	Now      func() time.Time
}

// New makes the issuer's HTTP interface: the OpenID endpoints as discovery
// lists them, POST /token (see shortcut), and GET /healthz.
func New(cfg Config) (http.Handler, error) {
	if cfg.Key == nil || cfg.Now == nil || cfg.Lifetime <= 0 || len(cfg.RedirectURIs) == 0 || len(cfg.People) == 0 {
		return nil, errors.New("an issuer needs a key, a clock, a lifetime, a redirect URI and people")
	}
	base, err := url.Parse(cfg.URL)
	if err != nil || base.Host == "" {
		return nil, fmt.Errorf("the issuer %q is no URL", cfg.URL)
	}
	store := newStorage(cfg)
	var cryptoKey [32]byte
	_, _ = rand.Read(cryptoKey[:])                                                    // never fails; opaque tokens are not issued
	options := []op.Option{op.WithCustomTokenEndpoint(op.NewEndpoint("oauth/token"))} // /token is the shortcut's
	if base.Scheme == "http" {
		options = append(options, op.WithAllowInsecure())
	}
	provider, err := op.NewProvider(&op.Config{
		CryptoKey:                cryptoKey,
		CryptoKeyId:              cfg.Key.id,
		DefaultLogoutRedirectURI: "/signed-out",
		CodeMethodS256:           true,
		SupportedUILocales:       []language.Tag{language.English},
		SupportedScopes:          []string{"openid", "profile", "email"},
		SupportedClaims:          []string{"sub", "aud", "exp", "nbf", "iat", "iss", "nonce", "name", "email", "tenant_id", "user_type", "permissions"},
	}, store, op.StaticIssuer(cfg.URL), options...)
	if err != nil {
		return nil, fmt.Errorf("making the OpenID provider: %w", err)
	}
	sign := &signIn{store: store, people: cfg.People, callback: op.AuthCallbackURL(provider)}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) })
	mux.Handle("POST /token", &shortcut{cfg: cfg})
	issued := op.NewIssuerInterceptor(provider.IssuerFromRequest)
	mux.Handle("GET "+loginPath, issued.HandlerFunc(sign.page))
	mux.Handle("POST "+loginPath, issued.HandlerFunc(sign.choose))
	mux.HandleFunc("GET /signed-out", signedOut)
	mux.HandleFunc("GET /{$}", sign.welcome)
	mux.Handle("/", provider)
	return mux, nil
}
