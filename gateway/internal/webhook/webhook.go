// Package webhook sends events to the servers of hosts: entries of the engine's change
// feed, ends of runs and notices, signed as Standard Webhooks say, in order and at least
// once.
package webhook

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"net/url"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/entrasync/entrasync/pkg/errs"
	"github.com/entrasync/entrasync/pkg/publicnet"
	"github.com/entrasync/entrasync/pkg/secrets"
	"github.com/entrasync/entrasync/pkg/tenant"
	"github.com/entrasync/entrasync/proto/entrasync/reason"
)

const (
	// mostEndpoints is how many endpoints a tenant may have.
	mostEndpoints = 20
	// oldSecretTime is how long a secret that was replaced signs too.
	oldSecretTime = 24 * time.Hour
	secretBytes   = 32
	secretPrefix  = "whsec_"
)

// State says whether events are sent to an endpoint.
type State string

// The states.
const (
	Enabled  State = "enabled"
	Disabled State = "disabled"
)

// Why an endpoint is disabled.
const (
	ByPerson = "by_person"
	Failing  = "failing"
	Gone     = "gone" // the server answered 410
)

// ErrUnknown is another tenant's endpoint as well as none.
var ErrUnknown = errs.New(errs.NotFound, reason.NotFound, "There is no such webhook.")

// Endpoint is where a host has events sent to, and how far that has come.
type Endpoint struct {
	ID                   uuid.UUID
	URL                  string
	Events               []string
	State                State
	DisabledReason       *string // nil while it is enabled
	Secret, OldSecret    []byte  // sealed
	OldSecretUntil       *time.Time
	OlderSecret          []byte // that the old one replaced; sealed
	OlderSecretUntil     *time.Time
	FeedCursor           string
	RunsUntil            time.Time // runs that ended before were delivered
	FailingSince         *time.Time
	Attempts             int       // to send the message that is next
	NextAt, LeasedUntil  time.Time // by the store's clock
	CreatedAt, UpdatedAt time.Time
	ReplayedAt           time.Time // when a person had messages sent again, or it was made: what was delivered before does not count
}

// rotate replaces the secret. The last two that were replaced sign on while their time lasts.
func (e *Endpoint) rotate(sealed []byte, now time.Time) {
	e.OlderSecret, e.OlderSecretUntil = nil, nil
	if e.OldSecret != nil && e.OldSecretUntil.After(now) {
		e.OlderSecret, e.OlderSecretUntil = e.OldSecret, e.OldSecretUntil
	}
	until := now.Add(oldSecretTime)
	e.OldSecret, e.OldSecretUntil, e.Secret = e.Secret, &until, sealed
}

// secrets are those that sign at a time, the present one first; sealed.
func (e *Endpoint) secrets(at time.Time) [][]byte {
	sealed := [][]byte{e.Secret}
	if e.OldSecret != nil && e.OldSecretUntil.After(at) {
		sealed = append(sealed, e.OldSecret)
	}
	if e.OlderSecret != nil && e.OlderSecretUntil.After(at) {
		sealed = append(sealed, e.OlderSecret)
	}
	return sealed
}

// Delivery is one attempt to send an event.
type Delivery struct {
	ID              uuid.UUID
	MessageID, Type string
	Attempt         int
	Delivered       bool
	Status          *int    // of the answer; nil without one
	Error           *string // nil where it was delivered
	Took            time.Duration
	At              time.Time
}

// Store keeps endpoints and deliveries of the context's tenant.
type Store interface {
	List(ctx context.Context) ([]Endpoint, error)
	Get(ctx context.Context, id uuid.UUID) (Endpoint, error) // ErrUnknown
	// Put hands fn the endpoint at the URL, nil where there is none, and how many
	// there are, and writes what it gives.
	Put(ctx context.Context, url string, now time.Time, fn func(current *Endpoint, count int) (Endpoint, error)) (Endpoint, error)
	Delete(ctx context.Context, id uuid.UUID) error                                      // ErrUnknown
	Rewind(ctx context.Context, id uuid.UUID, cursor string, since, now time.Time) error // ErrUnknown
	Deliveries(ctx context.Context, id, before uuid.UUID, n int) ([]Delivery, error)     // newest first
	AddDelivery(ctx context.Context, endpoint uuid.UUID, d Delivery) error
}

// Box seals secrets.
type Box interface {
	Seal(plain []byte, associated string) ([]byte, error)
	Open(sealed []byte, associated string) ([]byte, error)
}

// Feed reads the change feed of the context's tenant.
type Feed interface {
	// Head is the cursor behind the last change.
	Head(ctx context.Context) (string, error)
	// Since is the cursor before the first change that was made then or later.
	Since(ctx context.Context, at time.Time) (string, error)
}

// Change is what a person sets of an endpoint.
type Change struct {
	URL      string
	Events   []string
	Disabled bool
	Rotate   bool
}

// Endpoints lets people say where events are sent to.
type Endpoints struct {
	store  Store
	feed   Feed
	box    Box
	guard  *publicnet.Guard
	sender *Sender
	now    func() time.Time
}

// NewEndpoints makes the use cases.
func NewEndpoints(store Store, feed Feed, box Box, guard *publicnet.Guard, sender *Sender, now func() time.Time) *Endpoints {
	return &Endpoints{store: store, feed: feed, box: box, guard: guard, sender: sender, now: now}
}

// List gives all endpoints, the oldest first.
func (e *Endpoints) List(ctx context.Context) ([]Endpoint, error) { return e.store.List(ctx) }

// Put makes the endpoint at a URL or changes it. The secret is given where it is
// new, else it is empty.
func (e *Endpoints) Put(ctx context.Context, c Change) (endpoint Endpoint, secret secrets.Text, err error) {
	id, err := tenant.IDFrom(ctx)
	if err != nil {
		return endpoint, "", err
	}
	u, err := e.guard.Check(c.URL)
	if err != nil {
		return endpoint, "", errs.Of(reason.InvalidArgument, errs.WithViolation("url", err.Error()))
	}
	at, err := e.stored(ctx, normal(u))
	if err != nil {
		return endpoint, "", err
	}
	fresh, sealed, err := e.newSecret(id)
	if err != nil {
		return endpoint, "", err
	}
	head, err := e.feed.Head(ctx)
	if err != nil {
		return endpoint, "", err
	}
	now := e.now()
	endpoint, err = e.store.Put(ctx, at, now, func(current *Endpoint, count int) (Endpoint, error) {
		secret = ""
		next := Endpoint{}
		switch {
		case current != nil:
			next = *current
		case count >= mostEndpoints:
			return next, errs.New(errs.Precondition, reason.TooManyWebhooks, "There are 20 webhooks already. Delete one of them first.")
		default:
			if next.ID, err = uuid.NewV7(); err != nil {
				return next, err
			}
			next.URL, next.FeedCursor, next.Secret, secret = at, head, sealed, fresh
		}
		if current != nil && c.Rotate {
			next.rotate(sealed, now)
			secret = fresh
		}
		next.Events, next.State, next.DisabledReason = c.Events, Enabled, nil
		if c.Disabled {
			why := ByPerson
			next.State, next.DisabledReason = Disabled, &why
		}
		next.FailingSince, next.Attempts = nil, 0
		return next, nil
	})
	if err != nil {
		return Endpoint{}, "", err
	}
	return endpoint, secret, nil
}

// stored is the spelling in which an endpoint's address was stored, or the normal one: endpoints may be
// older than that.
func (e *Endpoints) stored(ctx context.Context, address string) (string, error) {
	all, err := e.store.List(ctx)
	for _, one := range all {
		if u, err := url.Parse(one.URL); err == nil && normal(u) == address {
			return one.URL, nil
		}
	}
	return address, err
}

// normal is the one spelling of an address: without the port that its scheme has anyway, with a path.
func normal(u *url.URL) string {
	one := *u
	one.Host = strings.TrimSuffix(strings.ToLower(u.Host), map[string]string{"https": ":443", "http": ":80"}[u.Scheme])
	if one.Path == "" {
		one.Path = "/"
	}
	return one.String()
}

func (e *Endpoints) newSecret(id tenant.ID) (fresh secrets.Text, sealed []byte, err error) {
	raw := make([]byte, secretBytes)
	if _, err := rand.Read(raw); err != nil {
		return "", nil, err
	}
	fresh = secrets.Text(secretPrefix + base64.StdEncoding.EncodeToString(raw))
	sealed, err = e.box.Seal([]byte(fresh.Reveal()), associated(id))
	return fresh, sealed, err
}

// associated binds a sealed secret to its tenant.
func associated(id tenant.ID) string { return "webhook:" + id.String() }

// Delete forgets an endpoint and its deliveries. ErrUnknown.
func (e *Endpoints) Delete(ctx context.Context, id string) error {
	parsed, err := parse(id)
	if err != nil {
		return err
	}
	return e.store.Delete(ctx, parsed)
}

// Test sends a message at once. ErrUnknown.
func (e *Endpoints) Test(ctx context.Context, id string) (Delivery, error) {
	endpoint, err := e.get(ctx, id)
	if err != nil {
		return Delivery{}, err
	}
	key, err := uuid.NewV7()
	if err != nil {
		return Delivery{}, err
	}
	d, err := e.sender.Send(ctx, &endpoint, Message{ID: "test_" + key.String(), Type: "webhook.test", At: e.now(), Data: []byte(`{}`)}, 1)
	if err != nil {
		return d, err
	}
	return d, e.store.AddDelivery(ctx, endpoint.ID, d)
}

// Replay sends everything again that happened since. ErrUnknown.
func (e *Endpoints) Replay(ctx context.Context, id string, since time.Time) (Endpoint, error) {
	endpoint, err := e.get(ctx, id)
	if err != nil {
		return endpoint, err
	}
	cursor, err := e.feed.Since(ctx, since)
	if err != nil {
		return endpoint, err
	}
	if err := e.store.Rewind(ctx, endpoint.ID, cursor, since, e.now()); err != nil {
		return endpoint, err
	}
	return e.store.Get(ctx, endpoint.ID)
}

// Deliveries gives at most n attempts before one, the newest first, and where the
// next page begins, empty after the last. ErrUnknown.
func (e *Endpoints) Deliveries(ctx context.Context, id, before string, n int) (page []Delivery, next string, err error) {
	endpoint, err := e.get(ctx, id)
	if err != nil {
		return nil, "", err
	}
	at := uuid.Max
	if before != "" {
		if at, err = uuid.Parse(before); err != nil {
			return nil, "", errs.Of(reason.InvalidArgument, errs.WithViolation("pageToken", "is not a page token of this list"))
		}
	}
	if page, err = e.store.Deliveries(ctx, endpoint.ID, at, n+1); err != nil || len(page) <= n {
		return page, "", err
	}
	return page[:n], page[n-1].ID.String(), nil
}

func (e *Endpoints) get(ctx context.Context, id string) (Endpoint, error) {
	parsed, err := parse(id)
	if err != nil {
		return Endpoint{}, err
	}
	return e.store.Get(ctx, parsed)
}

func parse(id string) (uuid.UUID, error) {
	parsed, err := uuid.Parse(id)
	if err != nil {
		return parsed, ErrUnknown
	}
	return parsed, nil
}
