package access

import (
	"context"
	"sync"
	"time"

	"golang.org/x/sync/semaphore"

	"github.com/entrasync/entrasync/pkg/errs"
	"github.com/entrasync/entrasync/proto/entrasync/reason"
)

// Bytes bounds how many bytes of requests are held in memory at once, for each
// tenant and in all. Callers beyond a bound wait in order, and not for long.
type Bytes struct {
	perTenant int64
	wait      time.Duration
	all       *semaphore.Weighted

	mu      sync.Mutex
	tenants map[string]*share
}

// share is what one tenant holds. It exists while a request of the tenant does.
type share struct {
	held     *semaphore.Weighted
	requests int
}

// NewBytes makes a bound of so many bytes for each tenant and for all together;
// wait is how long a request waits for bytes before it is refused.
func NewBytes(perTenant, all int64, wait time.Duration) *Bytes {
	return &Bytes{
		perTenant: min(perTenant, all), wait: wait, all: semaphore.NewWeighted(all), tenants: map[string]*share{},
	}
}

// Held is what one request holds.
type Held struct {
	of     *Bytes
	tenant string
	share  *share
	n      int64
}

// Hold takes n bytes for a request of a tenant; one that is larger than a tenant's
// bound takes all of it, and one without a body nothing. errs.Exhausted, reason
// "rate_limited", when the tenant's own requests hold too many; errs.Unavailable,
// reason "overloaded", when those of all tenants do.
func (b *Bytes) Hold(ctx context.Context, tenant string, n int64) (*Held, error) {
	if n == 0 {
		return nil, nil // holds nothing, which Shrink and Release take
	}
	h := &Held{of: b, tenant: tenant, share: b.enter(tenant), n: min(n, b.perTenant)}
	waiting, cancel := context.WithTimeout(ctx, b.wait)
	defer cancel()
	if err := acquire(waiting, h.share.held, h.n); err != nil {
		b.leave(tenant)
		return nil, refused(ctx, errs.Exhausted, reason.RateLimited, "Too many and too large requests of this tenant are being served.")
	}
	if err := acquire(waiting, b.all, h.n); err != nil {
		h.share.held.Release(h.n)
		b.leave(tenant)
		return nil, refused(ctx, errs.Unavailable, reason.Overloaded, "Too many and too large requests are being served.")
	}
	return h, nil
}

// acquire takes what is free at once, whatever the time.
func acquire(ctx context.Context, from *semaphore.Weighted, n int64) error {
	if from.TryAcquire(n) {
		return nil
	}
	return from.Acquire(ctx, n)
}

func refused(ctx context.Context, kind errs.Kind, why, message string) error {
	if err := ctx.Err(); err != nil { // nobody waits for the answer
		return err
	}
	return errs.New(kind, why, message, errs.WithRetryAfter(time.Second))
}

// Shrink gives back all but n bytes, once it is known that no more are needed.
func (h *Held) Shrink(n int64) {
	if h == nil || n >= h.n {
		return
	}
	h.of.all.Release(h.n - n)
	h.share.held.Release(h.n - n)
	h.n = n
}

// Release gives back what is held. It is called once.
func (h *Held) Release() {
	if h == nil {
		return
	}
	h.Shrink(0)
	h.of.leave(h.tenant)
}

func (b *Bytes) enter(tenant string) *share {
	b.mu.Lock()
	defer b.mu.Unlock()
	s, ok := b.tenants[tenant]
	if !ok {
		s = &share{held: semaphore.NewWeighted(b.perTenant)}
		b.tenants[tenant] = s
	}
	s.requests++
	return s
}

func (b *Bytes) leave(tenant string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	s := b.tenants[tenant]
	if s.requests--; s.requests == 0 {
		delete(b.tenants, tenant)
	}
}
