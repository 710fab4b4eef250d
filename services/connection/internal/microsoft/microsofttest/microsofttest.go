// Package microsofttest has what the tests of Microsoft's clients share: transports
// without a network, tokens and a clock.
package microsofttest

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/entrasync/entrasync/pkg/errs"
	"github.com/entrasync/entrasync/services/connection/internal/connection"
)

const (
	// GraphBase is the address of Graph.
	GraphBase = "https://graph.example"
	// LoginBase is that of the identity platform.
	LoginBase = "https://login.example"
	// PartnerCenterBase is that of the Partner Center.
	PartnerCenterBase = "https://partner.example"
	// CustomerID is a managed tenant's id.
	CustomerID = "11111111-2222-4333-8444-555555555555"
)

// App is an app with a secret.
var App = connection.Credentials{ClientID: "app", ClientSecret: "secret"}

// Refusing is the address of a Microsoft that answers every request with a status and, where
// there is one, a Retry-After. asked counts the requests.
func Refusing(t *testing.T, status int, retryAfter string) (address string, asked *atomic.Int32) {
	t.Helper()
	asked = new(atomic.Int32)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		asked.Add(1)
		if retryAfter != "" {
			w.Header().Set("Retry-After", retryAfter)
		}
		w.WriteHeader(status)
	}))
	t.Cleanup(server.Close)
	return server.URL, asked
}

// RoundTrip answers in the network's place.
type RoundTrip func(*http.Request) (*http.Response, error)

// RoundTrip implements http.RoundTripper.
func (f RoundTrip) RoundTrip(req *http.Request) (*http.Response, error) { return f(req) }

// InProcess answers requests by a handler and without a network, so that an
// exchange takes no time but what somebody waits. It is meant for bubbles of
// testing/synctest.
type InProcess struct{ http.Handler }

// RoundTrip implements http.RoundTripper.
func (p InProcess) RoundTrip(req *http.Request) (*http.Response, error) {
	rec := httptest.NewRecorder()
	if req.Body == nil {
		req.Body = http.NoBody
	}
	p.ServeHTTP(rec, req)
	resp := rec.Result()
	resp.Request = req
	return resp, req.Context().Err()
}

// Answer is an InProcess that answers every request with a text.
func Answer(text string) InProcess {
	return InProcess{http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(text)) })}
}

// Hanging takes the requests of one directory and never answers them. Those of
// others get the answer "3", or cannot be sent at all.
type Hanging struct {
	Directory string
	Asked     atomic.Int32
}

// RoundTrip implements http.RoundTripper.
func (h *Hanging) RoundTrip(req *http.Request) (*http.Response, error) {
	if Bearer(req) != h.Directory {
		return Answer("3").RoundTrip(req)
	}
	h.Asked.Add(1)
	if trace := httptrace.ContextClientTrace(req.Context()); trace != nil && trace.WroteRequest != nil {
		trace.WroteRequest(httptrace.WroteRequestInfo{})
	}
	<-req.Context().Done()
	return nil, req.Context().Err()
}

// CutOff is a body that breaks off.
type CutOff struct{}

// Read implements io.Reader.
func (CutOff) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

// Throttle refuses a request.
func Throttle(w http.ResponseWriter, seconds int) {
	w.Header().Set("Retry-After", strconv.Itoa(seconds))
	w.WriteHeader(http.StatusTooManyRequests)
	_, _ = w.Write([]byte(`{"error":{"code":"TooManyRequests"}}`))
}

// Tokens are tokens of an app for one directory.
type Tokens struct{ App, Directory string }

// Token implements connection.TokenSource.
func (d Tokens) Token(context.Context) (connection.Secret, error) {
	return connection.Secret(d.Directory), nil
}

// Renew implements connection.TokenSource.
func (d Tokens) Renew(context.Context, connection.Secret) (connection.Secret, error) {
	return connection.Secret(d.Directory), nil
}

// Origin implements connection.OriginSource.
func (d Tokens) Origin(context.Context) (connection.Origin, error) {
	return connection.Origin{App: d.App, Directory: d.Directory}, nil
}

// Bearer is the directory that a request with Tokens is for.
func Bearer(r *http.Request) string {
	return strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
}

// Clock is a clock that waiting moves.
type Clock struct {
	mu sync.Mutex
	at time.Time
}

// NewClock makes one that stands at a time.
func NewClock() *Clock { return &Clock{at: time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)} }

// Now is the time that it shows.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

// Wait moves it.
func (c *Clock) Wait(ctx context.Context, d time.Duration) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
	return ctx.Err()
}

// RetryAfter is when a failure says to come again; zero when it does not.
func RetryAfter(err error) time.Duration {
	if e, ok := errors.AsType[*errs.Error](err); ok {
		return e.RetryAfter()
	}
	return 0
}

// RequestID is the id of the request that a failure names.
func RequestID(t *testing.T, err error) string {
	t.Helper()
	var e *errs.Error
	require.ErrorAs(t, err, &e)
	return e.Metadata()["request_id"]
}
