package identity

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/time/rate"

	"github.com/entrasync/entrasync/pkg/errs"
	"github.com/entrasync/entrasync/proto/entrasync/reason"
)

const (
	// fetchTimeout bounds one request to an issuer, unless the configuration does.
	fetchTimeout = 5 * time.Second
	// Tokens with invented key ids make us ask the issuer for its keys: fetchBurst times at
	// once, then once every fetchEvery. One such fetch brings a new key for everybody.
	fetchBurst = 3
	fetchEvery = 5 * time.Second
)

// errTooSoon ends a fetch before it begins.
var errTooSoon = errors.New("the keys were asked for a moment ago")

// keys are an issuer's, fetched when a token names one that is not known.
type keys struct {
	remote *oidc.RemoteKeySet

	mu      sync.Mutex
	failing bool // the last fetch failed
}

// newKeys makes the keys at an address. client has a timeout.
func newKeys(ctx context.Context, address string, client *http.Client, now func() time.Time) *keys {
	spaced := *client
	spaced.Transport = &spacing{
		next: client.Transport, limiter: rate.NewLimiter(rate.Every(fetchEvery), fetchBurst), now: now,
	}
	return &keys{remote: oidc.NewRemoteKeySet(oidc.ClientContext(ctx, &spaced), address)}
}

// verdict takes an error out of the verifier, which keeps no more than its text.
type verdict struct{ unavailable error }

type verdictKey struct{}

// VerifySignature gives the payload of a token that one of the keys signed.
func (k *keys) VerifySignature(ctx context.Context, token string) ([]byte, error) {
	payload, err := k.remote.VerifySignature(ctx, token)
	k.mu.Lock()
	defer k.mu.Unlock()
	switch fetching := err != nil && strings.HasPrefix(err.Error(), "fetching keys"); {
	case !fetching:
		k.failing = false // the keys are there, whether or not one fits
		return payload, err
	case !errors.Is(err, errTooSoon) && ctx.Err() == nil:
		k.failing = true
	}
	// When the keys came a moment ago and none fits, the token is at fault.
	if said, ok := ctx.Value(verdictKey{}).(*verdict); ok && (k.failing || ctx.Err() != nil) {
		said.unavailable = unavailable(err)
	}
	return payload, err
}

// unavailable says that no token can be checked at the moment.
func unavailable(cause error) error {
	return errs.Of(reason.IdentityUnavailable, errs.WithCause(cause))
}

// spacing keeps requests apart.
type spacing struct {
	next    http.RoundTripper // nil: the default
	limiter *rate.Limiter
	now     func() time.Time
}

// RoundTrip asks, unless it is too soon.
func (s *spacing) RoundTrip(r *http.Request) (*http.Response, error) {
	if !s.limiter.AllowN(s.now(), 1) {
		return nil, errTooSoon
	}
	if s.next == nil {
		return http.DefaultTransport.RoundTrip(r)
	}
	return s.next.RoundTrip(r)
}
