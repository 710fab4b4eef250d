package mapping

import "sync"

// Bell wakes everybody who waits for effects to come or go. The zero value is
// ready to use. A ring may be lost with the database's connection: whoever waits
// also looks now and then.
type Bell struct {
	mu    sync.Mutex
	heard chan struct{}
}

// Ring wakes all who wait.
func (b *Bell) Ring() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.heard != nil {
		close(b.heard)
		b.heard = nil
	}
}

// Next is closed at the next ring. Ask for it before looking at what may have
// changed already.
func (b *Bell) Next() <-chan struct{} {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.heard == nil {
		b.heard = make(chan struct{})
	}
	return b.heard
}
