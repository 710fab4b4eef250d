package cipp

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/google/uuid"

	"github.com/entrasync/entrasync/services/connection/internal/connection"
)

// call is one request to CIPP.
type call struct {
	endpoint string
	query    url.Values
	about    scope
	tokens   connection.TokenSource
}

// errCutOff says that an answer ended too early.
var errCutOff = errors.New("an answer was cut off")

// read gets an answer and hands it to parse, whose errors are the answer's. It
// tries again where CIPP was not up yet or asks for it, and renews the token once.
// The error is classified, except a *refusal, which is the caller's to judge.
func (d *Directory) read(ctx context.Context, q call, buf []byte, parse func(body []byte, requestID string) error) ([]byte, error) {
	token, err := q.tokens.Token(ctx)
	if err != nil {
		return buf, err
	}
	renewed, held := false, time.Duration(0)
	for attempt := 1; ; {
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
		pause := backoff(attempt)
		if refused {
			again = r.transient() && attempt < maxAttempts
			pause = max(pause, r.retryAfter)
		}
		if held += pause; !again || held > longestWait || !fits(ctx, pause) {
			return buf, err
		}
		if err := d.client.wait(ctx, pause); err != nil {
			return buf, err
		}
		attempt++
	}
}

// fits tells whether a pause ends before the caller's patience does.
func fits(ctx context.Context, pause time.Duration) bool {
	deadline, ok := ctx.Deadline()
	return !ok || time.Until(deadline) > pause
}

// backoff doubles from a second, with jitter over its upper half.
func backoff(attempt int) time.Duration {
	d := firstBackoff << (attempt - 1)
	return d/2 + rand.N(d/2+1)
}

// settle classifies a refusal that nobody judged.
func settle(err error, about scope) error {
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
		return buf, lost(ctx, scrub(err), id)
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode != http.StatusOK {
		text, _, _ := slurp(resp.Body, nil, maxRefusalBytes) // the status decides
		return buf, &refusal{status: resp.StatusCode, number: numberIn(text), requestID: id, retryAfter: retryAfter(resp.Header, d.client.now())}
	}
	body, whole, err := slurp(resp.Body, buf, maxPageBytes)
	switch {
	case ctx.Err() != nil:
		return body, lost(ctx, err, id)
	case err != nil:
		return body, unreadable(err, id)
	case !whole:
		return body, unreadable(fmt.Errorf("an answer of more than %d bytes", maxPageBytes), id)
	}
	if err := parse(body, id); err != nil {
		return body, unreadable(err, id)
	}
	return body, nil
}

// slurp reads a body of at most so many bytes into buf; whole is false where there
// is more.
func slurp(body io.Reader, buf []byte, most int) (read []byte, whole bool, err error) {
	buf = buf[:0]
	for len(buf) <= most {
		if len(buf) == cap(buf) {
			buf = append(buf, 0)[:len(buf)]
		}
		n, err := body.Read(buf[len(buf):cap(buf)])
		buf = buf[:len(buf)+n]
		if errors.Is(err, io.EOF) {
			return buf, len(buf) <= most, nil
		}
		if err != nil {
			return buf, false, fmt.Errorf("%w: %w", errCutOff, err)
		}
	}
	return buf, false, nil
}

// scrub takes the address out of a transport error: it holds links.
func scrub(err error) error {
	if e, ok := errors.AsType[*url.Error](err); ok {
		return e.Err
	}
	return err
}

// longestPause bounds what a Retry-After may ask for.
const longestPause = 24 * time.Hour

// retryAfter reads both forms of the header (RFC 9110 §10.2.3); zero when it is
// absent or not readable.
func retryAfter(header http.Header, now time.Time) time.Duration {
	value := header.Get("Retry-After")
	if seconds, err := strconv.Atoi(value); err == nil {
		return time.Duration(max(min(seconds, int(longestPause/time.Second)), 0)) * time.Second
	}
	if at, err := http.ParseTime(value); err == nil && at.After(now) {
		return min(at.Sub(now), longestPause-time.Second) + time.Second // a date has no fractions: early is worse
	}
	return 0
}
