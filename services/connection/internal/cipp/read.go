package cipp

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/google/uuid"

	"github.com/entrasync/entrasync/services/connection/internal/connection"
	"github.com/entrasync/entrasync/services/connection/internal/outbound"
)

// call is one request to CIPP.
type call struct {
	endpoint string
	query    url.Values
	about    scope
	tokens   connection.TokenSource
}

// read gets an answer and hands it to parse, whose errors are the answer's. It
// tries again where CIPP was not up yet or asks for it, and renews the token once.
// The error is classified, except a *refusal, which is the caller's to judge.
func (d *Directory) read(ctx context.Context, q call, buf []byte, parse func(body []byte, requestID string) error) ([]byte, error) {
	token, err := q.tokens.Token(ctx)
	if err != nil {
		return buf, err
	}
	renewed, held := false, time.Duration(0)
	wait := func(pause time.Duration) error {
		held += pause
		return d.client.wait(ctx, pause)
	}
	bears := func(pause time.Duration) bool { return held+pause <= longestWait && outbound.Fits(ctx, pause) }
	for attempt := 1; ; {
		if left := d.client.notBefore.Left(d.base.String(), d.client.now()); left > 0 {
			if !bears(left) {
				return buf, tooEarly(left)
			}
			if err := wait(left); err != nil {
				return buf, err
			}
			continue
		}
		buf, err = d.attempt(ctx, q, token, buf, parse)
		r, refused := errors.AsType[*refusal](err)
		if refused && r.status == http.StatusUnauthorized && !renewed {
			renewed = true
			if token, err = q.tokens.Renew(ctx, token); err != nil {
				return buf, err
			}
			continue
		}
		again := err != nil && ctx.Err() == nil && attempt < maxAttempts && connection.ClassOf(err) == connection.Retry
		pause := outbound.Backoff(attempt)
		if refused {
			d.backOff(r)
			again = r.transient() && attempt < maxAttempts
			pause = max(pause, r.retryAfter)
		}
		if !again || !bears(pause) {
			return buf, err
		}
		if err := wait(pause); err != nil {
			return buf, err
		}
		attempt++
	}
}

// backOff keeps all callers from asking this CIPP earlier than it allows.
func (d *Directory) backOff(r *refusal) {
	if r.transient() && r.retryAfter > 0 {
		now := d.client.now()
		d.client.notBefore.Note(d.base.String(), now.Add(r.retryAfter), now)
	}
}

// classified classifies a refusal that no caller judged.
func classified(err error, about scope) error {
	if r, ok := errors.AsType[*refusal](err); ok {
		return r.classify(about)
	}
	return err
}

// attempt sends one request.
func (d *Directory) attempt(ctx context.Context, q call, token connection.Secret, buf []byte, parse func([]byte, string) error) ([]byte, error) {
	attemptCtx, cancel := context.WithTimeout(ctx, attemptTimeout)
	defer cancel()
	u := *d.base
	u.Path += "/api/" + q.endpoint
	u.RawQuery = q.query.Encode()
	req, err := http.NewRequestWithContext(attemptCtx, http.MethodGet, u.String(), nil)
	if err != nil {
		return buf, fmt.Errorf("making a request: %w", err)
	}
	id := uuid.NewString()
	req.Header.Set("Authorization", "Bearer "+token.Reveal())
	req.Header.Set("Accept", "application/json")
	req.Header.Set("client-request-id", id)
	resp, err := d.client.http.Do(req)
	if err != nil {
		return buf, lost(ctx, outbound.Cause(err), id)
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode != http.StatusOK {
		text, _ := outbound.ReadBody(resp.Body, nil, maxRefusalBytes) // the status decides
		return buf, &refusal{status: resp.StatusCode, number: numberIn(text), requestID: id, retryAfter: outbound.RetryAfter(resp.Header, d.client.now())}
	}
	body, err := outbound.ReadBody(resp.Body, buf, maxPageBytes)
	switch {
	case ctx.Err() != nil:
		return body, lost(ctx, err, id)
	case err != nil:
		return body, unreadable(err, id)
	}
	if err := parse(body, id); err != nil {
		return body, unreadable(err, id)
	}
	return body, nil
}
