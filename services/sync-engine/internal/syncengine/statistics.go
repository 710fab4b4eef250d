package syncengine

import (
	"context"
	"time"
)

// DayStatistics is what the syncs that were made on one day came to, dry runs and
// discoveries left out.
type DayStatistics struct {
	Day                                         string // 2006-01-02, in UTC
	Completed, Partial, Failed, Cancelled, Held int    // runs
	Seconds, LongestSeconds                     int    // of all runs together, and of the longest
	Tenants, FailedTenants, HeldTenants         int    // results of managed tenants
	Counters                                    Counters
	Failures                                    map[string]int // managed tenants that failed, by code
}

// Runs is how many runs ended.
func (d *DayStatistics) Runs() int { return d.Completed + d.Partial + d.Failed + d.Cancelled + d.Held }

// StatisticsReader reads statistics.
type StatisticsReader interface {
	// Statistics lists the days from one on that have runs, in order.
	Statistics(ctx context.Context, since string) ([]DayStatistics, error)
}

// ReadStatistics shows what syncs came to over time.
type ReadStatistics struct {
	store StatisticsReader
	now   func() time.Time
}

// NewReadStatistics wires the use case.
func NewReadStatistics(store StatisticsReader, now func() time.Time) *ReadStatistics {
	return &ReadStatistics{store: store, now: now}
}

// Do returns so many days up to today, in order, also those without a run.
func (r *ReadStatistics) Do(ctx context.Context, days int) ([]DayStatistics, error) {
	today := r.now().UTC()
	first := today.AddDate(0, 0, 1-days)
	found, err := r.store.Statistics(ctx, first.Format(time.DateOnly))
	if err != nil {
		return nil, err
	}
	byDay := make(map[string]DayStatistics, len(found))
	for _, day := range found {
		byDay[day.Day] = day
	}
	all := make([]DayStatistics, days)
	for i := range all {
		day := first.AddDate(0, 0, i).Format(time.DateOnly)
		all[i] = byDay[day]
		all[i].Day = day
	}
	return all, nil
}
