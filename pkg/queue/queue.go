// Package queue bounds how much work of one key (a tenant) runs at once and how
// much waits, so that one key's work cannot take what all keys share.
package queue

import (
	"context"
	"sync"
	"time"

	"golang.org/x/sync/semaphore"

	"github.com/entrasync/entrasync/pkg/errs"
	"github.com/entrasync/entrasync/proto/entrasync/reason"
)

// ErrBusy is the answer to a caller whose key has too much work waiting, or that
// waited too long.
var ErrBusy = errs.Of(reason.TenantBusy, errs.WithRetryAfter(retryAfter))

// retryAfter is when a refused caller should come back.
const retryAfter = time.Second

// Options are the bounds of a queue.
type Options struct {
	Running int           // of one key at once; 0 counts as 1
	Waiting int           // callers of one key that wait at most; more are refused
	Total   int           // of all keys at once; 0: no bound
	Wait    time.Duration // the longest wait; 0: as long as the caller's context
}

// Queue lets callers of one key in one after the other, in the order in which
// they came, and callers of different keys side by side. It is safe for
// concurrent use.
type Queue struct {
	options Options
	total   *semaphore.Weighted // nil without a bound

	mu   sync.Mutex
	keys map[string]*entry
}

// entry is what is known of a key while it has callers.
type entry struct {
	callers int // that run or wait
	running *semaphore.Weighted
}

// New makes a queue.
func New(o Options) *Queue {
	o.Running = max(o.Running, 1)
	q := &Queue{options: o, keys: map[string]*entry{}}
	if o.Total > 0 {
		q.total = semaphore.NewWeighted(int64(o.Total))
	}
	return q
}

// Enter waits until work of the key may run; leave must be called when it has
// ended. It fails with ErrBusy, or with ctx's error when ctx ends first.
//
// A caller waits for its key first and for the bound over all keys second: of
// that second queue a key never has more places than may run of it.
func (q *Queue) Enter(ctx context.Context, key string) (leave func(), err error) {
	e, err := q.join(key)
	if err != nil {
		return nil, err
	}
	wait := ctx
	if q.options.Wait > 0 {
		var cancel context.CancelFunc
		wait, cancel = context.WithTimeout(ctx, q.options.Wait)
		defer cancel()
	}
	err = e.running.Acquire(wait, 1)
	if err == nil && q.total != nil {
		if err = q.total.Acquire(wait, 1); err != nil {
			e.running.Release(1)
		}
	}
	if err != nil {
		q.part(key, e)
		if ctx.Err() == nil {
			return nil, ErrBusy
		}
		return nil, err
	}
	return sync.OnceFunc(func() {
		if q.total != nil {
			q.total.Release(1)
		}
		e.running.Release(1)
		q.part(key, e)
	}), nil
}

// Keys is how many keys have callers now.
func (q *Queue) Keys() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.keys)
}

func (q *Queue) join(key string) (*entry, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	e := q.keys[key]
	if e == nil {
		e = &entry{running: semaphore.NewWeighted(int64(q.options.Running))}
		q.keys[key] = e
	}
	if e.callers >= q.options.Running+q.options.Waiting {
		return nil, ErrBusy
	}
	e.callers++
	return e, nil
}

func (q *Queue) part(key string, e *entry) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if e.callers--; e.callers == 0 {
		delete(q.keys, key)
	}
}
