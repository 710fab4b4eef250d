package cipp

import (
	"cmp"
	"context"
	"crypto/x509"
	"net/http"
	"net/url"
	"time"

	"github.com/entrasync/entrasync/services/connection/internal/connection"
	"github.com/entrasync/entrasync/services/connection/internal/outbound"
)

const (
	dialTimeout = 10 * time.Second
	// firstByte is how long an answer may take to begin. A function app that was
	// idle starts up first, and one page of a large directory takes CIPP long.
	firstByte = 120 * time.Second
	// attemptTimeout is one request with its body; Azure ends any after 230 s.
	attemptTimeout = 240 * time.Second
	maxAttempts    = 3
	// longestWait is how long one request holds its worker between attempts.
	longestWait = 60 * time.Second

	maxPageBytes    = 64 << 20
	maxRefusalBytes = 64 << 10
	maxHeaderBytes  = 64 << 10
)

// Options make a client. Zero values are the real ones.
type Options struct {
	AllowedHosts []string // host:port that need no public address
	RootCAs      *x509.CertPool
	FirstByte    time.Duration
	ProbeTime    time.Duration // of a whole probe
	Now          func() time.Time
	Wait         func(ctx context.Context, d time.Duration) error
}

// Client opens the CIPPs of partners.
type Client struct {
	guard     *guard
	http      *http.Client
	probeTime time.Duration
	notBefore outbound.NotBefore[string] // by base URL: all callers that read through a CIPP share it
	now       func() time.Time
	wait      func(ctx context.Context, d time.Duration) error
}

// NewClient makes a client.
func NewClient(o Options) (*Client, error) {
	g, err := newGuard(o.AllowedHosts)
	if err != nil {
		return nil, err
	}
	c := &Client{guard: g, probeTime: cmp.Or(o.ProbeTime, probeTime)}
	c.now, c.wait = outbound.Clock(o.Now, o.Wait)
	c.http = outbound.Client(&http.Transport{
		// Made anew and not cloned: a proxy of the environment would resolve names
		// itself and go where we may not.
		DialContext: g.Dial, ForceAttemptHTTP2: true, MaxIdleConns: 64, MaxIdleConnsPerHost: 8, IdleConnTimeout: 90 * time.Second,
		TLSHandshakeTimeout: dialTimeout, ResponseHeaderTimeout: cmp.Or(o.FirstByte, firstByte), MaxResponseHeaderBytes: maxHeaderBytes,
		TLSClientConfig: outbound.TLS(o.RootCAs),
	})
	return c, nil
}

// CheckBaseURL returns the address in its one form; errs.Invalid "base_url_refused"
// for one that nothing is asked at.
func (c *Client) CheckBaseURL(raw string) (string, error) {
	u, err := c.guard.checkBaseURL(raw)
	if err != nil {
		return "", refuseBaseURL(err)
	}
	return u.String(), nil
}

// Open returns a provider that reads through the CIPP at the address.
func (c *Client) Open(cr Credentials) (connection.Provider, error) {
	u, err := c.guard.checkBaseURL(cr.BaseURL)
	if err != nil {
		return nil, refuseBaseURL(err)
	}
	return &Directory{client: c, base: u, partner: cr.TenantID}, nil
}

// Directory reads through one CIPP.
type Directory struct {
	client  *Client
	base    *url.URL
	partner string // the partner's own tenant, which it does not manage
}
