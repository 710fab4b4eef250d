package server

import (
	"fmt"
	"maps"
	"math"
	"sync"
	"time"
)

// inFlight is how long after a refusal other requests may still arrive that
// were sent before the caller knew of it.
const inFlight = 500 * time.Millisecond

// lowShare is the share of a budget above which requests of low priority are
// refused, so that the others find some of it left. Microsoft says that low
// goes first and that priorities do not change the limits, and gives no number.
const lowShare = 0.9

// throttle enforces the documented limits of Graph's identity services and
// refuses requests that come back before Retry-After is over.
type throttle struct {
	mu      sync.Mutex
	now     func() time.Time
	windows map[string]*window
	blocked map[string]*block
	peaks   map[string]float64
	early   int
	refused int
	off     bool
}

type window struct {
	began time.Time
	spent int
}

// block is the time in which an app was told not to come.
type block struct {
	began, until, latest time.Time
	targets              map[string]bool // what was refused in it
}

// limit is a budget for a period.
type limit struct {
	kind   string // as in the peaks
	holds  hold   // what a refusal blocks
	key    string
	budget int
	period time.Duration
	cost   int
}

func newThrottle(now func() time.Time) *throttle {
	return &throttle{now: now, windows: map[string]*window{}, blocked: map[string]*block{}, peaks: map[string]float64{}}
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

// load is what a request asks of the budgets.
type load struct {
	app, tenant string
	users       int // in the tenant
	cost        int // resource units
	priority    string
	target      string // tenant, method and address, to tell a retry from a newcomer
}

// hold is what a refusal blocks, and how x-ms-throttle-scope says it.
type hold struct{ key, scope string }

// inTenant is the app in one tenant.
func (l load) inTenant() hold {
	return hold{"tenant " + l.app + " " + l.tenant, "Tenant_Application/ReadWrite/" + l.app + "/" + l.tenant}
}

// everywhere is the app in all tenants; the scope names the one that was asked.
func (l load) everywhere() hold {
	return hold{"app " + l.app, "Application/ReadWrite/" + l.app + "/" + l.tenant}
}

// low is the part of low priority, which has blocks of its own, as it is
// refused while the others are not.
func (h hold) low() hold { return hold{h.key + " low", h.scope} }

// holds are all that may block the request.
func (l load) holds() []hold {
	all := []hold{l.inTenant(), l.everywhere()}
	if l.priority == "low" {
		all = append(all, l.inTenant().low(), l.everywhere().low())
	}
	return all
}

// ruling is what the throttle says to a request.
type ruling struct {
	refused    bool
	retryAfter int // seconds
	scope      string
	info       string
	used       float64 // share of the tenant's budget
}

// refuseFor is a refusal for so long.
func refuseFor(wait time.Duration, h hold) ruling {
	return ruling{refused: true, retryAfter: seconds(wait), scope: h.scope, info: "ResourceUnitLimitExceeded"}
}

// spend takes a request's cost from every budget, or refuses it.
func (t *throttle) spend(l load) ruling {
	t.mu.Lock()
	defer t.mu.Unlock()
	now := t.now()
	if out, blocked := t.waiting(l, now); blocked {
		return out
	}
	if t.off {
		return ruling{}
	}
	limits := []limit{
		{"tenant", l.inTenant(), "tenant " + l.app + " " + l.tenant, tenantBudget(l.users), 10 * time.Second, l.cost},
		{"app", l.everywhere(), "app " + l.app, 150_000, 20 * time.Second, l.cost},
		{"requests", l.everywhere(), "requests " + l.app, 2000, time.Second, 1},
	}
	for _, each := range limits {
		w := t.window(each, now)
		shed := l.priority == "low" && float64(w.spent+each.cost) > lowShare*float64(each.budget)
		if !shed && w.spent+each.cost <= each.budget {
			continue
		}
		held := each.holds
		if shed {
			held = held.low()
		}
		out := refuseFor(w.began.Add(each.period).Sub(now), held)
		out.used = each.share(w)
		t.refused++
		t.block(held, l.target, now.Add(time.Duration(out.retryAfter)*time.Second))
		return out
	}
	out := ruling{}
	for _, each := range limits {
		w := t.window(each, now)
		w.spent += each.cost
		t.peaks[each.kind] = max(t.peaks[each.kind], each.share(w))
		if each.kind == "tenant" {
			out.used = each.share(w)
		}
	}
	return out
}

// waiting says whether a request is blocked and for how long; of several
// blocks the longest counts. A request that comes too early adds a second,
// up to half a minute.
func (t *throttle) waiting(l load, now time.Time) (ruling, bool) {
	var longest *block
	var held hold
	for _, h := range l.holds() {
		b, ok := t.blocked[h.key]
		switch {
		case !ok:
		case !now.Before(b.until):
			delete(t.blocked, h.key)
		case longest == nil || b.until.After(longest.until):
			longest, held = b, h
		}
	}
	if longest == nil {
		return ruling{}, false
	}
	t.refused++
	if longest.targets[l.target] || now.Sub(longest.began) > inFlight {
		t.early++
		if later := longest.until.Add(time.Second); !later.After(longest.latest) {
			longest.until = later
		}
	}
	longest.targets[l.target] = true
	return refuseFor(longest.until.Sub(now), held), true
}

// block refuses what is held until a time. It wants the lock to be held.
func (t *throttle) block(h hold, target string, until time.Time) {
	t.blocked[h.key] = &block{began: t.now(), until: until, latest: until.Add(30 * time.Second), targets: map[string]bool{target: true}}
}

// order refuses an app in a tenant until a time, as an ordered storm does; a
// time that has come refuses this one request only.
func (t *throttle) order(l load, until time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.refused++
	if until.After(t.now()) {
		t.block(l.inTenant(), l.target, until)
	}
}

// spendPartner counts a request to the Partner Center, which takes 50 a second
// of an app; else it says after how many seconds to come again.
func (t *throttle) spendPartner(app string) (retryAfter int, ok bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.off {
		return 0, true
	}
	each := limit{key: "partner " + app, period: time.Second, budget: 50}
	w := t.window(each, t.now())
	if w.spent >= each.budget {
		t.refused++
		return 1, false
	}
	w.spent++
	return 0, true
}

func (t *throttle) window(l limit, now time.Time) *window {
	w, ok := t.windows[l.key]
	if !ok || now.Sub(w.began) >= l.period {
		w = &window{began: now}
		t.windows[l.key] = w
	}
	return w
}

// share is how much of the budget a window has spent.
func (l limit) share(w *window) float64 { return float64(w.spent) / float64(l.budget) }

// lift forgets what was spent and refused.
func (t *throttle) lift(off bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	clear(t.windows)
	clear(t.blocked)
	clear(t.peaks)
	t.early, t.refused, t.off = 0, 0, off
}

// forget forgets what was counted; budgets and blocks stay.
func (t *throttle) forget() {
	t.mu.Lock()
	defer t.mu.Unlock()
	clear(t.peaks)
	t.early, t.refused = 0, 0
}

// throttleCounts are what an administrator sees.
type throttleCounts struct {
	refused, early int
	// peaks are the largest shares of the budgets that were ever spent.
	peaks map[string]float64
}

func (t *throttle) counts() throttleCounts {
	t.mu.Lock()
	defer t.mu.Unlock()
	return throttleCounts{refused: t.refused, early: t.early, peaks: maps.Clone(t.peaks)}
}

func seconds(d time.Duration) int { return max(1, int(math.Ceil(d.Seconds()))) }

// percentage is a share as Microsoft writes it: from 0.8 to 1.8.
func percentage(used float64) string { return fmt.Sprintf("%.2f", min(used, 1.8)) }
