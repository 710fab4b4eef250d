package syncengine

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/entrasync/entrasync/pkg/errs"
	"github.com/entrasync/entrasync/pkg/tenant"
	"github.com/entrasync/entrasync/proto/entrasync/reason"
)

// TicketSchedule is what the ticket of a schedule is for; those of runs are for their type.
const TicketSchedule = "schedule"

const (
	// runTicketLife is how long the ticket of a run is valid: its deadline of a day, another for
	// closing it, and a margin.
	runTicketLife = 49 * time.Hour
	// A schedule's ticket is the same for scheduleTicketSpan and valid for scheduleTicketLife more.
	scheduleTicketSpan = 7 * 24 * time.Hour
	scheduleTicketLife = 30 * 24 * time.Hour
	ticketKeyBytes     = 32
)

var errTicket = errs.Of(reason.RunTicketInvalid)

// TicketStore keeps each tenant's key.
type TicketStore interface {
	// TicketKey returns the key of the context's tenant; the fresh one where it has none yet.
	TicketKey(ctx context.Context, fresh []byte, now time.Time) ([]byte, error)
}

// Tickets signs and verifies run tickets of the tenant of the context. A program that can start
// workflows but is not this system has none. It is safe for concurrent use.
type Tickets struct {
	store TicketStore
	now   func() time.Time

	mu   sync.Mutex
	keys map[tenant.ID][]byte // a key never changes
}

// NewTickets makes Tickets.
func NewTickets(store TicketStore, now func() time.Time) *Tickets {
	return &Tickets{store: store, now: now, keys: map[tenant.ID][]byte{}}
}

// Issue signs a ticket for a run.
func (t *Tickets) Issue(ctx context.Context, runID string, runType RunType) (string, error) {
	return t.sign(ctx, runID, string(runType), t.now().Add(runTicketLife))
}

// IssueSchedule signs what the tenant's schedules carry.
func (t *Tickets) IssueSchedule(ctx context.Context) (string, error) {
	return t.sign(ctx, "", TicketSchedule, t.now().Truncate(scheduleTicketSpan).Add(scheduleTicketSpan+scheduleTicketLife))
}

// Check verifies the ticket of a run, or of a schedule where runID is empty. With types, it must be
// for one of them.
func (t *Tickets) Check(ctx context.Context, runID, ticket string, types ...string) error {
	kind, rest, ok := strings.Cut(ticket, ".")
	expiry, _, signed := strings.Cut(rest, ".")
	seconds, err := strconv.ParseInt(expiry, 10, 64)
	if !ok || !signed || err != nil || len(types) > 0 && !slices.Contains(types, kind) {
		return errTicket
	}
	expires := time.Unix(seconds, 0)
	if !t.now().Before(expires) {
		return errTicket
	}
	want, err := t.sign(ctx, runID, kind, expires)
	if err != nil {
		return err
	}
	if !hmac.Equal([]byte(want), []byte(ticket)) {
		return errTicket
	}
	return nil
}

// sign writes "type.expiry.signature"; the signature covers tenant and run too, none of which can
// hold the separator.
func (t *Tickets) sign(ctx context.Context, runID, kind string, expires time.Time) (string, error) {
	id, err := tenant.IDFrom(ctx)
	if err != nil {
		return "", err
	}
	key, err := t.key(ctx, id)
	if err != nil {
		return "", err
	}
	statement := kind + "." + strconv.FormatInt(expires.Unix(), 10)
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte("entrasync run ticket\n" + id.String() + "\n" + runID + "\n" + statement))
	return statement + "." + base64.RawURLEncoding.EncodeToString(mac.Sum(nil)), nil
}

func (t *Tickets) key(ctx context.Context, id tenant.ID) ([]byte, error) {
	t.mu.Lock()
	key := t.keys[id]
	t.mu.Unlock()
	if key != nil {
		return key, nil
	}
	fresh := make([]byte, ticketKeyBytes)
	_, _ = rand.Read(fresh) // never fails
	key, err := t.store.TicketKey(ctx, fresh, t.now())
	if err != nil {
		return nil, err
	}
	t.mu.Lock()
	t.keys[id] = key
	t.mu.Unlock()
	return key, nil
}
