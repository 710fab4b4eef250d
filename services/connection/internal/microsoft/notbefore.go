package microsoft

import (
	"strings"
	"sync"
	"time"
)

// maxNotBefore bounds how many parties' times are kept.
const maxNotBefore = 4096

// notBefore keeps until when a party takes no requests of an app, for what has no
// lane: the authorities of the identity platform and the Partner Center. Whoever
// comes earlier is refused anew, for longer.
type notBefore struct {
	mu    sync.Mutex
	until map[door]time.Time
}

// door is where requests of an app go.
type door struct{ app, party string }

// doorOf finds an app's door to a party; ids have no case.
func doorOf(app, party string) door { return door{strings.ToLower(app), strings.ToLower(party)} }

// check gives the failure that says when to come again, if now is too early.
func (n *notBefore) check(at door, now time.Time) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	if left := n.until[at].Sub(now); left > 0 {
		return throttled.failure(0, "", left).Err(errOwnLimit)
	}
	return nil
}

// heed notes what a refusal asks for.
func (n *notBefore) heed(at door, status int, pause time.Duration, now time.Time) {
	if !transient(status) || pause <= 0 {
		return
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if len(n.until) >= maxNotBefore {
		for other, until := range n.until {
			if !until.After(now) {
				delete(n.until, other)
			}
		}
	}
	if n.until == nil || len(n.until) >= maxNotBefore {
		n.until = map[door]time.Time{} // rare, and costs some refusals more
	}
	if until := now.Add(pause); until.After(n.until[at]) {
		n.until[at] = until
	}
}
