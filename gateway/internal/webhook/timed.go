package webhook

import (
	"context"
	"slices"
	"strings"
	"time"
)

// pages reads events that are found by their time, a page after the other.
type pages struct {
	read  func(ctx context.Context, since time.Time, after string, n int) ([]Event, error)
	since time.Time // where the next page begins
	after string
	got   []Event // that were not taken yet
	last  bool    // no page follows
}

// fill reads the next page where there is one and nothing is left.
func (p *pages) fill(ctx context.Context) error {
	if len(p.got) > 0 || p.last {
		return nil
	}
	got, err := p.read(ctx, p.since, p.after, pageSize)
	if err != nil {
		return err
	}
	p.got, p.last = got, len(got) < pageSize
	if !p.last {
		p.since, p.after = got[len(got)-1].At, got[len(got)-1].ID
	}
	return nil
}

// take takes those up to a time.
func (p *pages) take(until time.Time) []Event {
	n := slices.IndexFunc(p.got, func(e Event) bool { return e.At.After(until) })
	if n < 0 {
		n = len(p.got)
	}
	taken := p.got[:n]
	p.got = p.got[n:]
	return taken
}

// byTime reads events from several places, in the order of their times.
type byTime []*pages

// next are the ones that come next; none when there are no more.
func (b byTime) next(ctx context.Context) ([]Event, error) {
	var until time.Time // where nothing more is to come before it
	for _, p := range b {
		if err := p.fill(ctx); err != nil {
			return nil, err
		}
		if !p.last && (until.IsZero() || p.since.Before(until)) {
			until = p.since
		}
	}
	var events []Event
	for _, p := range b {
		if until.IsZero() {
			events, p.got = append(events, p.got...), nil
		} else {
			events = append(events, p.take(until)...)
		}
	}
	slices.SortStableFunc(events, func(a, b Event) int { return a.At.Compare(b.At) })
	return events, nil
}

// deliverTimed delivers the events of runs that ended, and notices. They become visible in another order
// than they happen, so that each look goes back a little; what was delivered is not sent
// again. It is done where all could be delivered.
func (d *Deliverer) deliverTimed(ctx context.Context, e *Endpoint) (done bool, err error) {
	began := d.now()
	if !slices.ContainsFunc(e.Events, timed) {
		e.RunsUntil = began
		return true, nil
	}
	since := e.RunsUntil.Add(-lateRuns)
	if since.Before(e.CreatedAt) && !e.RunsUntil.Before(e.CreatedAt) {
		since = e.CreatedAt // what happened before it was made is no news to it
	}
	from := byTime{{read: d.store.Notices, since: since}}
	if slices.ContainsFunc(e.Events, func(t string) bool { return strings.HasPrefix(t, runPrefix) }) {
		from = append(from, &pages{read: d.source.EndedRuns, since: since})
	}
	for ctx.Err() == nil {
		events, err := from.next(ctx)
		if err != nil {
			return false, unlessOver(ctx, err)
		}
		if len(events) == 0 {
			// All that ended so long ago was seen, so that the next looks need not find it again.
			if seen := began.Add(-lateRuns); seen.After(e.RunsUntil) {
				e.RunsUntil = seen
			}
			return true, nil
		}
		done, err := d.sendNew(ctx, e, events, func(event Event) {
			if slices.Contains(e.Events, event.Type) && event.At.After(e.RunsUntil) {
				e.RunsUntil = event.At
			}
		})
		if err != nil || !done {
			return false, err
		}
	}
	return false, nil
}
