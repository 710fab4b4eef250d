// Package outbound is what requests to all outside parties have in common.
package outbound

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net/http"
	"net/url"
	"time"
)

// Client sends requests that bear secrets. It follows no redirect, which would take
// them along.
func Client(transport http.RoundTripper) *http.Client {
	return &http.Client{
		Transport:     transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// TLS is how connections are protected; without roots those of the system are
// trusted.
func TLS(roots *x509.CertPool) *tls.Config {
	return &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: roots}
}

// Cause takes the address out of an error of a client: links carry tokens of
// listings.
func Cause(err error) error {
	if e, ok := errors.AsType[*url.Error](err); ok {
		return e.Err
	}
	return err
}

// Clock gives the clock and the wait that a client goes by: the real ones for nil.
func Clock(now func() time.Time, wait func(context.Context, time.Duration) error) (func() time.Time, func(context.Context, time.Duration) error) {
	if now == nil {
		now = time.Now
	}
	if wait == nil {
		wait = Wait
	}
	return now, wait
}

// Wait waits for a while or for ctx to end.
func Wait(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
