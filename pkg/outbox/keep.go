package outbox

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/prometheus/client_golang/prometheus"
)

// Conns is how many connections effects and what Keep does take beside those for requests (pg.Options); listening
// takes one more.
const Conns = 2

const (
	// listenAgain is the pause after the connection that listens was lost.
	listenAgain  = 2 * time.Second
	measureEvery = 15 * time.Second
	sweepEvery   = time.Hour
	// alarmEvery is how often the log repeats that effects are set aside.
	alarmEvery = time.Hour
)

// Process does something at once and then at each interval; a service.Service.
type Process interface {
	Every(name string, interval time.Duration, do func(context.Context) error)
}

// Keep adds to a process what its outbox needs beside calls: it listens, measures and
// sweeps. The metrics go to the registry.
func (b *Box) Keep(process Process, registry prometheus.Registerer) {
	registry.MustRegister(b.gauge.waiting, b.gauge.oldest, b.gauge.dead)
	process.Every("effects listener", listenAgain, b.Listen)
	process.Every("effects measure", measureEvery, b.Measure)
	process.Every("effects sweeper", sweepEvery, b.Sweep)
}

// gauges are the metrics of an outbox. Every replica of a service shows those of the
// whole outbox.
type gauges struct {
	waiting, oldest, dead prometheus.Gauge
	alarm                 *alarm
}

func newGauges() gauges {
	gauge := func(name, help string) prometheus.Gauge {
		return prometheus.NewGauge(prometheus.GaugeOpts{Name: name, Help: help})
	}
	return gauges{
		waiting: gauge("outbox_waiting", "Effects that have not ended, of all tenants; those set aside are not among them."),
		oldest:  gauge("outbox_oldest_seconds", "How long the effect that waits longest has been due, in seconds; 0 where none waits."),
		dead:    gauge("outbox_dead", "Effects that are set aside until an operator retries them."),
		alarm:   &alarm{},
	}
}

// Measure brings the metrics up to date, and logs an error when effects are set aside:
// at once when there are more than before, and again each hour.
func (b *Box) Measure(ctx context.Context) error {
	var waiting, dead int64
	var late float64
	err := b.across(ctx, "measure", pgx.NamedArgs{}, func(row pgx.CollectableRow) error { return row.Scan(&waiting, &late, &dead) })
	if err != nil {
		return err
	}
	b.gauge.waiting.Set(float64(waiting))
	b.gauge.oldest.Set(late)
	b.gauge.dead.Set(float64(dead))
	if b.gauge.alarm.raise(dead, b.opts.Now()) {
		slog.ErrorContext(ctx, "effects are set aside: an operator must retry them", "outbox", b.pool.Context(), "number", dead)
	}
	return nil
}

// alarm says when dead effects are logged.
type alarm struct {
	mu   sync.Mutex
	told int64 // how many were logged last
	at   time.Time
}

func (a *alarm) raise(dead int64, now time.Time) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	if dead == 0 || (dead <= a.told && now.Sub(a.at) < alarmEvery) {
		a.told = min(a.told, dead)
		return false
	}
	a.told, a.at = dead, now
	return true
}
