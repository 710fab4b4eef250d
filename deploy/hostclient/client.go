// Package hostclient is a host application in miniature: it does what a PSA does with entrasync, by the
// public HTTP interface alone. The demonstration of the local stack and the acceptance tests use
// it; it shares no code with the services.
package hostclient

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// Client calls the gateway on behalf of one person, or as the platform.
type Client struct {
	// Base is the gateway's address, without a slash at the end.
	Base string
	// Token is the person's bearer token.
	Token string
	// PlatformKey is sent as x-api-key where it is set.
	PlatformKey string
	// HTTP sends the requests; redirects must not be followed by it.
	HTTP *http.Client
}

// NewClient returns a client for one person.
func NewClient(base, token string) *Client {
	return &Client{Base: strings.TrimSuffix(base, "/"), Token: token, HTTP: &http.Client{
		Timeout:       60 * time.Second,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// Problem is an answer that is not a success, as application/problem+json has it.
type Problem struct {
	Status     int         `json:"status"`
	Code       string      `json:"code"`
	Title      string      `json:"title"`
	Detail     string      `json:"detail"`
	RequestID  string      `json:"requestId"`
	Violations []Violation `json:"violations"`
	// Body is what came, where it was no problem document.
	Body string `json:"-"`
}

// Violation is one field that was refused.
type Violation struct {
	Field   string `json:"field"`
	Message string `json:"message"`
}

// Error says what the gateway said.
func (p *Problem) Error() string {
	if p.Code == "" {
		return fmt.Sprintf("HTTP %d: %s", p.Status, p.Body)
	}
	text := fmt.Sprintf("HTTP %d %s: %s", p.Status, p.Code, p.Detail)
	for _, v := range p.Violations {
		text += fmt.Sprintf("; %s: %s", v.Field, v.Message)
	}
	return text
}

// Do sends one request and decodes the answer into out, where it is not nil. An answer of 400 or
// more is a *Problem.
func (c *Client) Do(ctx context.Context, method, path string, body, out any) error {
	res, err := c.Send(ctx, method, path, body)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		return fmt.Errorf("%s %s: %w", method, path, err)
	}
	if res.StatusCode >= http.StatusBadRequest {
		return fmt.Errorf("%s %s: %w", method, path, problem(res.StatusCode, text))
	}
	if out == nil {
		return nil
	}
	if err := json.Unmarshal(text, out); err != nil {
		return fmt.Errorf("%s %s: %w", method, path, err)
	}
	return nil
}

// Send sends one request as it is; the caller closes the answer's body.
func (c *Client) Send(ctx context.Context, method, path string, body any) (*http.Response, error) {
	var reader io.Reader
	if body != nil {
		text, err := json.Marshal(body)
		if err != nil {
			return nil, err
		}
		reader = bytes.NewReader(text)
	}
	req, err := http.NewRequestWithContext(ctx, method, c.Base+path, reader)
	if err != nil {
		return nil, err
	}
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	if c.Token != "" {
		req.Header.Set("Authorization", "Bearer "+c.Token)
	}
	if c.PlatformKey != "" {
		req.Header.Set("X-Api-Key", c.PlatformKey)
	}
	return c.HTTP.Do(req)
}

func problem(status int, text []byte) *Problem {
	p := &Problem{}
	if json.Unmarshal(text, p) != nil || p.Code == "" {
		p = &Problem{Body: strings.TrimSpace(string(text))}
	}
	p.Status = status
	return p
}

// pages reads a list to its end, page by page.
func pages[T any](ctx context.Context, c *Client, path string, query url.Values, items func(json.RawMessage) ([]T, error)) ([]T, error) {
	if query == nil {
		query = url.Values{}
	}
	query.Set("pageSize", "200")
	var all []T
	for {
		var raw json.RawMessage
		if err := c.Do(ctx, http.MethodGet, path+"?"+query.Encode(), nil, &raw); err != nil {
			return nil, err
		}
		some, err := items(raw)
		if err != nil {
			return nil, err
		}
		all = append(all, some...)
		var next struct{ NextPageToken string }
		if err := json.Unmarshal(raw, &next); err != nil {
			return nil, err
		}
		if next.NextPageToken == "" {
			return all, nil
		}
		query.Set("pageToken", next.NextPageToken)
	}
}
