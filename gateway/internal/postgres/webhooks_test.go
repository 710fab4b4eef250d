package postgres_test

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
	"github.com/stretchr/testify/require"

	"github.com/entrasync/entrasync/gateway/internal/postgres"
	"github.com/entrasync/entrasync/gateway/internal/webhook"
	"github.com/entrasync/entrasync/pkg/errs"
	"github.com/entrasync/entrasync/pkg/pgtest"
	"github.com/entrasync/entrasync/pkg/publicnet"
	"github.com/entrasync/entrasync/pkg/secrets"
	"github.com/entrasync/entrasync/pkg/tenant"
)

// happening is a feed whose cursors are numbers, and runs that ended.
type happening struct {
	mu     sync.Mutex
	events []webhook.Event
	runs   []webhook.Event
}

func (h *happening) add(types ...string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, kind := range types {
		n := strconv.Itoa(len(h.events) + 1)
		h.events = append(h.events, webhook.Event{Cursor: n, Message: webhook.Message{ID: "change_" + n, Type: kind, At: time.Now(), Data: []byte(`{"sequence":` + n + `}`)}})
	}
}

func (h *happening) Head(context.Context) (string, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return strconv.Itoa(len(h.events)), nil
}

func (h *happening) Since(context.Context, time.Time) (string, error) { return "0", nil }

func (h *happening) Changes(_ context.Context, cursor string, n int) ([]webhook.Event, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	after, err := strconv.Atoi(cursor)
	return h.events[after:min(len(h.events), after+n)], err
}

func (h *happening) EndedRuns(_ context.Context, since time.Time, after string, n int) (ended []webhook.Event, err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, run := range h.runs {
		if run.At.After(since) || run.At.Equal(since) && run.ID > after {
			run.Data = nil
			ended = append(ended, run)
		}
	}
	slices.SortFunc(ended, func(a, b webhook.Event) int { return cmp.Or(a.At.Compare(b.At), cmp.Compare(a.ID, b.ID)) })
	return ended[:min(len(ended), n)], nil
}

func (h *happening) EndedRun(_ context.Context, id string) ([]byte, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, run := range h.runs {
		if run.ID == id {
			return run.Data, nil
		}
	}
	return nil, errs.New(errs.NotFound, "not_found", "There is no such run.")
}

// receiver is a host's server: it takes what the reference library can verify with
// every secret that it was given.
type receiver struct {
	*httptest.Server

	mu      sync.Mutex
	status  int
	secrets []string
	got     []string
}

func newReceiver(t *testing.T) *receiver {
	r := &receiver{status: http.StatusNoContent}
	r.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		body, err := io.ReadAll(req.Body)
		r.mu.Lock()
		defer r.mu.Unlock()
		for _, secret := range r.secrets {
			key, bad := standardwebhooks.NewWebhook(secret)
			if err != nil || bad != nil || key.VerifyIgnoringTimestamp(body, req.Header) != nil {
				w.WriteHeader(http.StatusUnauthorized)
				return
			}
		}
		if r.status/100 == 2 {
			kind, _, _ := strings.Cut(strings.TrimPrefix(string(body), `{"type":"`), `"`)
			r.got = append(r.got, kind+" "+req.Header.Get("Webhook-Id"))
		}
		w.WriteHeader(r.status)
	}))
	t.Cleanup(r.Close)
	return r
}

func (r *receiver) set(status int, secrets ...string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.status = status
	if secrets != nil {
		r.secrets = secrets
	}
}

func (r *receiver) took() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	got := r.got
	r.got = nil
	return got
}

type sealer struct{ box *secrets.Box }

func (s sealer) Seal(plain []byte, associated string) ([]byte, error) {
	return s.box.Seal(secrets.Text(plain), associated)
}

func (s sealer) Open(sealed []byte, associated string) ([]byte, error) {
	plain, err := s.box.Open(sealed, associated)
	return []byte(plain.Reveal()), err
}

// hooks is all that a test of webhooks needs.
type hooks struct {
	*webhook.Endpoints

	deliverer *webhook.Deliverer
	sender    *webhook.Sender
	happening *happening
	source    webhook.Source // what happens, unless a test has another one
	receiver  *receiver
	db        *pgtest.DB
	ctx       context.Context
	at        time.Time
	box       sealer
}

func webhooks(t *testing.T) *hooks {
	t.Helper()
	h := &hooks{
		happening: &happening{}, receiver: newReceiver(t), db: pgtest.Database(t, "gateway"), at: time.Now().Truncate(time.Microsecond),
		ctx: tenant.With(t.Context(), tenant.Call{Tenant: "msp-1"}),
	}
	keyFile := filepath.Join(t.TempDir(), "master.json")
	_, err := secrets.NewKeyFile(keyFile)
	require.NoError(t, err)
	box, err := secrets.OpenBox(keyFile)
	require.NoError(t, err)
	h.box, h.source = sealer{box}, h.happening
	h.guarded(t, h.receiver.URL)
	return h
}

// guarded lets messages go to the receiver and to these other servers.
func (h *hooks) guarded(t *testing.T, urls ...string) {
	t.Helper()
	allowed := []string{strings.TrimPrefix(h.receiver.URL, "http://")}
	for _, url := range urls {
		allowed = append(allowed, strings.TrimPrefix(url, "http://"))
	}
	guard, err := publicnet.New(allowed)
	require.NoError(t, err)
	now := func() time.Time { return h.at }
	store := postgres.NewWebhooks(h.db.Pool("gateway"))
	h.sender = webhook.NewSender(h.box, guard, nil, now)
	h.Endpoints = webhook.NewEndpoints(store, h.source, h.box, guard, h.sender, now)
	h.deliverer = webhook.NewDeliverer(store, h.source, h.sender, now)
}

func (h *hooks) put(t *testing.T, c webhook.Change) (webhook.Endpoint, string) {
	t.Helper()
	c.URL = h.receiver.URL + "/hook?code=1"
	if c.Events == nil {
		c.Events = []string{"contact.created", "sync.run.completed"}
	}
	endpoint, secret, err := h.Put(h.ctx, c)
	require.NoError(t, err)
	return endpoint, secret.Reveal()
}

// pass has time pass, also for turns and leases, which go by the database's clock.
func (h *hooks) pass(t *testing.T, d time.Duration) {
	t.Helper()
	h.at = h.at.Add(d)
	_, err := h.db.Admin.Exec(t.Context(), `UPDATE webhooks SET next_at = next_at - make_interval(secs => $1), leased_until = leased_until - make_interval(secs => $1)`, d.Seconds())
	require.NoError(t, err)
}

// later lets time pass and gives every endpoint its turn.
func (h *hooks) later(t *testing.T, d time.Duration) []string {
	t.Helper()
	h.pass(t, d)
	require.NoError(t, h.deliverer.DeliverDue(t.Context()))
	return h.receiver.took()
}

func TestHostsAreToldInOrderAndSigned(t *testing.T) {
	t.Parallel()
	h := webhooks(t)
	h.happening.add("contact.created") // before the endpoint was made
	endpoint, secret := h.put(t, webhook.Change{})
	require.True(t, strings.HasPrefix(secret, "whsec_"))
	h.receiver.set(http.StatusNoContent, secret)
	h.happening.add("contact.created", "contact.updated", "contact.created")
	require.Equal(t, []string{"contact.created change_2", "contact.created change_4"}, h.later(t, time.Second))
	require.Empty(t, h.later(t, time.Minute), "what was told is told once")

	_, none := h.put(t, webhook.Change{})
	require.Empty(t, none, "the secret is shown once")
	rotated, fresh := h.put(t, webhook.Change{Rotate: true})
	require.Equal(t, endpoint.ID, rotated.ID)
	require.NotEqual(t, secret, fresh)
	h.receiver.set(http.StatusNoContent, secret, fresh) // both have to verify
	h.happening.add("contact.created")
	require.Equal(t, []string{"contact.created change_5"}, h.later(t, time.Second))
	h.happening.add("contact.created")
	require.Empty(t, h.later(t, 25*time.Hour), "the old secret signs no more")
	h.receiver.set(http.StatusNoContent, fresh)
	require.Equal(t, []string{"contact.created change_6"}, h.later(t, time.Minute))
	require.Zero(t, count(t, h, `SELECT count(*) FROM webhooks WHERE position(convert_to($1, 'UTF8') IN secret) > 0`, fresh), "secrets are sealed")

	require.Empty(t, h.receiver.took())
	_, err := h.Replay(h.ctx, endpoint.ID.String(), h.at.Add(-time.Hour))
	require.NoError(t, err)
	require.Len(t, h.later(t, time.Second), 5)

	d, err := h.Test(h.ctx, endpoint.ID.String())
	require.NoError(t, err)
	require.True(t, d.Delivered)
	require.Len(t, h.receiver.took(), 1)
	page, next, err := h.Deliveries(h.ctx, endpoint.ID.String(), "", 3)
	require.NoError(t, err)
	require.Equal(t, "webhook.test", page[0].Type)
	more, _, err := h.Deliveries(h.ctx, endpoint.ID.String(), next, 100)
	require.NoError(t, err)
	require.NotEmpty(t, more)
	require.NoError(t, h.Delete(h.ctx, endpoint.ID.String()))
	require.ErrorIs(t, h.Delete(h.ctx, endpoint.ID.String()), webhook.ErrUnknown)
}

func TestAReceiverThatWasDownGetsEverything(t *testing.T) {
	t.Parallel()
	h := webhooks(t)
	endpoint, secret := h.put(t, webhook.Change{})
	h.receiver.set(http.StatusServiceUnavailable, secret)
	for n := range 150 {
		h.happening.add("contact.created")
		if n%10 == 0 { // an hour in all
			require.Empty(t, h.later(t, 4*time.Minute))
		}
	}
	shown, err := h.List(h.ctx)
	require.NoError(t, err)
	require.NotNil(t, shown[0].FailingSince)
	require.Greater(t, shown[0].Attempts, 3)
	require.Less(t, shown[0].Attempts, 12, "it is asked less and less often")
	h.receiver.set(http.StatusOK)
	got := h.later(t, time.Hour)
	require.Len(t, got, 150)
	for n, message := range got {
		require.Equal(t, fmt.Sprintf("contact.created change_%d", n+1), message)
	}

	h.receiver.set(http.StatusInternalServerError)
	h.happening.add("contact.created")
	for range 8 * 24 {
		require.Empty(t, h.later(t, time.Hour))
	}
	shown, err = h.List(h.ctx)
	require.NoError(t, err)
	require.Equal(t, webhook.Disabled, shown[0].State)
	require.Equal(t, webhook.Failing, *shown[0].DisabledReason)
	h.receiver.set(http.StatusOK)
	require.Empty(t, h.later(t, time.Hour), "nothing is sent to one that is disabled")
	h.put(t, webhook.Change{}) // enables it
	require.Equal(t, []string{"contact.created change_151"}, h.later(t, time.Second))

	h.receiver.set(http.StatusGone)
	h.happening.add("contact.created")
	require.Empty(t, h.later(t, time.Minute))
	shown, err = h.List(h.ctx)
	require.NoError(t, err)
	require.Equal(t, webhook.Gone, *shown[0].DisabledReason)
	require.Equal(t, endpoint.ID, shown[0].ID)
}

func TestEndedRunsAreToldOnce(t *testing.T) {
	t.Parallel()
	h := webhooks(t)
	_, secret := h.put(t, webhook.Change{})
	h.receiver.set(http.StatusOK, secret)
	ended := func(id, kind string, at time.Time) {
		h.happening.runs = append(h.happening.runs, webhook.Event{Message: webhook.Message{ID: id, Type: kind, At: at, Data: []byte(`{}`)}})
	}
	ended("run_before", "sync.run.completed", h.at.Add(-time.Hour))
	ended("run_1", "sync.run.completed", h.at.Add(2*time.Second))
	ended("run_2", "sync.run.failed", h.at.Add(2*time.Second))
	require.Equal(t, []string{"sync.run.completed run_1"}, h.later(t, 5*time.Second))
	ended("run_3", "sync.run.completed", h.at.Add(-4*time.Second)) // ended before run_1, and is seen after it
	require.Equal(t, []string{"sync.run.completed run_3"}, h.later(t, time.Minute))
	require.Empty(t, h.later(t, time.Minute))
}

// TestOnlyAReplaySendsEndedRunsAgain: a new secret or other events begin nothing anew, although
// every look goes back a little.
func TestOnlyAReplaySendsEndedRunsAgain(t *testing.T) {
	t.Parallel()
	h := webhooks(t)
	endpoint, secret := h.put(t, webhook.Change{})
	h.receiver.set(http.StatusOK, secret)
	h.happening.runs = []webhook.Event{{Message: webhook.Message{
		ID: "run_1", Type: "sync.run.completed", At: h.at.Add(time.Second), Data: []byte(`{}`),
	}}}
	require.Equal(t, []string{"sync.run.completed run_1"}, h.later(t, 5*time.Second))
	h.at = h.at.Add(time.Minute)
	_, fresh := h.put(t, webhook.Change{Rotate: true})
	h.receiver.set(http.StatusOK, fresh)
	require.Empty(t, h.later(t, 5*time.Second), "after a new secret")
	h.put(t, webhook.Change{Events: []string{"contact.created", "sync.run.completed", "sync.run.failed"}})
	require.Empty(t, h.later(t, 5*time.Second), "after other events")
	h.put(t, webhook.Change{Disabled: true})
	h.put(t, webhook.Change{})
	require.Empty(t, h.later(t, 5*time.Second), "after it was disabled for a while")

	_, err := h.Replay(h.ctx, endpoint.ID.String(), h.at.Add(-time.Hour))
	require.NoError(t, err)
	require.Equal(t, []string{"sync.run.completed run_1"}, h.later(t, 5*time.Second))
	require.Empty(t, h.later(t, time.Minute))
	_, last := h.put(t, webhook.Change{Rotate: true})
	h.receiver.set(http.StatusOK, last)
	require.Empty(t, h.later(t, 5*time.Second), "after a new secret since the replay")
}

func TestNoWebhookLeadsInside(t *testing.T) {
	t.Parallel()
	h := webhooks(t)
	for _, url := range []string{
		"http://example.com/", "https://127.0.0.1/", "https://169.254.169.254/latest", "https://[::1]/", "https://user:pw@example.com/", "https://10.0.0.1/",
		"http://127.0.0.1:1/", "https://example.com/#x", "file:///etc/passwd",
	} {
		_, _, err := h.Put(h.ctx, webhook.Change{URL: url, Events: []string{"contact.created"}})
		require.Equal(t, errs.Invalid, errs.KindOf(err), url)
	}
	// A name that is public by its looks and leads inside is refused when it is dialled.
	endpoint, _, err := h.Put(h.ctx, webhook.Change{URL: "https://localhost/", Events: []string{"contact.created"}})
	require.NoError(t, err)
	d, err := h.Test(h.ctx, endpoint.ID.String())
	require.NoError(t, err)
	require.False(t, d.Delivered)
	require.Contains(t, *d.Error, "not of the public internet")
	foreign := tenant.With(t.Context(), tenant.Call{Tenant: "msp-2"})
	_, err = h.Test(foreign, endpoint.ID.String())
	require.ErrorIs(t, err, webhook.ErrUnknown)
	all, err := h.List(foreign)
	require.NoError(t, err)
	require.Empty(t, all)
}

// TestEachReplacedSecretSignsForItsDay, also where it was replaced twice within one.
func TestEachReplacedSecretSignsForItsDay(t *testing.T) {
	t.Parallel()
	h := webhooks(t)
	_, first := h.put(t, webhook.Change{})
	_, second := h.put(t, webhook.Change{Rotate: true})
	h.pass(t, time.Hour)
	_, third := h.put(t, webhook.Change{Rotate: true})
	h.receiver.set(http.StatusNoContent, first, second, third) // all have to verify
	h.happening.add("contact.created")
	require.Equal(t, []string{"contact.created change_1"}, h.later(t, time.Minute))
	h.receiver.set(http.StatusNoContent, second, third)
	h.happening.add("contact.created")
	require.Equal(t, []string{"contact.created change_2"}, h.later(t, 23*time.Hour))
	h.receiver.set(http.StatusNoContent, first)
	h.happening.add("contact.created")
	require.Empty(t, h.later(t, time.Minute), "the first had its day")
	h.receiver.set(http.StatusNoContent, third)
	require.Equal(t, []string{"contact.created change_3"}, h.later(t, time.Hour))
	h.receiver.set(http.StatusNoContent, second)
	h.happening.add("contact.created")
	require.Empty(t, h.later(t, time.Minute), "and so had the second")
}

// TestSpellingsOfOneAddressAreOneWebhook; one that was stored in another spelling stays as it is.
func TestSpellingsOfOneAddressAreOneWebhook(t *testing.T) {
	t.Parallel()
	h := webhooks(t)
	put := func(url string) webhook.Endpoint {
		endpoint, _, err := h.Put(h.ctx, webhook.Change{URL: url, Events: []string{"contact.created"}})
		require.NoError(t, err)
		return endpoint
	}
	first := put("https://h.example")
	require.Equal(t, "https://h.example/", first.URL)
	for _, url := range []string{"https://h.example/", "https://H.Example:443", "https://h.example:443/"} {
		require.Equal(t, first.ID, put(url).ID, url)
	}
	for _, url := range []string{"https://h.example:8443", "https://h.example/Hook", "https://h.example/?a=1"} {
		require.NotEqual(t, first.ID, put(url).ID, url)
	}
	_, err := h.db.Admin.Exec(t.Context(), `UPDATE webhooks SET url = 'https://h.example:443' WHERE id = $1`, first.ID)
	require.NoError(t, err)
	again := put("https://h.example/")
	require.Equal(t, first.ID, again.ID)
	require.Equal(t, "https://h.example:443", again.URL)
}

func count(t *testing.T, h *hooks, sql string, args ...any) (n int) {
	t.Helper()
	require.NoError(t, h.db.Admin.QueryRow(t.Context(), sql, args...).Scan(&n))
	return n
}
