package access

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/entrasync/entrasync/pkg/errs"
	"github.com/entrasync/entrasync/pkg/queue"
	"github.com/entrasync/entrasync/proto/entrasync/reason"
)

const (
	// callsWaiting is how many calls of one kind of one tenant wait at most.
	callsWaiting = 256
	// callsWait is how long a call waits at most.
	callsWait = 10 * time.Second
	// waitsAtOnce is how many calls of one tenant to one method that waits are served at once.
	waitsAtOnce = 16
)

// Calls bounds how many calls of one tenant are executed at once. Others of that
// tenant wait in order. Calls that only read have places of their own, so that
// reading does not wait for changes that take long; and so have, each for itself, the
// methods that wait by their contract.
type Calls struct{ reads, changes, waits *queue.Queue }

// NewCalls makes a bound of so many reading and so many changing calls at once for
// each tenant.
func NewCalls(reads, changes int) *Calls {
	atOnce := func(n int) *queue.Queue {
		return queue.New(queue.Options{Running: n, Waiting: callsWaiting, Wait: callsWait})
	}
	return &Calls{reads: atOnce(reads), changes: atOnce(changes), waits: atOnce(waitsAtOnce)}
}

// Enter waits for a place for a call of a method; leave gives it back. errs.Exhausted, reason
// "tenant_busy", when too many wait or the wait was too long.
func (c *Calls) Enter(ctx context.Context, tenant string, m Method) (leave func(), err error) {
	waiting, key := c.changes, tenant
	switch {
	case m.Rule.GetWaits():
		waiting, key = c.waits, m.Procedure+" "+tenant
	case m.Verb == http.MethodGet:
		waiting = c.reads
	}
	leave, err = waiting.Enter(ctx, key)
	if errors.Is(err, queue.ErrBusy) {
		return nil, errs.Wrap(err, errs.Exhausted, reason.TenantBusy,
			"Too many calls of this organisation are being served; try again in a moment.", errs.WithRetryAfter(time.Second))
	}
	return leave, err
}
