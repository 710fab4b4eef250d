package access

import (
	"context"
	"time"

	"golang.org/x/sync/semaphore"

	"github.com/entrasync/entrasync/pkg/errs"
	"github.com/entrasync/entrasync/proto/entrasync/reason"
)

// Unknown counts callers that were refused as unknown, by the key of their address.
type Unknown interface {
	Count(address string)
}

// unknown counts a refusal of an unknown caller, and answers it. Known callers are
// recognised before and never counted here, so that a flood of wrong keys and tokens
// keeps no right one of the same address out.
func (g *Gate) unknown(ctx context.Context, in *Request, err error) error {
	if errs.KindOf(err) != errs.Unauthenticated {
		return err // the issuer cannot be asked
	}
	address := Address(in.RemoteAddr)
	if g.Unknown != nil {
		g.Unknown.Count(address)
	}
	if g.PerAddress != nil {
		if state, ok := g.PerAddress.Take("caller/" + address); !ok {
			return g.limited(ctx, in, "address", state)
		}
	}
	return err
}

const (
	// slowLookups are the look-ups under way at once for addresses that brought
	// more wrong states than they may.
	slowLookups = 4
	// lookupWait bounds the wait of one of those for its turn.
	lookupWait = 10 * time.Second
)

// Lookups meters the look-ups of OAuth states by address. An address that brought
// too many wrong ones waits in a queue for its look-ups instead of being refused:
// a person behind the same address comes through all the same.
type Lookups struct {
	perAddress *Limits
	queue      *semaphore.Weighted
}

// NewLookups makes lookups; rate is of wrong states from one address.
func NewLookups(rate Rate, now func() time.Time) *Lookups {
	return &Lookups{perAddress: NewLimits(rate, now), queue: semaphore.NewWeighted(slowLookups)}
}

// AdmitState lets a callback look its state up: at once, or after waiting in the queue
// where its address brought too many wrong states. It fails with errs.Exhausted when that
// wait takes longer than lookupWait. The caller must call done after the look-up, with
// true where the state was wrong.
func (g *Gate) AdmitState(ctx context.Context, in *Request) (done func(refused bool), err error) {
	address := Address(in.RemoteAddr)
	end := func() {}
	if g.Lookups.perAddress.Spent(address) {
		ctx, cancel := context.WithTimeout(ctx, lookupWait)
		defer cancel()
		if err := g.Lookups.queue.Acquire(ctx, 1); err != nil {
			return nil, errs.Wrap(err, errs.Exhausted, reason.RateLimited, "Too many requests of this address.", errs.WithRetryAfter(lookupWait))
		}
		end = func() { g.Lookups.queue.Release(1) }
	}
	return func(refused bool) {
		end()
		if !refused {
			return
		}
		g.Lookups.perAddress.Take(address)
		if g.Unknown != nil {
			g.Unknown.Count(address)
		}
	}, nil
}
