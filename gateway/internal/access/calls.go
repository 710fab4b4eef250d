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
	// answersAtOnce is how many calls of one tenant to one method that is a question by POST are
	// executed at once.
	answersAtOnce = 2
	// smallBody is up to how many bytes a body is read without a place. The bytes that one
	// tenant's requests may hold are those of hundreds of such bodies.
	smallBody = 64 << 10
)

// Calls bounds how many calls of one tenant are executed at once. Others of that
// tenant wait in order. Calls that only read have places of their own, so that
// reading does not wait for changes that take long; and so have, each for itself, the
// methods that wait by their contract and those that answer a question by POST and change
// nothing: who may only read may ask them, and must not keep changes waiting. A call has its
// place when its body has come: one that comes slowly keeps no other call waiting. As many
// large bodies are read as changes are executed, so that small ones find bytes beside them.
type Calls struct{ reads, changes, waits, answers, bodies *queue.Queue }

// NewCalls makes a bound of so many reading and so many changing calls at once for
// each tenant.
func NewCalls(reads, changes int) *Calls {
	atOnce := func(n int) *queue.Queue {
		return queue.New(queue.Options{Running: n, Waiting: callsWaiting, Wait: callsWait})
	}
	return &Calls{reads: atOnce(reads), changes: atOnce(changes), waits: atOnce(waitsAtOnce), answers: atOnce(answersAtOnce), bodies: atOnce(changes)}
}

// Enter waits for a place for a call of a method; leave gives it back. errs.Exhausted, reason
// "tenant_busy", when too many wait or the wait was too long.
func (c *Calls) Enter(ctx context.Context, tenant string, m Method) (leave func(), err error) {
	waiting, key := c.changes, tenant
	switch {
	case m.Rule.GetWaits():
		waiting, key = c.waits, m.Procedure+" "+tenant
	case m.Rule.GetUnkept():
		waiting, key = c.answers, m.Procedure+" "+tenant
	case m.Verb == http.MethodGet:
		waiting = c.reads
	}
	return enter(ctx, waiting, key)
}

// Receive waits until a body of so many bytes may be read, -1 where that is not known; leave
// is called when it has come. Errors as of Enter.
func (c *Calls) Receive(ctx context.Context, tenant string, length int64) (leave func(), err error) {
	if 0 <= length && length <= smallBody {
		return func() {}, nil
	}
	return enter(ctx, c.bodies, tenant)
}

func enter(ctx context.Context, waiting *queue.Queue, key string) (leave func(), err error) {
	leave, err = waiting.Enter(ctx, key)
	if errors.Is(err, queue.ErrBusy) {
		return nil, errs.Wrap(err, errs.Exhausted, reason.TenantBusy,
			"Too many calls of this organisation are being served; try again in a moment.", errs.WithRetryAfter(time.Second))
	}
	return leave, err
}
