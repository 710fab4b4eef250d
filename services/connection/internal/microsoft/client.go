package microsoft

import (
	"context"
	"net/http"
	"net/url"
	"time"

	"github.com/entrasync/entrasync/services/connection/internal/microsoft/pace"
	"github.com/entrasync/entrasync/services/connection/internal/outbound"
)

const (
	attemptTimeout = 100 * time.Second // one request with its body

	maxPageBytes  = 64 << 20
	maxSmallBytes = 1 << 20
)

// Options make a client. Zero values of the clock and the wait are the real ones.
type Options struct {
	Endpoints   Endpoints
	RedirectURI string
	Source      TenantSource      // of managed tenants; empty: Relationships
	Transport   http.RoundTripper // nil: one of its own
	Now         func() time.Time
	Wait        func(ctx context.Context, d time.Duration) error
}

// Client calls both.
type Client struct {
	login, graph *url.URL
	partner      *url.URL // nil: none
	redirectURI  string
	http         *http.Client // for the identity platform, with a breaker for each authority
	graphHTTP    *http.Client
	reach        *pace.Breaker // whether Graph answers at all
	limiter      *pace.Limiter
	pauses       pace.Pauses // of the identity platform and the Partner Center
	source       TenantSource
	now          func() time.Time
	wait         func(ctx context.Context, d time.Duration) error
}

// New makes a client.
func New(o Options) (*Client, error) {
	login, err := base("login", o.Endpoints.Login)
	if err != nil {
		return nil, err
	}
	graph, err := base("Graph", o.Endpoints.Graph)
	if err != nil {
		return nil, err
	}
	var partner *url.URL
	if o.Endpoints.Partner != "" {
		if partner, err = base("Partner Center", o.Endpoints.Partner); err != nil {
			return nil, err
		}
	}
	source, err := o.Source.known()
	if err != nil {
		return nil, err
	}
	c := &Client{login: login, graph: graph, partner: partner, redirectURI: o.RedirectURI, source: source, now: o.Now, wait: o.Wait, reach: pace.NewBreaker()}
	if c.now == nil {
		c.now = time.Now
	}
	if c.wait == nil {
		c.wait = outbound.Wait
	}
	transport := o.Transport
	if transport == nil {
		t := http.DefaultTransport.(*http.Transport).Clone()
		t.MaxIdleConnsPerHost = 32
		t.TLSClientConfig = outbound.TLS(nil)
		transport = t
	}
	c.limiter = pace.NewLimiter(c.now, c.wait)
	c.http = outbound.Client(&pace.Guarded{Next: transport})
	c.graphHTTP = outbound.Client(transport)
	return c, nil
}
