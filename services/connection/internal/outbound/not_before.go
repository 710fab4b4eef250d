package outbound

import (
	"container/heap"
	"sync"
	"time"
)

// maxNotBefore bounds how many parties' times are kept. Beyond it those that end
// first are forgotten, which costs some refusals more.
const maxNotBefore = 4096

// NotBefore keeps until when parties take no requests: an earlier request is
// refused again, for longer. The zero value is ready for use, by many goroutines.
type NotBefore[Party comparable] struct {
	mu    sync.Mutex
	until map[Party]time.Time
	ends  endings[Party] // of until, and of what was put off since
}

// Left is how long to wait still; zero when the party may be asked.
func (n *NotBefore[Party]) Left(party Party, now time.Time) time.Duration {
	n.mu.Lock()
	defer n.mu.Unlock()
	return max(n.until[party].Sub(now), 0)
}

// Note keeps what a party asked for. The later of two times counts.
func (n *NotBefore[Party]) Note(party Party, until, now time.Time) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for len(n.ends) > 0 && !n.ends[0].at.After(now) {
		n.forget()
	}
	if !until.After(now) || !until.After(n.until[party]) {
		return
	}
	if n.until == nil {
		n.until = map[Party]time.Time{}
	}
	n.until[party] = until
	heap.Push(&n.ends, ending[Party]{party, until})
	if len(n.ends) > maxNotBefore {
		n.forget()
	}
}

// forget removes the time that ends first.
func (n *NotBefore[Party]) forget() {
	first := heap.Pop(&n.ends).(ending[Party])
	if n.until[first.party].Equal(first.at) { // it was not put off
		delete(n.until, first.party)
	}
}

type ending[Party comparable] struct {
	party Party
	at    time.Time
}

// endings are a heap; the first is on top.
type endings[Party comparable] []ending[Party]

func (e endings[Party]) Len() int           { return len(e) }
func (e endings[Party]) Less(i, j int) bool { return e[i].at.Before(e[j].at) }
func (e endings[Party]) Swap(i, j int)      { e[i], e[j] = e[j], e[i] }

// Push is for container/heap.
func (e *endings[Party]) Push(x any) { *e = append(*e, x.(ending[Party])) }

// Pop is for container/heap.
func (e *endings[Party]) Pop() any {
	last := (*e)[len(*e)-1]
	*e = (*e)[:len(*e)-1]
	return last
}
