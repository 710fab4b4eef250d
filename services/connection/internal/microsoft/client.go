package microsoft

import (
	"context"
	"crypto/tls"
	"encoding/json"
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

const (
	attemptTimeout = 100 * time.Second // one request with its body
	maxAttempts    = 6
	maxUnanswered  = 3 // attempts without a whole answer
	firstBackoff   = time.Second
	maxBackoff     = 30 * time.Second
	// longestWait is how long one call holds its worker in all; beyond it the
	// caller is told when to come back.
	longestWait = 90 * time.Second

	maxPageBytes  = 64 << 20
	maxSmallBytes = 1 << 20
)

// Options make a client. Zero values of the clock and the wait are the real ones.
type Options struct {
	Endpoints   Endpoints
	RedirectURI string
	Transport   http.RoundTripper // nil: one of its own
	Now         func() time.Time
	Wait        func(ctx context.Context, d time.Duration) error
}

// Client speaks to both parties.
type Client struct {
	login, graph *url.URL
	partner      *url.URL // nil: none
	redirectURI  string
	http         *http.Client
	now          func() time.Time
	wait         func(ctx context.Context, d time.Duration) error
}

// New makes a client.
func New(o Options) (*Client, error) {
	login, err := base("login", o.Endpoints.Login)
	if err != nil {
		return nil, err
	}
	graph, err := base("Graph", o.Endpoints.Graph)
	if err != nil {
		return nil, err
	}
	var partner *url.URL
	if o.Endpoints.Partner != "" {
		if partner, err = base("Partner Center", o.Endpoints.Partner); err != nil {
			return nil, err
		}
	}
	c := &Client{login: login, graph: graph, partner: partner, redirectURI: o.RedirectURI, now: o.Now, wait: o.Wait}
	if c.now == nil {
		c.now = time.Now
	}
	if c.wait == nil {
		c.wait = wait
	}
	transport := o.Transport
	if transport == nil {
		t := http.DefaultTransport.(*http.Transport).Clone()
		t.MaxIdleConnsPerHost = 32
		t.TLSClientConfig = &tls.Config{MinVersion: tls.VersionTLS12}
		transport = t
	}
	c.http = &http.Client{
		Transport: transport,
		// A redirect would take the token along.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	return c, nil
}

func wait(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// get is one reading of Graph.
type get struct {
	url       *url.URL
	at        authority
	tokens    connection.TokenSource
	priority  string // of x-ms-throttle-priority; empty: none
	eventual  bool   // ConsistencyLevel: eventual
	plainText bool   // what is asked for is not JSON
}

// refusal is an answer of Graph that is not a success.
type refusal struct {
	graphFailure
	at authority
}

func (r *refusal) Error() string { return fmt.Sprintf("graph answered %d %s", r.Status, r.Code) }

// read gets an answer and hands its body to parse. It waits and tries again
// where Graph asks for it and where an answer is cut off, and renews the token
// once. The error is classified, except a *refusal that ends a listing.
func (c *Client) read(ctx context.Context, g get, parse func(body io.Reader) error) error {
	token, err := g.tokens.Token(ctx)
	if err != nil {
		return err
	}
	renewed := false
	var waited time.Duration
	for attempt := 1; ; attempt++ {
		err := c.attempt(ctx, g, token, parse)
		if err == nil {
			return nil
		}
		var r *refusal
		if errors.As(err, &r) {
			switch {
			case r.Status == http.StatusUnauthorized && !renewed:
				renewed = true
				if token, err = g.tokens.Renew(ctx, token); err != nil {
					return err
				}
				continue
			case listingEndOf(r.graphFailure) != goesOn:
				return r
			case !transient(r.Status):
				return classifyGraph(r.at, r.graphFailure)
			}
			err = classifyGraph(r.at, r.graphFailure)
		} else if ctx.Err() != nil {
			return ctx.Err()
		} else if errors.Is(err, errForeignLink) || !isPassing(err) {
			return err
		}
		pause := backoff(attempt)
		if r != nil && r.RetryAfter > 0 {
			pause = r.RetryAfter
		}
		if attempt == maxAttempts || (r == nil && attempt == maxUnanswered) || waited+pause > longestWait || !fits(ctx, pause) {
			return c.handBack(err, r, pause)
		}
		waited += pause
		if err := c.wait(ctx, pause); err != nil {
			return err
		}
	}
}

// fits tells whether a pause ends before the caller's patience does.
func fits(ctx context.Context, pause time.Duration) bool {
	deadline, ok := ctx.Deadline()
	return !ok || time.Until(deadline) > pause
}

// isPassing tells a failure on the way, which another attempt may not meet, from
// one of the caller's own.
func isPassing(err error) bool { return connection.ClassOf(err) == connection.Retry }

// handBack tells the caller when to come again, where Microsoft said it or limits
// us. What is merely broken carries no time of ours: the caller counts its tries.
func (c *Client) handBack(err error, r *refusal, pause time.Duration) error {
	if r == nil || r.Status != http.StatusTooManyRequests {
		return err // it carries Microsoft's own time, where there is one
	}
	f := r.graphFailure
	f.RetryAfter = pause
	return classifyGraph(r.at, f)
}

// backoff doubles from a second to half a minute, with jitter over its upper half.
func backoff(attempt int) time.Duration {
	d := min(firstBackoff<<(attempt-1), maxBackoff)
	return d/2 + rand.N(d/2+1)
}

// attempt sends one request.
func (c *Client) attempt(ctx context.Context, g get, token connection.Secret, parse func(io.Reader) error) error {
	attemptCtx, cancel := context.WithTimeout(ctx, attemptTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(attemptCtx, http.MethodGet, g.url.String(), nil)
	if err != nil {
		return fmt.Errorf("making a request: %w", err)
	}
	req.Header.Set("Authorization", "Bearer "+token.Reveal())
	req.Header.Set("client-request-id", uuid.NewString())
	if !g.plainText {
		req.Header.Set("Accept", "application/json")
	}
	if g.eventual {
		req.Header.Set("ConsistencyLevel", "eventual")
	}
	if g.priority != "" {
		req.Header.Set("x-ms-throttle-priority", g.priority)
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return classifyTransport(ctx, scrub(err))
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode != http.StatusOK {
		return &refusal{graphFailure: c.readFailure(resp), at: g.at}
	}
	if err := parse(resp.Body); err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		return err
	}
	return nil
}

// scrub takes the address out of a transport error: links carry tokens of
// listings.
func scrub(err error) error {
	var e *url.Error
	if errors.As(err, &e) {
		return e.Err
	}
	return err
}

// readFailure reads an error body as far as it can be read.
func (c *Client) readFailure(resp *http.Response) graphFailure {
	var body struct {
		Error struct {
			Code string `json:"code"`
		} `json:"error"`
	}
	_ = json.NewDecoder(io.LimitReader(resp.Body, maxSmallBytes)).Decode(&body) // the status decides
	return graphFailure{
		Status: resp.StatusCode, Code: body.Error.Code, RequestID: clip(resp.Header.Get("request-id")),
		RetryAfter: retryAfter(resp.Header.Get("Retry-After"), c.now()),
	}
}

// clip bounds what an outside party may put into our errors.
func clip(s string) string {
	if len(s) > 64 {
		return s[:64]
	}
	return s
}

// retryAfter reads both forms of the header (RFC 9110 §10.2.3); zero when it is
// absent or not readable.
func retryAfter(value string, now time.Time) time.Duration {
	if seconds, err := strconv.Atoi(value); err == nil {
		return max(time.Duration(min(seconds, 86400))*time.Second, 0)
	}
	if at, err := http.ParseTime(value); err == nil {
		return max(at.Sub(now), 0)
	}
	return 0
}

// limited reads a body of at most max bytes whole, into buf.
func limited(body io.Reader, buf []byte, most int) ([]byte, error) {
	buf = buf[:0]
	for {
		if len(buf) == cap(buf) {
			buf = append(buf, 0)[:len(buf)]
		}
		n, err := body.Read(buf[len(buf):cap(buf)])
		buf = buf[:len(buf)+n]
		if len(buf) > most {
			return buf, classifyAnswer(fmt.Errorf("an answer of more than %d bytes", most))
		}
		if errors.Is(err, io.EOF) {
			return buf, nil
		}
		if err != nil {
			return buf, classifyAnswer(fmt.Errorf("an answer was cut off: %w", err))
		}
	}
}

// readJSON reads a small answer.
func (c *Client) readJSON(ctx context.Context, g get, into any) error {
	return c.read(ctx, g, func(body io.Reader) error {
		raw, err := limited(body, nil, maxPageBytes)
		if err != nil {
			return err
		}
		if err := json.Unmarshal(raw, into); err != nil {
			return classifyAnswer(errors.New("not the JSON that was asked for"))
		}
		return nil
	})
}
