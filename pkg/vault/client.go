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
	"github.com/entrasync/entrasync/proto/entrasync/reason"
)

// The reasons of failures. Those that begin with "secret_store_" are the
// installation's: only its operator can mend them.
const (
	ReasonUnavailable   = reason.SecretStoreUnavailable   // sealed, standby, unreachable, overloaded
	ReasonDenied        = reason.SecretStoreDenied        // the login or the policy does not allow it
	ReasonMisconfigured = reason.SecretStoreMisconfigured // no such mount, or not of version 2
	ReasonRefused       = reason.SecretStoreRefused       // an answer that none of these explains
	ReasonNotThere      = reason.SecretNotFound
	ReasonChanged       = reason.SecretChanged // somebody else wrote since
)

// The pauses after which a failed request may be sent again.
const (
	unavailablePause = 5 * time.Second
	operatorPause    = 30 * time.Second // until somebody has changed something
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
	api      *api.Client   // with the session's token
	login    *api.Client   // without one
	slot     chan struct{} // holds one value while a goroutine looks at the lease
	lease    lease         // of the token; only the holder of the slot touches it
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
	c = &Client{settings: s, now: now, slot: make(chan struct{}, 1)}
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
// nil. errs.Conflict when a check-and-set did not hold, errs.Unavailable, with one of
// the reasons "secret_store_…", when the store is sealed, cannot be reached, denies
// (after a fresh login) or is not set up.
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
	if resp.StatusCode >= http.StatusMultipleChoices { // a standby that does not forward
		return Unavailable(&Answer{Status: resp.StatusCode, Method: resp.Request.Method, Path: resp.Request.URL.Path})
	}
	if into == nil || resp.StatusCode == http.StatusNoContent {
		return nil
	}
	answer := struct{ Data any }{into}
	if err := resp.DecodeJSON(&answer); err != nil {
		return Unavailable(errors.New("an answer of the secret store cannot be read")) // the cause may quote it
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
			return Unavailable(errors.New("an answer of the secret store cannot be read"))
		}
		return Unavailable(err)
	}
	cause := &Answer{Status: answer.StatusCode, Method: answer.HTTPMethod, Path: resp.Request.URL.Path}
	says := func(text string) bool {
		return slices.ContainsFunc(answer.Errors, func(e string) bool { return strings.Contains(e, text) })
	}
	switch status := answer.StatusCode; {
	case status == http.StatusBadRequest && says(textCAS):
		return errs.Of(ReasonChanged, errs.WithCause(cause))
	case status == http.StatusForbidden:
		return denied(cause)
	case status == http.StatusNotFound && (says(textNoRoute) || says(textVersion)), status == http.StatusMethodNotAllowed:
		if strings.HasPrefix(cause.Path, "/v1/auth/") {
			return Misconfigured(cause, "there is no way to log in at ENTRASYNC_VAULT_AUTH_MOUNT in ENTRASYNC_VAULT_NAMESPACE")
		}
		return Misconfigured(cause, "there is no KV engine of version 2 at ENTRASYNC_VAULT_MOUNT")
	case status == http.StatusNotFound:
		return errs.Of(ReasonNotThere, errs.WithCause(cause))
	case status >= http.StatusInternalServerError, status == http.StatusTooManyRequests, status == http.StatusPreconditionFailed:
		return Unavailable(cause)
	}
	return errs.Wrap(cause, errs.Unavailable, ReasonRefused,
		"The secret store of this installation refused a request. Tell the operator of entrasync: the log of connection has its answer.",
		errs.WithRetryAfter(operatorPause))
}

// Answer is an answer of the store that is a failure, as the cause of an error. It
// has none of the store's words.
type Answer struct {
	Status int
	Method string
	Path   string // with "/v1/"
}

// Error is for logs.
func (a *Answer) Error() string {
	return fmt.Sprintf("the secret store answered %d to %s %s", a.Status, a.Method, a.Path)
}

// Misconfigured is the failure of a store that is not set up as it has to be. What is
// wrong is for the operator, in the log: it names settings.
func Misconfigured(cause error, wrong string) *errs.Error {
	if cause == nil {
		cause = errors.New(wrong)
	} else {
		cause = fmt.Errorf("%s: %w", wrong, cause)
	}
	return errs.Wrap(cause, errs.Unavailable, ReasonMisconfigured,
		"The secret store of this installation is not set up as it has to be. Tell the operator of entrasync: the log of connection says what is wrong.",
		errs.WithRetryAfter(operatorPause))
}

func denied(cause error) *errs.Error {
	return errs.Wrap(cause, errs.Unavailable, ReasonDenied,
		"The secret store of this installation does not let entrasync in. Tell the operator of entrasync: its login or its policy there does not suffice.",
		errs.WithRetryAfter(operatorPause))
}

// ended returns the error of a context that has ended.
func ended(ctx context.Context) error {
	if errors.Is(ctx.Err(), context.Canceled) {
		return errs.Of(reason.Cancelled, errs.WithCause(ctx.Err()))
	}
	return errs.Of(reason.Deadline, errs.WithCause(ctx.Err()))
}

// Unavailable is the failure of a store that cannot be used now.
func Unavailable(cause error) *errs.Error {
	return errs.Wrap(cause, errs.Unavailable, ReasonUnavailable,
		"The secret store of this installation cannot be used at the moment. If it lasts, tell the operator of entrasync: it is sealed, overloaded or cannot be reached.",
		errs.WithRetryAfter(unavailablePause))
}
