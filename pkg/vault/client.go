package vault

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/hashicorp/vault/api"

	"github.com/entrasync/entrasync/pkg/errs"
)

// The reasons of failures.
const (
	ReasonUnavailable   = "secret_store_unavailable"   // sealed, standby, unreachable, overloaded
	ReasonDenied        = "secret_store_denied"        // the login or the policy does not allow it
	ReasonMisconfigured = "secret_store_misconfigured" // no such mount, or not of version 2
	ReasonNotThere      = "secret_not_found"
	ReasonChanged       = "secret_changed" // somebody else wrote since
	ReasonRefused       = "secret_store_refused"
)

// Texts that distinguish answers with the same status (Vault's HTTP API;
// OpenBao uses the same).
const (
	textCAS     = "check-and-set parameter did not match the current version"
	textNoRoute = "no handler for route"
	textVersion = "Invalid path for a versioned K/V secrets engine"
)

// Client is a session. It is safe for use by many goroutines; nothing runs in
// the background.
type Client struct {
	settings Settings
	now      func() time.Time
	api      *api.Client // with the session's token
	login    *api.Client // without one
	turn     chan struct{}
	lease    lease // of the token; only the holder of turn touches it
}

// Open makes a session; the first request logs in. It fails when the settings
// cannot work or are not safe.
func Open(s Settings, now func() time.Time) (*Client, error) {
	if err := s.check(); err != nil {
		return nil, err
	}
	transport, err := s.transport()
	if err != nil {
		return nil, err
	}
	return open(s, now, transport)
}

// open makes a session over a transport.
func open(s Settings, now func() time.Time, transport http.RoundTripper) (c *Client, err error) {
	c = &Client{settings: s, now: now, turn: make(chan struct{}, 1)}
	for _, made := range []**api.Client{&c.api, &c.login} {
		config := &api.Config{
			// No redirects: a token goes to no other host. No retries (MaxRetries is
			// zero): a write that is sent twice fails its own check. The library's own
			// timeout covers the headers only, so the HTTP client has one.
			Address: s.Address, DisableRedirects: true,
			HttpClient: &http.Client{Transport: transport, CheckRedirect: stay, Timeout: requestTimeout},
		}
		if *made, err = api.NewClient(config); err != nil {
			return nil, fmt.Errorf("making a client for ENTRASYNC_VAULT_ADDR: %w", err)
		}
		(*made).ClearToken() // the library reads both from environment variables of its own
		(*made).ClearNamespace()
		if s.Namespace != "" {
			(*made).SetNamespace(s.Namespace)
		}
	}
	return c, nil
}

func stay(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }

// Read requests a path (without "/v1/") and decodes the member "data" of the
// answer. errs.NotFound where nothing is stored; the other errors are those of
// Write.
func (c *Client) Read(ctx context.Context, path string, query url.Values, into any) error {
	return c.do(ctx, into, func(ctx context.Context) (*api.Response, error) {
		return c.api.Logical().ReadRawWithDataWithContext(ctx, path, query)
	})
}

// List returns the names under a path, none where nothing is stored; names that
// end with a slash are folders.
func (c *Client) List(ctx context.Context, path string) ([]string, error) {
	var answer struct{ Keys []string }
	err := c.Read(ctx, path, url.Values{"list": {"true"}}, &answer)
	if errs.KindOf(err) == errs.NotFound {
		return nil, nil
	}
	return answer.Keys, err
}

// Write sends a body and decodes the member "data" of the answer; into may be
// nil. errs.Conflict when a check-and-set did not hold, errs.Unavailable when the
// store is sealed or cannot be reached, errs.Precondition when it denies (after a
// fresh login) or is not set up.
func (c *Client) Write(ctx context.Context, path string, body, into any) error {
	raw, err := json.Marshal(body)
	if err != nil {
		return errors.New("encoding a request to the secret store") // the cause may quote it
	}
	return c.do(ctx, into, func(ctx context.Context) (*api.Response, error) {
		return c.api.Logical().WriteRawWithContext(ctx, path, raw)
	})
}

// Delete removes what is stored at a path; it is no error if nothing is.
func (c *Client) Delete(ctx context.Context, path string) error {
	err := c.do(ctx, nil, func(ctx context.Context) (*api.Response, error) {
		return c.api.Logical().DeleteRawWithContext(ctx, path)
	})
	if errs.KindOf(err) == errs.NotFound {
		return nil
	}
	return err
}

// do sends a request with a good token. A denied one is sent once more after a
// fresh login: the token may have been revoked.
func (c *Client) do(ctx context.Context, into any, send func(context.Context) (*api.Response, error)) error {
	token, err := c.token(ctx, "")
	if err != nil {
		return err
	}
	err = request(ctx, into, send)
	if errs.ReasonOf(err) != ReasonDenied {
		return err
	}
	fresh, loginErr := c.token(ctx, token)
	if loginErr != nil {
		return loginErr
	}
	if fresh == token {
		return err
	}
	return request(ctx, into, send)
}

// request sends once and reads the answer.
func request(ctx context.Context, into any, send func(context.Context) (*api.Response, error)) error {
	resp, err := send(ctx)
	if resp != nil {
		defer func() { _ = resp.Body.Close() }()
	}
	if err != nil {
		return classify(ctx, resp, err)
	}
	if resp.StatusCode >= http.StatusMultipleChoices {
		return unavailable(fmt.Errorf("the secret store answered %d", resp.StatusCode)) // a standby that does not forward
	}
	if into == nil || resp.StatusCode == http.StatusNoContent {
		return nil
	}
	answer := struct{ Data any }{into}
	if err := resp.DecodeJSON(&answer); err != nil {
		return unavailable(errors.New("an answer of the secret store cannot be read")) // the cause may quote it
	}
	return nil
}

// classify makes an error of ours. The store's own words stay out of it, but for
// those that are known: nobody promises that they quote no value.
func classify(ctx context.Context, resp *api.Response, err error) error {
	var answer *api.ResponseError
	if !errors.As(err, &answer) || resp == nil {
		switch {
		case ctx.Err() != nil:
			return ended(ctx)
		case resp != nil:
			return unavailable(errors.New("an answer of the secret store cannot be read"))
		}
		return unavailable(err)
	}
	cause := fmt.Errorf("the secret store answered %d to %s %s", answer.StatusCode, answer.HTTPMethod, resp.Request.URL.Path)
	says := func(text string) bool {
		return slices.ContainsFunc(answer.Errors, func(e string) bool { return strings.Contains(e, text) })
	}
	switch status := answer.StatusCode; {
	case status == http.StatusBadRequest && says(textCAS):
		return errs.Wrap(cause, errs.Conflict, ReasonChanged, "Somebody else changed this secret; try again.")
	case status == http.StatusForbidden:
		return errs.Wrap(cause, errs.Precondition, ReasonDenied, "The secret store does not allow this.")
	case status == http.StatusNotFound && (says(textNoRoute) || says(textVersion)):
		return errs.Wrap(cause, errs.Precondition, ReasonMisconfigured, "The secret store has no KV engine of version 2 at this mount.")
	case status == http.StatusNotFound:
		return errs.Wrap(cause, errs.NotFound, ReasonNotThere, "This secret is not there.")
	case status >= http.StatusInternalServerError, status == http.StatusTooManyRequests, status == http.StatusPreconditionFailed:
		return unavailable(cause)
	}
	return errs.Wrap(cause, errs.Internal, ReasonRefused, "The secret store refused a request.")
}

// ended returns the error of a context that has ended.
func ended(ctx context.Context) error {
	if errors.Is(ctx.Err(), context.Canceled) {
		return errs.Wrap(ctx.Err(), errs.Cancelled, "cancelled", "The request was cancelled.")
	}
	return errs.Wrap(ctx.Err(), errs.Deadline, "deadline", "The request took too long.")
}

func unavailable(cause error) error {
	return errs.Wrap(cause, errs.Unavailable, ReasonUnavailable, "The secret store cannot be used at the moment.",
		errs.WithRetryAfter(5*time.Second))
}
