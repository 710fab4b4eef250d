package queue

import (
	"cmp"
	"context"
	"slices"
	"sync"
)

// Fair lets in as many callers at once as it has places. Each caller has a key, such as
// its tenant. A place that gets free goes to the waiting key with the fewest running callers;
// among equals to the one that was served longest ago, and among those never served to the one
// that came first. Callers of one key are served in the order in which they came. How many
// callers of one key wait delays no other key. It is safe for concurrent use.
type Fair struct {
	mu    sync.Mutex
	free  int
	turns int // so far
	lines int // so far
	keys  map[string]*line
}

// line is what is known of a key while it has callers.
type line struct {
	came     int // in which order the keys did
	running  int
	lastTurn int             // 0: none yet
	waiting  []chan struct{} // closed when it is the caller's turn
}

// NewFair makes one with so many places, one at least.
func NewFair(places int) *Fair { return &Fair{free: max(places, 1), keys: map[string]*line{}} }

// Enter waits for the caller's turn; leave must be called when its work has ended. It
// fails with ctx's error alone.
func (f *Fair) Enter(ctx context.Context, key string) (leave func(), err error) {
	turn := make(chan struct{})
	f.mu.Lock()
	l := f.keys[key]
	if l == nil {
		f.lines++
		l = &line{came: f.lines}
		f.keys[key] = l
	}
	l.waiting = append(l.waiting, turn)
	f.next()
	f.mu.Unlock()
	select {
	case <-turn:
		return sync.OnceFunc(func() { f.leave(key, l) }), nil
	case <-ctx.Done():
	}
	f.mu.Lock()
	i := slices.Index(l.waiting, turn)
	if i >= 0 {
		l.waiting = slices.Delete(l.waiting, i, i+1)
		f.forget(key, l)
	}
	f.mu.Unlock()
	if i < 0 { // its turn came at the same moment
		f.leave(key, l)
	}
	return nil, ctx.Err()
}

func (f *Fair) leave(key string, l *line) {
	f.mu.Lock()
	defer f.mu.Unlock()
	l.running--
	f.free++
	f.next()
	f.forget(key, l)
}

// next hands out the free places; the lock is held.
func (f *Fair) next() {
	for f.free > 0 {
		var best *line
		for _, l := range f.keys {
			if len(l.waiting) > 0 && (best == nil || l.before(best)) {
				best = l
			}
		}
		if best == nil {
			return
		}
		f.free--
		f.turns++
		best.running, best.lastTurn = best.running+1, f.turns
		close(best.waiting[0])
		best.waiting = best.waiting[1:]
	}
}

// before says whose caller comes first of two keys that have some.
func (l *line) before(other *line) bool {
	return cmp.Or(
		cmp.Compare(l.running, other.running), cmp.Compare(l.lastTurn, other.lastTurn), cmp.Compare(l.came, other.came),
	) < 0
}

// forget drops a key without callers; the lock is held.
func (f *Fair) forget(key string, l *line) {
	if l.running == 0 && len(l.waiting) == 0 {
		delete(f.keys, key)
	}
}
