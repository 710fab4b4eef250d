// Package graph reads directories through Microsoft Graph.
package graph

import (
	"context"
	"net/http"
	"net/url"
	"time"

	"github.com/entrasync/entrasync/services/connection/internal/microsoft"
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
	Address   string            // https://graph.microsoft.com
	Source    TenantSource      // of managed tenants; empty: Relationships
	Transport http.RoundTripper // nil: one of its own
	Now       func() time.Time
	Wait      func(ctx context.Context, d time.Duration) error
}

// Client calls Graph.
type Client struct {
	address *url.URL
	http    *http.Client
	reach   *pace.Breaker // whether Graph answers at all
	limiter *pace.Limiter
	source  TenantSource
	now     func() time.Time
	wait    func(ctx context.Context, d time.Duration) error
}

// New makes a client. It errors on an address that is not safe, or an unknown source.
func New(o Options) (*Client, error) {
	address, err := microsoft.Address("Graph", o.Address)
	if err != nil {
		return nil, err
	}
	source, err := o.Source.known()
	if err != nil {
		return nil, err
	}
	c := &Client{address: address, source: source, reach: pace.NewBreaker()}
	c.now, c.wait = outbound.Clock(o.Now, o.Wait)
	transport := o.Transport
	if transport == nil {
		transport = microsoft.NewTransport()
	}
	c.limiter = pace.NewLimiter(c.now, c.wait)
	c.http = outbound.Client(transport)
	return c, nil
}
