package microsoft

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/entrasync/entrasync/services/connection/internal/connection"
	"github.com/entrasync/entrasync/services/connection/internal/outbound"
)

// The documented limits of Graph's identity services
// (https://learn.microsoft.com/graph/throttling-limits).
const (
	unitsOfSmall  = 3500 // resource units of an app in a directory of less than 50 users, also of unknown size
	unitsOfMedium = 5000 // up to 500 users
	unitsOfLarge  = 8000
	unitsSpan     = 10 * time.Second

	unitsOfApp = 150_000
	appSpan    = 20 * time.Second

	requestsOfApp = 2000 // over all directories
	requestsSpan  = time.Second

	// nearLimit is the share of the budget from which Graph tells it, and from
	// which requests are spread evenly.
	nearLimit = 0.8
	// singleFor is how long after a refusal there is one request at a time.
	singleFor = 30 * time.Second

	maxLanes = 4096 // beyond it those that are idle are forgotten
	idleLane = 10 * time.Minute
	// looks is how many lanes, by chance, are looked at for each new one.
	looks = 8
)

// The documented costs in resource units.
const (
	costDefault = 1
	costUsers   = 2
	costMembers = 5
	// costContracts is that of /contracts.
	costContracts = 3
)

// costOf is the documented price of a request: what its kind costs, one less when
// it selects, one less when it asks for less than 20 rows, and at least one.
func costOf(kind int, selects bool, top int) int {
	if selects {
		kind--
	}
	if top > 0 && top < 20 {
		kind--
	}
	return max(kind, 1)
}

// budgets keep this process below the limits, for all that runs in it at once.
type budgets struct {
	now  func() time.Time
	wait func(ctx context.Context, d time.Duration) error

	mu    sync.Mutex // of all that follows, and of what hangs on it
	apps  map[string]*appBudget
	lanes map[connection.Origin]*lane
}

// appBudget is what one app may spend over all directories.
type appBudget struct {
	units, requests window
	blocked         time.Time // Microsoft refuses the app until then
	lanes           int
}

// lane is the way of one app into one directory. Who waits is served in order.
type lane struct {
	of   *budgets
	app  *appBudget
	turn chan struct{}

	units   window
	blocked time.Time // Microsoft refuses us until then
	single  time.Time // one request at a time until then
	paced   time.Time // requests are spread evenly until then
	next    time.Time // while paced: not before
	used    time.Time

	breaker *breaker
}

func newBudgets(now func() time.Time, wait func(context.Context, time.Duration) error) *budgets {
	return &budgets{now: now, wait: wait, apps: map[string]*appBudget{}, lanes: map[connection.Origin]*lane{}}
}

func newApp() *appBudget {
	return &appBudget{units: newWindow(unitsOfApp, appSpan), requests: newWindow(requestsOfApp, requestsSpan)}
}

// lane finds the lane of an origin; ids have no case.
func (b *budgets) lane(origin connection.Origin) *lane {
	origin.App, origin.Directory = strings.ToLower(origin.App), strings.ToLower(origin.Directory)
	b.mu.Lock()
	defer b.mu.Unlock()
	now := b.now()
	if l, ok := b.lanes[origin]; ok {
		l.used = now
		return l
	}
	b.forget(now)
	app, ok := b.apps[origin.App]
	if !ok {
		app = newApp()
		b.apps[origin.App] = app
	}
	app.lanes++
	l := &lane{of: b, app: app, turn: make(chan struct{}, 1), units: newWindow(unitsOfSmall, unitsSpan), used: now, breaker: newBreaker()}
	b.lanes[origin] = l
	return l
}

// forget lets go of idle lanes where there are many, and of an app with its last
// one. It looks at a few, wherever the map begins this time: the lock is
// everybody's, and more idle ones are found the more there are.
func (b *budgets) forget(now time.Time) {
	looked := 0
	for origin, l := range b.lanes {
		if looked++; looked > looks || len(b.lanes) < maxLanes {
			return
		}
		if now.Sub(l.used) <= idleLane || now.Before(l.blocked) || now.Before(l.app.blocked) {
			continue
		}
		delete(b.lanes, origin)
		if l.app.lanes--; l.app.lanes == 0 {
			delete(b.apps, origin.App)
		}
	}
}

// enter waits for its turn and for room in every budget, and takes from them. It
// gives how long it waited for both, and what must be called once there is an
// answer: after a refusal there is one request at a time, because those that were
// on their way beside a refused one would be early. When the wait would be longer
// than patience or the caller's deadline, the error says when to come again.
func (l *lane) enter(ctx context.Context, cost, requests int, patience time.Duration) (held time.Duration, leave func(), err error) {
	if held, err = l.queue(ctx, patience); err != nil {
		return held, nil, err
	}
	leave = func() { <-l.turn }
	for {
		pause, alone := l.take(cost, requests)
		switch {
		case pause == 0 && alone:
			return held, leave, nil
		case pause == 0:
			leave()
			return held, func() {}, nil
		case held+pause > patience || !outbound.Fits(ctx, pause):
			leave()
			return held, nil, throttled.failure(0, "", pause).Err(errOwnLimit)
		}
		if err := l.of.wait(ctx, pause); err != nil {
			leave()
			return held, nil, err
		}
		held += pause
	}
}

// queue waits for the turn, and gives for how long. Who is in more of a hurry than
// Microsoft lets us be is told at once.
func (l *lane) queue(ctx context.Context, patience time.Duration) (held time.Duration, err error) {
	select {
	case l.turn <- struct{}{}:
		return 0, nil
	default:
	}
	if pause := l.refused(); pause > patience || !outbound.Fits(ctx, pause) {
		return 0, throttled.failure(0, "", pause).Err(errOwnLimit)
	}
	began := l.of.now()
	waiting, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	select {
	case l.turn <- struct{}{}:
		return max(l.of.now().Sub(began), 0), nil
	case <-waiting.Done():
	}
	if errors.Is(ctx.Err(), context.Canceled) {
		return 0, ctx.Err()
	}
	return patience, throttled.failure(0, "", max(l.refused(), outbound.FirstBackoff)).Err(errOwnLimit)
}

// refused is for how long Microsoft refuses us still.
func (l *lane) refused() time.Duration {
	l.of.mu.Lock()
	defer l.of.mu.Unlock()
	now := l.of.now()
	return max(l.blocked.Sub(now), l.app.blocked.Sub(now), 0)
}

// take takes from every budget, or says how long to wait. alone: nobody else may
// ask before there is an answer.
func (l *lane) take(cost, requests int) (pause time.Duration, alone bool) {
	l.of.mu.Lock()
	defer l.of.mu.Unlock()
	now := l.of.now()
	pause = max(
		l.blocked.Sub(now), l.app.blocked.Sub(now),
		l.units.room(now, cost), l.app.units.room(now, cost), l.app.requests.room(now, requests),
	)
	if now.Before(l.paced) {
		pause = max(pause, l.next.Sub(now))
	}
	if pause > 0 {
		return pause, false
	}
	l.used = now
	l.units.spend(now, cost)
	l.app.units.spend(now, cost)
	l.app.requests.spend(now, requests)
	l.next = now.Add(l.units.length * time.Duration(cost) / time.Duration(l.units.limit))
	return 0, now.Before(l.single)
}

// learn corrects the books by what an answer says: what it cost in fact, and the
// share of the budget that is spent, by whomever.
func (l *lane) learn(header http.Header, cost int) {
	units, err := strconv.Atoi(header.Get("x-ms-resource-unit"))
	priced := err == nil && units >= 0 && units <= unitsOfSmall
	share, err := strconv.ParseFloat(header.Get("x-ms-throttle-limit-percentage"), 64)
	near := err == nil && share > nearLimit && share < 100
	if (!priced || units == cost) && !near {
		return
	}
	l.of.mu.Lock()
	defer l.of.mu.Unlock()
	now := l.of.now()
	if priced {
		l.units.spend(now, units-cost)
		l.app.units.spend(now, units-cost)
	}
	if near {
		l.units.pass(now)
		if told := int(min(share, 1) * float64(l.units.limit)); told > l.units.spent {
			l.units.spend(now, told-l.units.spent)
		}
		l.paced = now.Add(unitsSpan)
	}
}

// heed does what a refusal asks for. One for the rate asks for a pause also where it
// does not say for how long.
func (l *lane) heed(f graphFailure) {
	pause := f.RetryAfter
	if f.Status == http.StatusTooManyRequests {
		pause = cmp.Or(pause, outbound.FirstBackoff)
	}
	if transient(f.Status) && pause > 0 {
		l.block(pause, f.Scope)
	}
}

// block holds everybody back until Microsoft takes requests again: whoever comes
// earlier is refused anew. The scope says whether the whole app is meant.
func (l *lane) block(pause time.Duration, scope string) {
	l.of.mu.Lock()
	defer l.of.mu.Unlock()
	until := l.of.now().Add(pause)
	into := &l.blocked
	if strings.HasPrefix(scope, "Application/") {
		into = &l.app.blocked
	}
	if until.After(*into) {
		*into = until
	}
	l.single = into.Add(singleFor)
}

// size notes how many users the directory has, on which its limit depends.
func (l *lane) size(users int) {
	limit := unitsOfLarge
	switch {
	case users < 50:
		limit = unitsOfSmall
	case users <= 500:
		limit = unitsOfMedium
	}
	l.of.mu.Lock()
	defer l.of.mu.Unlock()
	l.units.limit = limit
}

// laneOf finds the lane that a source's tokens are good for. All that do not say for
// what share one.
func (c *Client) laneOf(ctx context.Context, tokens connection.TokenSource) (*lane, error) {
	var origin connection.Origin
	if source, ok := tokens.(connection.OriginSource); ok {
		var err error
		if origin, err = source.Origin(ctx); err != nil {
			return nil, err
		}
	}
	return c.budgets.lane(origin), nil
}
