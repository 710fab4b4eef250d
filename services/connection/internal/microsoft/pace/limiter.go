// Package pace keeps requests to Microsoft below its documented limits, within the
// pauses that it asks for, and off parties that do not answer.
package pace

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/entrasync/entrasync/services/connection/internal/outbound"
)

// The documented limits of Graph's identity services
// (https://learn.microsoft.com/graph/throttling-limits).
const (
	UnitsOfSmall  = 3500 // resource units of an app in a directory of less than 50 users, also of unknown size
	UnitsOfMedium = 5000 // up to 500 users
	UnitsOfLarge  = 8000
	UnitsSpan     = 10 * time.Second

	UnitsOfApp = 150_000
	AppSpan    = 20 * time.Second

	RequestsOfApp = 2000 // over all directories
	RequestsSpan  = time.Second

	// nearLimit is the share of the budget from which Graph reports it, and from
	// which requests are spread evenly.
	nearLimit = 0.8
	// singleFor is how long after a refusal there is one request at a time.
	singleFor = 30 * time.Second

	maxQuotas = 4096 // beyond it those that are idle are forgotten
	idleQuota = 10 * time.Minute
	// looks is how many quotas, by chance, are looked at for each new one.
	looks = 8
)

// Origin is for which app and which directory a quota holds. Ids have no case.
type Origin struct {
	App       string // client id; empty: not known
	Directory string
}

// Failure is an answer that is not a success, as far as it asks for a pause.
type Failure struct {
	Status     int
	RetryAfter time.Duration // zero where it does not say
	Scope      string        // of a 429: what is limited
}

// Transient reports whether the same request may succeed a little later.
func (f Failure) Transient() bool { return Transient(f.Status) }

// Transient reports whether a request with that answer may succeed a little later.
func Transient(status int) bool {
	return status == http.StatusTooManyRequests || status == http.StatusServiceUnavailable || status == http.StatusGatewayTimeout
}

// ErrWait says that a request is held back, and when to come again.
type ErrWait struct{ After time.Duration }

// Error is for logs.
func (ErrWait) Error() string { return "held back below Microsoft's limits" }

// Limiter keeps this process below the limits, for all that runs in it at once.
type Limiter struct {
	now  func() time.Time
	wait func(ctx context.Context, d time.Duration) error

	mu     sync.Mutex // of all that follows, and of what it points to
	apps   map[string]*appBudget
	quotas map[Origin]*Quota
}

// appBudget is what one app may spend over all directories.
type appBudget struct {
	units, requests window
	blocked         time.Time // Microsoft refuses the app until then
	quotas          int
}

// Quota is what one app may ask of one directory. Callers wait in order.
type Quota struct {
	of   *Limiter
	app  *appBudget
	slot chan struct{} // taken while a caller waits for room, or asks alone

	units   window
	blocked time.Time // Microsoft refuses us until then
	single  time.Time // one request at a time until then
	paced   time.Time // requests are spread evenly until then
	next    time.Time // while paced: not before
	used    time.Time

	breaker *Breaker
}

// Breaker is that of the directory's part of Graph.
func (q *Quota) Breaker() *Breaker { return q.breaker }

// NewLimiter makes a limiter with a clock and a way to wait.
func NewLimiter(now func() time.Time, wait func(context.Context, time.Duration) error) *Limiter {
	return &Limiter{now: now, wait: wait, apps: map[string]*appBudget{}, quotas: map[Origin]*Quota{}}
}

func newApp() *appBudget {
	return &appBudget{units: newWindow(UnitsOfApp, AppSpan), requests: newWindow(RequestsOfApp, RequestsSpan)}
}

// Quota finds the quota of an origin.
func (l *Limiter) Quota(origin Origin) *Quota {
	origin.App, origin.Directory = strings.ToLower(origin.App), strings.ToLower(origin.Directory)
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.now()
	if q, ok := l.quotas[origin]; ok {
		q.used = now
		return q
	}
	l.forget(now)
	app, ok := l.apps[origin.App]
	if !ok {
		app = newApp()
		l.apps[origin.App] = app
	}
	app.quotas++
	q := &Quota{of: l, app: app, slot: make(chan struct{}, 1), units: newWindow(UnitsOfSmall, UnitsSpan), used: now, breaker: NewBreaker()}
	l.quotas[origin] = q
	return q
}

// forget removes idle quotas where there are many, and of an app with its last
// one. It looks at a few, wherever the map begins this time: all calls
// share the lock, and more idle ones are found the more there are.
func (l *Limiter) forget(now time.Time) {
	looked := 0
	for origin, q := range l.quotas {
		if looked++; looked > looks || len(l.quotas) < maxQuotas {
			return
		}
		if now.Sub(q.used) <= idleQuota || now.Before(q.blocked) || now.Before(q.app.blocked) {
			continue
		}
		delete(l.quotas, origin)
		if q.app.quotas--; q.app.quotas == 0 {
			delete(l.apps, origin.App)
		}
	}
}

// Enter waits for its slot and for room in every budget, and takes from them. It
// gives how long it waited for both, and what must be called once there is an
// answer: after a refusal there is one request at a time, because those that were
// on their way beside a refused one would be early. When the wait would be longer
// than most or the caller's deadline, the error is an ErrWait.
func (q *Quota) Enter(ctx context.Context, cost, requests int, most time.Duration) (held time.Duration, leave func(), err error) {
	if held, err = q.queue(ctx, most); err != nil {
		return held, nil, err
	}
	leave = func() { <-q.slot }
	for {
		pause, alone := q.take(cost, requests)
		switch {
		case pause == 0 && alone:
			return held, leave, nil
		case pause == 0:
			leave()
			return held, func() {}, nil
		case held+pause > most || !outbound.Fits(ctx, pause):
			leave()
			return held, nil, ErrWait{pause}
		}
		if err := q.of.wait(ctx, pause); err != nil {
			leave()
			return held, nil, err
		}
		held += pause
	}
}

// queue waits for the slot, and returns for how long. Callers in more of a hurry than
// Microsoft allows are refused at once.
func (q *Quota) queue(ctx context.Context, most time.Duration) (held time.Duration, err error) {
	select {
	case q.slot <- struct{}{}:
		return 0, nil
	default:
	}
	if pause := q.Blocked(); pause > most || !outbound.Fits(ctx, pause) {
		return 0, ErrWait{pause}
	}
	began := q.of.now()
	waiting, cancel := context.WithTimeout(ctx, most)
	defer cancel()
	select {
	case q.slot <- struct{}{}:
		return max(q.of.now().Sub(began), 0), nil
	case <-waiting.Done():
	}
	if errors.Is(ctx.Err(), context.Canceled) {
		return 0, ctx.Err()
	}
	return most, ErrWait{max(q.Blocked(), outbound.FirstBackoff)}
}

// Blocked is for how long Microsoft refuses us still.
func (q *Quota) Blocked() time.Duration {
	q.of.mu.Lock()
	defer q.of.mu.Unlock()
	now := q.of.now()
	return max(q.blocked.Sub(now), q.app.blocked.Sub(now), 0)
}

// take spends from every budget, or says how long to wait. alone: no other caller may
// ask before there is an answer.
func (q *Quota) take(cost, requests int) (pause time.Duration, alone bool) {
	q.of.mu.Lock()
	defer q.of.mu.Unlock()
	now := q.of.now()
	pause = max(
		q.blocked.Sub(now), q.app.blocked.Sub(now),
		q.units.room(now, cost), q.app.units.room(now, cost), q.app.requests.room(now, requests),
	)
	if now.Before(q.paced) {
		pause = max(pause, q.next.Sub(now))
	}
	if pause > 0 {
		return pause, false
	}
	q.used = now
	q.units.spend(now, cost)
	q.app.units.spend(now, cost)
	q.app.requests.spend(now, requests)
	q.next = now.Add(q.units.length * time.Duration(cost) / time.Duration(q.units.limit))
	return 0, now.Before(q.single)
}

// SettleCost corrects what was counted by what an answer says: what it cost in fact, and the
// share of the budget that is spent, by whomever.
func (q *Quota) SettleCost(header http.Header, cost int) {
	units, err := strconv.Atoi(header.Get("x-ms-resource-unit"))
	priced := err == nil && units >= 0 && units <= UnitsOfSmall
	share, err := strconv.ParseFloat(header.Get("x-ms-throttle-limit-percentage"), 64)
	near := err == nil && share > nearLimit && share < 100
	if (!priced || units == cost) && !near {
		return
	}
	q.of.mu.Lock()
	defer q.of.mu.Unlock()
	now := q.of.now()
	if priced {
		q.units.spend(now, units-cost)
		q.app.units.spend(now, units-cost)
	}
	if near {
		q.units.pass(now)
		if told := int(min(share, 1) * float64(q.units.limit)); told > q.units.spent {
			q.units.spend(now, told-q.units.spent)
		}
		q.paced = now.Add(UnitsSpan)
	}
}

// BackOff does what a refusal asks for. One for the rate asks for a pause also where it
// does not say for how long.
func (q *Quota) BackOff(f Failure) {
	pause := f.RetryAfter
	if f.Status == http.StatusTooManyRequests {
		pause = cmp.Or(pause, outbound.FirstBackoff)
	}
	if f.Transient() && pause > 0 {
		q.block(pause, f.Scope)
	}
}

// block holds all callers back until Microsoft takes requests again: a request that
// comes earlier is refused anew. The scope says whether the whole app is meant.
func (q *Quota) block(pause time.Duration, scope string) {
	q.of.mu.Lock()
	defer q.of.mu.Unlock()
	until := q.of.now().Add(pause)
	into := &q.blocked
	if strings.HasPrefix(scope, "Application/") {
		into = &q.app.blocked
	}
	if until.After(*into) {
		*into = until
	}
	q.single = into.Add(singleFor)
}

// Size notes how many users the directory has, on which its limit depends.
func (q *Quota) Size(users int) {
	limit := UnitsOfLarge
	switch {
	case users < 50:
		limit = UnitsOfSmall
	case users <= 500:
		limit = UnitsOfMedium
	}
	q.of.mu.Lock()
	defer q.of.mu.Unlock()
	q.units.limit = limit
}
