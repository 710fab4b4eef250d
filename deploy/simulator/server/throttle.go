package server

import (
	"fmt"
	"math"
	"sync"
	"time"
)

// throttle enforces the documented limits of Graph's identity services and
// refuses whoever comes back before it was told to.
type throttle struct {
	mu      sync.Mutex
	now     func() time.Time
	windows map[string]*window
	blocked map[string]time.Time
	early   int
	refused int
	off     bool
}

type window struct {
	began time.Time
	spent int
}

// limit is a budget for a period.
type limit struct {
	name   string // as in x-ms-throttle-scope
	key    string
	budget int
	period time.Duration
	cost   int
}

func newThrottle(now func() time.Time) *throttle {
	return &throttle{now: now, windows: map[string]*window{}, blocked: map[string]time.Time{}}
}

// tenantBudget is the resource units per 10 s of an app in a tenant.
func tenantBudget(users int) int {
	switch {
	case users < 50:
		return 3500
	case users <= 500:
		return 5000
	}
	return 8000
}

// ruling is what the throttle says to a request.
type ruling struct {
	refused    bool
	retryAfter int // seconds
	scope      string
	info       string
	used       float64 // share of the tenant's budget
}

// spend takes a request's cost from every budget, or refuses it.
func (t *throttle) spend(app, tenant string, users, cost int) ruling {
	t.mu.Lock()
	defer t.mu.Unlock()
	now := t.now()
	key := app + " " + tenant
	if until, ok := t.blocked[key]; ok {
		if now.Before(until) {
			t.early++
			t.refused++
			return ruling{refused: true, retryAfter: seconds(until.Sub(now)), scope: "Tenant_Application/ReadWrite/" + app + "/" + tenant, info: "EarlyRetry"}
		}
		delete(t.blocked, key)
	}
	if t.off {
		return ruling{}
	}
	limits := []limit{
		{"Tenant_Application/ReadWrite/" + app + "/" + tenant, "tenant " + key, tenantBudget(users), 10 * time.Second, cost},
		{"Application/ReadWrite/" + app, "app " + app, 150_000, 20 * time.Second, cost},
		{"Application/Requests/" + app, "requests " + app, 2000, time.Second, 1},
	}
	for _, l := range limits {
		if w := t.window(l, now); w.spent+l.cost > l.budget {
			wait := w.began.Add(l.period).Sub(now)
			t.blocked[key] = now.Add(time.Duration(seconds(wait)) * time.Second)
			t.refused++
			return ruling{refused: true, retryAfter: seconds(wait), scope: l.name, info: "ResourceUnitLimitExceeded"}
		}
	}
	out := ruling{}
	for i, l := range limits {
		w := t.window(l, now)
		w.spent += l.cost
		if i == 0 {
			out.used = float64(w.spent) / float64(l.budget)
		}
	}
	return out
}

func (t *throttle) window(l limit, now time.Time) *window {
	w, ok := t.windows[l.key]
	if !ok || now.Sub(w.began) >= l.period {
		w = &window{began: now}
		t.windows[l.key] = w
	}
	return w
}

// block refuses an app in a tenant for some seconds, as an ordered storm does.
func (t *throttle) block(app, tenant string, secs int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.refused++
	if secs > 0 {
		t.blocked[app+" "+tenant] = t.now().Add(time.Duration(secs) * time.Second)
	}
}

// lift forgets what was spent and refused.
func (t *throttle) lift(off bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	clear(t.windows)
	clear(t.blocked)
	t.early, t.refused, t.off = 0, 0, off
}

func (t *throttle) counts() (refused, early int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.refused, t.early
}

func seconds(d time.Duration) int { return max(1, int(math.Ceil(d.Seconds()))) }

func percentage(used float64) string { return fmt.Sprintf("%.2f", used) }
