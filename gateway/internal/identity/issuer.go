package identity

import (
	"context"
	"net/http"
	"sync"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"
)

// issuer is one issuer, discovered on first use.
type issuer struct {
	url string

	mu       sync.Mutex
	found    *document
	failed   error
	failedAt time.Time
}

// document is what an issuer says about itself.
type document struct {
	issuer     string
	endpoint   oauth2.Endpoint
	endSession string // where its own session is ended; empty where it offers that nowhere
	keys       oidc.KeySet
	client     *http.Client
}

func (i *issuer) discovered(ctx context.Context, config Config) (*document, error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.found != nil {
		return i.found, nil
	}
	if i.failed != nil && config.Now().Sub(i.failedAt) < retryDiscovery {
		return nil, i.failed
	}
	// The keys outlive this request, so the request's end must not end them.
	found, err := discover(context.WithoutCancel(ctx), i.url, config)
	if err != nil {
		i.failed, i.failedAt = unavailable(err), config.Now()
		return nil, i.failed
	}
	i.found = found
	return i.found, nil
}

// discover asks an issuer where its keys and endpoints are.
func discover(ctx context.Context, issuer string, config Config) (*document, error) {
	client := &http.Client{Timeout: config.Timeout}
	provider, err := oidc.NewProvider(oidc.ClientContext(ctx, client), issuer)
	if err != nil {
		return nil, err
	}
	var claims struct {
		Keys       string `json:"jwks_uri"`
		EndSession string `json:"end_session_endpoint"`
	}
	if err := provider.Claims(&claims); err != nil {
		return nil, err
	}
	return &document{
		issuer: issuer, endpoint: provider.Endpoint(), endSession: claims.EndSession,
		keys: newKeys(ctx, claims.Keys, client, config.Now), client: client,
	}, nil
}

// verify checks a token that is for an audience. errs.Unauthenticated when it is
// not valid; errs.Unavailable when the issuer's keys cannot be had.
func (d *document) verify(ctx context.Context, config Config, audience, token string) (*oidc.IDToken, error) {
	verifier := oidc.NewVerifier(d.issuer, d.keys, &oidc.Config{
		ClientID: audience, SupportedSigningAlgs: algorithms, Now: config.Now,
	})
	said := &verdict{}
	verified, err := verifier.Verify(context.WithValue(ctx, verdictKey{}, said), token)
	if said.unavailable != nil {
		return nil, said.unavailable
	}
	if err != nil {
		return nil, refuse(err, "The token is not valid.")
	}
	return verified, nil
}
