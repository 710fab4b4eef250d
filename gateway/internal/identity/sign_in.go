package identity

import (
	"context"
	"crypto/subtle"
	"errors"
	"fmt"
	"net/url"
	"slices"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"github.com/entrasync/entrasync/pkg/errs"
	"github.com/entrasync/entrasync/pkg/secrets"
	"github.com/entrasync/entrasync/proto/entrasync/reason"
)

// Console is the console as an issuer knows it.
type Console struct {
	Issuer   string // one of the verifier's; its first when empty
	ID       string
	Secret   secrets.Text // empty for a public client
	Redirect string       // the registered address of the callback
	Scopes   []string     // beside openid
}

// SignIn signs people in by OpenID Connect: the authorization code flow with PKCE.
type SignIn struct {
	tokens *Verifier
	client Console
}

// NewSignIn makes a sign-in with one of the issuers of a verifier.
func NewSignIn(tokens *Verifier, client Console) (*SignIn, error) {
	if client.Issuer == "" {
		client.Issuer = tokens.config.Issuers[0]
	}
	if tokens.issuers[client.Issuer] == nil {
		return nil, fmt.Errorf("the issuer of the sign-in, %s, is none of those whose tokens are accepted", client.Issuer)
	}
	if client.ID == "" || client.Redirect == "" {
		return nil, errors.New("a sign-in needs a client id and the address of its callback")
	}
	return &SignIn{tokens: tokens, client: client}, nil
}

// Flow is what one sign-in is recognised by. Each value is random, used once and
// known to the browser's sealed cookie alone.
type Flow struct {
	State, Nonce, Verifier string
}

func (s *SignIn) found(ctx context.Context) (*document, *oauth2.Config, error) {
	document, err := s.tokens.issuers[s.client.Issuer].discovered(ctx, s.tokens.config)
	if err != nil {
		return nil, nil, err
	}
	return document, &oauth2.Config{
		ClientID: s.client.ID, ClientSecret: s.client.Secret.Reveal(), Endpoint: document.endpoint,
		RedirectURL: s.client.Redirect, Scopes: slices.Concat([]string{"openid"}, s.client.Scopes),
	}, nil
}

// AuthorizeURL is where the browser is sent to sign in; errs.Unavailable when the
// issuer cannot be reached.
func (s *SignIn) AuthorizeURL(ctx context.Context, f Flow) (string, error) {
	_, config, err := s.found(ctx)
	if err != nil {
		return "", err
	}
	return config.AuthCodeURL(f.State, oauth2.S256ChallengeOption(f.Verifier), oauth2.SetAuthURLParam("nonce", f.Nonce)), nil
}

// Redeem exchanges a code and gives the person who signed in. The id token proves that the
// sign-in was this one; the access token says who the person is and what the
// person may do, as every bearer token does. errs.Unauthenticated when the issuer
// or its tokens do not bear it out.
func (s *SignIn) Redeem(ctx context.Context, f Flow, code string) (Person, error) {
	document, config, err := s.found(ctx)
	if err != nil {
		return Person{}, err
	}
	token, err := config.Exchange(context.WithValue(ctx, oauth2.HTTPClient, document.client), code, oauth2.VerifierOption(f.Verifier))
	if refusal, ok := errors.AsType[*oauth2.RetrieveError](err); ok && refusal.Response.StatusCode < 500 {
		return Person{}, refuse(fmt.Errorf("the issuer refuses the code: %s", refusal.ErrorCode), "The issuer did not accept the sign-in.")
	}
	if err != nil {
		return Person{}, errs.Wrap(err, errs.Unavailable, reason.IdentityUnavailable, "Sign-in is not possible at the moment.")
	}
	raw, _ := token.Extra("id_token").(string)
	proof, err := document.verify(ctx, s.tokens.config, s.client.ID, raw)
	if err != nil {
		return Person{}, err
	}
	if subtle.ConstantTimeCompare([]byte(proof.Nonce), []byte(f.Nonce)) != 1 {
		return Person{}, refuse(nil, "The issuer's answer belongs to another sign-in.")
	}
	person, err := s.tokens.Verify(ctx, "Bearer "+token.AccessToken)
	if err != nil {
		return Person{}, err
	}
	if person.Subject != proof.Subject && person.Subject != proof.Issuer+"#"+proof.Subject {
		return Person{}, refuse(nil, "The issuer's tokens speak of two people.")
	}
	return person.named(proof), nil
}

// named takes from an id token how the person is called, where the access token
// does not say.
func (p Person) named(proof *oidc.IDToken) Person {
	claims, err := readClaims(proof)
	if err != nil {
		return p
	}
	if p.Name == "" {
		p.Name, _ = claims["name"].(string)
	}
	if p.Email == "" {
		p.Email, _ = claims["email"].(string)
	}
	return p
}

// EndSessionURL is where the issuer ends its own session and leads back to an
// address; empty where it offers that nowhere or cannot be asked.
func (s *SignIn) EndSessionURL(ctx context.Context, back string) string {
	document, _, err := s.found(ctx)
	if err != nil || document.endSession == "" {
		return ""
	}
	target, err := url.Parse(document.endSession)
	if err != nil {
		return ""
	}
	query := target.Query()
	query.Set("client_id", s.client.ID)
	query.Set("post_logout_redirect_uri", back)
	target.RawQuery = query.Encode()
	return target.String()
}
