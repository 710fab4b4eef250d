package vault

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/hashicorp/vault/api"

	"github.com/entrasync/entrasync/pkg/errs"
)

const (
	// tokenMargin is how long before its end a token is not used any more.
	tokenMargin = 10 * time.Second
	// freshFor is how long a new token counts as the fresh login that a denied
	// request deserves: a policy that denies must not make a token for each request.
	freshFor = 5 * time.Second
)

// lease is a token and how long it is valid.
type lease struct {
	token     string
	loginAt   time.Time
	granted   time.Duration // by the login; zero: it does not end
	renewAt   time.Time     // zero: not to be renewed
	expiresAt time.Time     // zero: never
}

// grant is the member "auth" of an answer.
type grant struct {
	Auth *struct {
		ClientToken   string `json:"client_token"`
		LeaseDuration int64  `json:"lease_duration"` // seconds
		Renewable     bool   `json:"renewable"`
	} `json:"auth"`
}

// token gives a token that is not about to end, other than the one that was
// denied. It renews after two thirds of the lease and logs in anew where renewing
// is refused, not possible, or gives less than half of what the login gave (the
// token nears its maximum).
func (c *Client) token(ctx context.Context, denied string) (string, error) {
	select {
	case c.slot <- struct{}{}:
		defer func() { <-c.slot }()
	case <-ctx.Done():
		return "", ended(ctx)
	}
	if err := c.prepare(ctx, denied); err != nil {
		return "", err
	}
	return c.lease.token, nil
}

// prepare brings the lease into a state to work with.
func (c *Client) prepare(ctx context.Context, denied string) error {
	now := c.now()
	l := &c.lease
	usable := l.token != "" && (l.expiresAt.IsZero() || now.Add(tokenMargin).Before(l.expiresAt))
	switch {
	case usable && denied == l.token && now.Sub(l.loginAt) < freshFor:
		return nil
	case !usable, denied == l.token:
		return c.logIn(ctx)
	case l.renewAt.IsZero(), now.Before(l.renewAt):
		return nil
	}
	switch err := c.renew(ctx); {
	case err == nil, errs.ReasonOf(err) == ReasonUnavailable: // the token is still good
		return nil
	case ctx.Err() != nil:
		return err
	}
	return c.logIn(ctx)
}

// logIn replaces the token.
func (c *Client) logIn(ctx context.Context) error {
	credentials, err := c.settings.credentials()
	if err != nil {
		return denied(fmt.Errorf("reading the credentials of the login: %w", err))
	}
	mount := c.settings.AuthMount
	if mount == "" {
		mount = c.settings.Auth
	}
	body, err := json.Marshal(credentials)
	if err != nil {
		return errors.New("encoding a login")
	}
	now := c.now()
	got, err := c.authenticate(ctx, c.login, "auth/"+mount+"/login", body)
	if err != nil {
		switch reason := errs.ReasonOf(err); {
		case ctx.Err() != nil, reason == ReasonUnavailable, reason == ReasonMisconfigured:
			return err
		}
		return denied(fmt.Errorf("logging in: %w", err))
	}
	c.lease = lease{token: got.Auth.ClientToken, loginAt: now}
	c.api.SetToken(got.Auth.ClientToken)
	c.extend(got, now)
	c.lease.granted = time.Duration(got.Auth.LeaseDuration) * time.Second
	return nil
}

// renew extends the token.
func (c *Client) renew(ctx context.Context) error {
	now := c.now()
	got, err := c.authenticate(ctx, c.api, "auth/token/renew-self", []byte("{}"))
	if err != nil {
		return err
	}
	if time.Duration(got.Auth.LeaseDuration)*time.Second < c.lease.granted/2 {
		return denied(errors.New("the token nears its maximum"))
	}
	c.extend(got, now)
	return nil
}

func (c *Client) extend(got grant, now time.Time) {
	life := time.Duration(got.Auth.LeaseDuration) * time.Second
	c.lease.renewAt, c.lease.expiresAt = time.Time{}, time.Time{}
	if life <= 0 {
		return
	}
	c.lease.expiresAt = now.Add(life)
	if got.Auth.Renewable {
		c.lease.renewAt = now.Add(life * 2 / 3)
	}
}

// authenticate sends a request whose answer is a token.
func (c *Client) authenticate(ctx context.Context, client *api.Client, path string, body []byte) (got grant, err error) {
	resp, err := client.Logical().WriteRawWithContext(ctx, path, body)
	if resp != nil {
		defer func() { _ = resp.Body.Close() }()
	}
	if err != nil {
		return grant{}, classify(ctx, resp, err)
	}
	if err := resp.DecodeJSON(&got); err != nil || got.Auth == nil || got.Auth.ClientToken == "" {
		return grant{}, Unavailable(errors.New("the answer to a login has no token"))
	}
	return got, nil
}
