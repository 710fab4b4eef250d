package graph

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"sync/atomic"
	"time"

	"github.com/google/uuid"

	"github.com/entrasync/entrasync/services/connection/internal/connection"
	"github.com/entrasync/entrasync/services/connection/internal/microsoft"
	"github.com/entrasync/entrasync/services/connection/internal/microsoft/pace"
	"github.com/entrasync/entrasync/services/connection/internal/outbound"
)

// graphRequest is one request to Graph.
type graphRequest struct {
	url       *url.URL
	body      []byte // of a POST; nil: a GET
	at        microsoft.Authority
	tokens    connection.TokenSource
	quota     *pace.Quota
	cost      int // resource units, as documented
	requests  int // how many it counts as; 0: one
	priority  connection.Priority
	eventual  bool // ConsistencyLevel: eventual
	plainText bool // what is asked for is not JSON
}

// newRequest begins a request by tokens, in the quota that they count against. The caller sets its address.
func (c *Client) newRequest(ctx context.Context, at microsoft.Authority, tokens connection.TokenSource, priority connection.Priority) (graphRequest, error) {
	quota, err := c.quotaOf(ctx, tokens)
	return graphRequest{at: at, tokens: tokens, quota: quota, priority: priority}, err
}

// answer is a success of Graph.
type answer struct {
	body io.Reader
	id   string // of the request, for errors
}

// refusal is an answer of Graph that is not a success.
type refusal struct {
	microsoft.GraphFailure
	at microsoft.Authority
}

// asksFor is the pause that it asks for.
func (r *refusal) asksFor() pace.Failure {
	return pace.Failure{Status: r.Status, RetryAfter: r.RetryAfter, Scope: r.Scope}
}

func (r *refusal) Error() string { return fmt.Sprintf("graph answered %d %s", r.Status, r.Code) }

// read gets an answer and hands it to parse, whose errors are the answer's. It
// waits and tries again where Graph asks for it and where an answer is cut off,
// and renews the token once. The error is classified, except a *refusal that ends
// a listing or whose kind is the caller's to judge (403, 404).
func (c *Client) read(ctx context.Context, request graphRequest, parse func(answer) error) error {
	token, err := request.tokens.Token(ctx)
	if err != nil {
		return err
	}
	renewed := false
	var budget pace.RetryBudget
	for {
		held, leave, err := request.quota.Enter(ctx, max(request.cost, 1), max(request.requests, 1), budget.Left())
		budget.Waited(held)
		if err != nil {
			return microsoft.HeldBack(err)
		}
		r, err := c.inSlot(ctx, request, token, leave, parse)
		if err == nil {
			return nil
		}
		if r != nil && r.Status == http.StatusUnauthorized && !renewed {
			renewed = true
			if token, err = request.tokens.Renew(ctx, token); err != nil {
				return err
			}
			continue
		}
		var asked *pace.Failure
		if r != nil {
			f := r.asksFor()
			asked = &f
		}
		pause, again := budget.Next(ctx, asked, isPassing(err) && !isOpen(err))
		if !again {
			return handBack(err, r, pause)
		}
		if err := c.wait(ctx, pause); err != nil {
			return err
		}
	}
}

// inSlot sends one request and releases the slot, whatever became of it. Other callers
// are held back before that.
func (c *Client) inSlot(ctx context.Context, request graphRequest, token connection.Secret, leave func(), parse func(answer) error) (*refusal, error) {
	defer leave()
	err := c.attempt(ctx, request, token, parse)
	r, refused := errors.AsType[*refusal](err)
	if refused {
		request.quota.BackOff(r.asksFor())
	}
	return r, err
}

// handBack is the error that the caller gets in the end. It says when to try again
// where Microsoft said so or limits us. An error of another kind carries no time: the
// caller counts its tries.
func handBack(err error, r *refusal, pause time.Duration) error {
	if r == nil {
		return err
	}
	switch {
	case microsoft.ListingEndOf(r.GraphFailure) != microsoft.GoesOn, r.Status == http.StatusForbidden, r.Status == http.StatusNotFound:
		return r
	case r.Status == http.StatusTooManyRequests:
		r.RetryAfter = pause
	}
	return microsoft.ClassifyGraph(r.at, r.GraphFailure)
}

// classified classifies a refusal that no caller judged.
func classified(err error) error {
	if r, ok := errors.AsType[*refusal](err); ok {
		return microsoft.ClassifyGraph(r.at, r.GraphFailure)
	}
	return err
}

// attempt sends one request.
func (c *Client) attempt(ctx context.Context, request graphRequest, token connection.Secret, parse func(answer) error) error {
	attemptCtx, cancel := context.WithTimeoutCause(ctx, attemptTimeout, pace.ErrUnanswered)
	defer cancel()
	req, err := httpRequest(attemptCtx, request, token)
	if err != nil {
		return err
	}
	// Whether there is an answer is Graph's matter, whether it is a good one may be
	// that directory's alone.
	answered, err := request.quota.Breaker().Enter()
	if err != nil {
		return microsoft.Lost(ctx, err, "") // it was not sent
	}
	became := context.Canceled // also of a panic, which says nothing of Graph
	defer func() { answered(became) }()
	resp, err := c.send(req)
	if err != nil {
		if !isOpen(err) {
			became = pace.Outcome(attemptCtx, nil, err)
		}
		return microsoft.Lost(ctx, err, req.Header.Get("client-request-id"))
	}
	defer func() { _ = resp.Body.Close() }()
	id := microsoft.RequestID(resp.Header, req.Header.Get("client-request-id"))
	request.quota.SettleCost(resp.Header, request.cost)
	if resp.StatusCode != http.StatusOK {
		became = pace.Outcome(attemptCtx, resp, nil)
		raw, _ := outbound.ReadBody(resp.Body, nil, maxSmallBytes) // the status decides
		return &refusal{GraphFailure: readFailure(id, resp.StatusCode, resp.Header, raw, c.now()), at: request.at}
	}
	err = parse(answer{body: resp.Body, id: id})
	switch {
	case ctx.Err() != nil:
		return microsoft.Lost(ctx, err, id)
	case err == nil:
		became = nil
		return nil
	}
	became = nil // there is an answer, though a bad one
	if errors.Is(err, outbound.ErrCutOff) {
		became = err
	}
	return microsoft.Unreadable(err, id)
}

// send sends a request, if Graph can be reached at all. Once a request is written
// it can: what then does not answer may be one directory's part of Graph.
func (c *Client) send(req *http.Request) (*http.Response, error) {
	reached, err := c.reach.Enter()
	if err != nil {
		return nil, err
	}
	became := context.Canceled
	defer func() { reached(became) }()
	var written atomic.Bool
	ctx := httptrace.WithClientTrace(req.Context(), &httptrace.ClientTrace{
		WroteRequest: func(info httptrace.WroteRequestInfo) { written.Store(info.Err == nil) },
	})
	resp, err := c.http.Do(req.WithContext(ctx))
	switch {
	case err == nil:
		became = nil
	case !written.Load():
		became = pace.Outcome(ctx, nil, err)
	}
	return resp, outbound.Cause(err)
}

func httpRequest(ctx context.Context, request graphRequest, token connection.Secret) (*http.Request, error) {
	method := http.MethodGet
	var body io.Reader
	if request.body != nil {
		method, body = http.MethodPost, bytes.NewReader(request.body)
	}
	req, err := http.NewRequestWithContext(ctx, method, request.url.String(), body)
	if err != nil {
		return nil, fmt.Errorf("making a request: %w", err)
	}
	req.Header.Set("Authorization", "Bearer "+token.Reveal())
	req.Header.Set("client-request-id", uuid.NewString())
	if request.body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	if !request.plainText {
		req.Header.Set("Accept", "application/json")
	}
	if request.eventual {
		req.Header.Set("ConsistencyLevel", "eventual")
	}
	if request.priority != "" {
		req.Header.Set("x-ms-throttle-priority", string(request.priority))
	}
	return req, nil
}

func isOpen(err error) bool {
	_, open := errors.AsType[*pace.OpenError](err)
	return open
}

// isPassing reports whether a failure happened on the way, so that another attempt may
// succeed, and is not the caller's own.
func isPassing(err error) bool { return connection.ClassOf(err) == connection.Retry }
