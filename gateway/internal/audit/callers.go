package audit

import (
	"context"
	"encoding/binary"
	"log/slog"
	"sync"
	"time"

	"github.com/google/uuid"
)

const (
	// writeCallers is the time between writes of what was counted.
	writeCallers = 10 * time.Second
	// mostAddresses is how many addresses are counted one by one between two
	// writes; those beyond count in the sum alone.
	mostAddresses = 1000
)

// UnknownCaller is the action of the event that stands for unknown
// callers: wrong keys, bad tokens, made-up states of sign-ins.
const UnknownCaller = "gateway.unknown_caller"

// Callers are the refused unknown callers of one minute.
type Callers struct {
	ID       uuid.UUID // of the minute: every process adds to one event
	Minute   time.Time
	Attempts int
	Address  string // the one that most of them came from
}

// CallersStore keeps the counts.
type CallersStore interface {
	// AddCallers adds to the event of the minute.
	AddCallers(ctx context.Context, c Callers) error
}

// UnknownCallers counts refused callers of whom nothing is known and writes them
// as one event a minute, whatever their number: a flood of requests must not
// write a row for each.
type UnknownCallers struct {
	store CallersStore
	now   func() time.Time

	mu    sync.Mutex
	since time.Time // of the first that is not written
	total int
	by    map[string]int
}

// NewUnknownCallers makes the count.
func NewUnknownCallers(store CallersStore, now func() time.Time) *UnknownCallers {
	return &UnknownCallers{store: store, now: now, by: map[string]int{}}
}

// Count adds one attempt from an address.
func (u *UnknownCallers) Count(address string) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.total == 0 {
		u.since = u.now()
	}
	u.total++
	if _, known := u.by[address]; known || len(u.by) < mostAddresses {
		u.by[address]++
	}
}

// Serve writes what was counted, until ctx ends, and once more then.
func (u *UnknownCallers) Serve(ctx context.Context) error {
	writing(ctx, writeCallers, u.write)
	return nil
}

// write adds what was counted to the event of its first minute. What cannot be
// written counts on.
func (u *UnknownCallers) write(ctx context.Context) {
	u.mu.Lock()
	c := Callers{Minute: u.since.UTC().Truncate(time.Minute), Attempts: u.total}
	most := 0
	for address, n := range u.by {
		if n > most {
			most, c.Address = n, address
		}
	}
	u.mu.Unlock()
	if c.Attempts == 0 {
		return
	}
	c.ID = minuteID(c.Minute)
	if err := u.store.AddCallers(ctx, c); err != nil {
		slog.WarnContext(ctx, "unknown callers are not in the audit trail yet", "attempts", c.Attempts, "error", err)
		return
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	u.total -= c.Attempts // those that came meanwhile are of the next write
	u.since, u.by = u.now(), map[string]int{}
}

// minuteID is a UUID of version 7 that every process makes alike of a minute.
func minuteID(minute time.Time) uuid.UUID {
	var id uuid.UUID
	binary.BigEndian.PutUint64(id[:8], uint64(minute.UnixMilli())<<16)
	id[6], id[8] = 0x70, 0x80
	return id
}
