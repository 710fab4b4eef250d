package queue

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"sync"
	"time"
)

// Fair lets in as many callers at once as it has places. Each caller has a key, such as
// its tenant. A place that gets free goes to the waiting key with the fewest running callers;
// among equals to the one that was served longest ago, and among those never served to the one
// that came first. Callers of one key are served in the order in which they came. How many
// callers of one key wait delays no other key.
//
// While another key is active, a key runs no more callers at once than its share, even if
// places stay free: what a caller needs beside its place, such as a processor, is left to the
// others, of which each waits for it several times. A key is active from when it has a caller
// until activeFor after its last one left. It is safe for concurrent use.
type Fair struct {
	share int

	mu    sync.Mutex
	free  int
	turns int // so far
	lines int // so far
	keys  map[string]*line
}

// activeFor is how long a key without callers counts as active: between two callers of a run
// that goes on there is less.
const activeFor = 5 * time.Second

// line is what is known of an active key.
type line struct {
	came     int // in which order the keys did
	running  int
	lastTurn int             // 0: none yet
	waiting  []chan struct{} // closed when it is the caller's turn
	left     time.Time       // when it was last without callers
}

// NewFair makes one with so many places, one at least, and so large a share, one at least.
func NewFair(places, share int) *Fair {
	return &Fair{share: max(share, 1), free: max(places, 1), keys: map[string]*line{}}
}

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
		return sync.OnceFunc(func() { f.leave(l) }), nil
	case <-ctx.Done():
	}
	f.mu.Lock()
	i := slices.Index(l.waiting, turn)
	if i >= 0 {
		l.waiting = slices.Delete(l.waiting, i, i+1)
		l.left = time.Now()
	}
	f.mu.Unlock()
	if i < 0 { // its turn came at the same moment
		f.leave(l)
	}
	return nil, ctx.Err()
}

// TryEnter takes one more place for a caller of the key that has one and can do without, where the key's share
// allows it and another place stays free for whoever comes next. leave is as of Enter.
func (f *Fair) TryEnter(key string) (leave func(), ok bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	l := f.keys[key]
	if l == nil || f.free < 2 || len(f.keys) > 1 && l.running >= f.share {
		return nil, false
	}
	f.free--
	l.running++
	return sync.OnceFunc(func() { f.leave(l) }), true
}

func (f *Fair) leave(l *line) {
	f.mu.Lock()
	defer f.mu.Unlock()
	l.running--
	l.left = time.Now()
	f.free++
	f.next()
}

// next hands out the free places; the lock is held. A key that its share keeps waiting has
// callers that run: when one leaves, it is looked at again.
func (f *Fair) next() {
	now := time.Now()
	maps.DeleteFunc(f.keys, func(_ string, l *line) bool { return l.idle() && now.Sub(l.left) >= activeFor })
	for f.free > 0 {
		var best *line
		for _, l := range f.keys {
			if len(l.waiting) == 0 || len(f.keys) > 1 && l.running >= f.share {
				continue
			}
			if best == nil || l.before(best) {
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

func (l *line) idle() bool { return l.running == 0 && len(l.waiting) == 0 }

// before says whose caller comes first of two keys that have some.
func (l *line) before(other *line) bool {
	return cmp.Or(
		cmp.Compare(l.running, other.running), cmp.Compare(l.lastTurn, other.lastTurn), cmp.Compare(l.came, other.came),
	) < 0
}
