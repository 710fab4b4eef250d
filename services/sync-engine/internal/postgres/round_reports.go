package postgres

import (
	"context"
	"encoding/json"
	"log/slog"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/entrasync/entrasync/pkg/pg"
	"github.com/entrasync/entrasync/pkg/tenant"
	"github.com/entrasync/entrasync/services/sync-engine/internal/syncengine"
)

const (
	// roundsChannel is where rounds of all processes publish their progress.
	roundsChannel = Context + "_rounds"
	// listenAgain is the pause after a connection was lost.
	listenAgain = time.Second
	// closedPause is the least time between two notifications that managed tenants of one
	// run have closed.
	closedPause = time.Second
)

// RoundReports carries how far rounds are between the processes, as notifications
// of the database: a run is seldom watched in the process that does its rounds. A
// notification that is lost is made good by the next, or by the look that a watcher
// takes without one. It listens while a run is watched.
type RoundReports struct {
	pool *pg.Pool

	mu      sync.Mutex
	watched map[watchedRun]map[*watcher]bool
	stop    context.CancelFunc  // of listening; nil while no run is watched
	closed  map[watchedRun]bool // of which tenants closed just now; true where others did since
}

type watchedRun struct{ tenant, run string }

// watcher keeps what was published since it looked.
type watcher struct {
	reports   *RoundReports
	key       watchedRun
	news      chan struct{}
	published map[string]syncengine.Progress
}

// NewRoundReports makes the carrier.
func NewRoundReports(pool *pg.Pool) *RoundReports {
	return &RoundReports{pool: pool, watched: map[watchedRun]map[*watcher]bool{}, closed: map[watchedRun]bool{}}
}

// roundReport is the payload: ids and counts alone, since every role of the
// database may listen. Without a managed tenant it says that the run changed, and
// without a run that any of the tenant's may have.
type roundReport struct {
	Tenant  string `json:"tenant"`
	Run     string `json:"run"`
	Managed string `json:"managed"`
	Phase   string `json:"phase"`
	Staged  int    `json:"staged"`
	Applied int    `json:"applied"`
}

// Publish implements syncengine.RoundReports.
func (r *RoundReports) Publish(ctx context.Context, runID, managedTenantID string, at syncengine.Progress) error {
	id, err := tenant.IDFrom(ctx)
	if err != nil {
		return err
	}
	return r.notify(ctx, roundReport{
		Tenant: id.String(), Run: runID, Managed: managedTenantID, Phase: at.Phase, Staged: at.Staged, Applied: at.Applied,
	})
}

// Changed implements syncengine.RoundReports.
func (r *RoundReports) Changed(ctx context.Context, runID string) error {
	id, err := tenant.IDFrom(ctx)
	if err != nil {
		return err
	}
	return r.notify(ctx, roundReport{Tenant: id.String(), Run: runID})
}

// Closed implements syncengine.RoundReports. A run over quick directories closes hundreds a
// second, in this process and in others.
func (r *RoundReports) Closed(ctx context.Context, runID string) error {
	id, err := tenant.IDFrom(ctx)
	if err != nil {
		return err
	}
	key := watchedRun{tenant: id.String(), run: runID}
	r.mu.Lock()
	_, lately := r.closed[key]
	r.closed[key] = lately
	r.mu.Unlock()
	if lately {
		return nil
	}
	time.AfterFunc(closedPause, func() { r.closedSince(context.WithoutCancel(ctx), key) })
	return r.notify(ctx, roundReport{Tenant: key.tenant, Run: key.run})
}

// closedSince publishes that others closed after the notification of the first.
func (r *RoundReports) closedSince(ctx context.Context, key watchedRun) {
	r.mu.Lock()
	others := r.closed[key]
	if delete(r.closed, key); others {
		r.closed[key] = false
	}
	r.mu.Unlock()
	if !others {
		return
	}
	time.AfterFunc(closedPause, func() { r.closedSince(ctx, key) })
	if err := r.notify(ctx, roundReport{Tenant: key.tenant, Run: key.run}); err != nil {
		slog.DebugContext(ctx, "the close of managed tenants could not be published", "error", err) // a watcher looks without it
	}
}

func (r *RoundReports) notify(ctx context.Context, report roundReport) error {
	payload, err := json.Marshal(report)
	if err != nil {
		return err
	}
	return pg.WithoutTenant(ctx, r.pool.Background(), func(ctx context.Context, tx pgx.Tx) error {
		_, err := tx.Exec(ctx, `SELECT pg_notify($1, $2)`, roundsChannel, string(payload))
		return err
	})
}

// Subscribe implements syncengine.RoundReports.
func (r *RoundReports) Subscribe(ctx context.Context, runID string) syncengine.RoundWatch {
	id, _ := tenant.IDFrom(ctx)
	key := watchedRun{tenant: id.String(), run: runID}
	w := &watcher{reports: r, key: key, news: make(chan struct{}, 1), published: map[string]syncengine.Progress{}}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.watched[key] == nil {
		r.watched[key] = map[*watcher]bool{}
	}
	r.watched[key][w] = true
	if r.stop == nil {
		listening, stop := context.WithCancel(context.WithoutCancel(ctx))
		r.stop = stop
		go r.listen(listening)
	}
	return w
}

// News implements syncengine.RoundWatch.
func (w *watcher) News() <-chan struct{} { return w.news }

// Since implements syncengine.RoundWatch.
func (w *watcher) Since() map[string]syncengine.Progress {
	w.reports.mu.Lock()
	defer w.reports.mu.Unlock()
	published := w.published
	w.published = map[string]syncengine.Progress{}
	return published
}

// End implements syncengine.RoundWatch.
func (w *watcher) End() {
	r := w.reports
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.watched[w.key][w] {
		return // it has ended
	}
	delete(r.watched[w.key], w)
	if len(r.watched[w.key]) == 0 {
		delete(r.watched, w.key)
	}
	if len(r.watched) == 0 {
		r.stop()
		r.stop = nil
	}
}

// listen hands on what rounds publish until no run is watched.
func (r *RoundReports) listen(ctx context.Context) {
	for ctx.Err() == nil {
		if err := pg.Listen(ctx, r.pool, roundsChannel, r.missed, r.hear); err != nil {
			slog.WarnContext(ctx, "not listening to rounds", "error", err)
		}
		select {
		case <-time.After(listenAgain):
		case <-ctx.Done():
		}
	}
}

func (r *RoundReports) hear(payload string) {
	var report roundReport
	if json.Unmarshal([]byte(payload), &report) != nil {
		return // not ours
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if report.Run == "" {
		for key, watchers := range r.watched {
			if key.tenant == report.Tenant {
				wake(watchers)
			}
		}
		return
	}
	watchers := r.watched[watchedRun{tenant: report.Tenant, run: report.Run}]
	if report.Managed != "" {
		for w := range watchers {
			w.published[report.Managed] = syncengine.Progress{Phase: report.Phase, Staged: report.Staged, Applied: report.Applied}
		}
	}
	wake(watchers)
}

// missed wakes every watcher: what was published before the listening began, nobody heard.
func (r *RoundReports) missed() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, watchers := range r.watched {
		wake(watchers)
	}
}

func wake(watchers map[*watcher]bool) {
	for w := range watchers {
		select {
		case w.news <- struct{}{}:
		default: // it has not looked since the last
		}
	}
}
