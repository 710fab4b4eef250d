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
)

// RoundReports carries how far rounds are between the processes, as notifications
// of the database: a run is seldom watched in the process that does its rounds. A
// notification that is lost is made good by the next. It listens while a run is
// watched.
type RoundReports struct {
	pool *pg.Pool

	mu      sync.Mutex
	watched map[watchedRun]map[*watcher]bool
	stop    context.CancelFunc // of listening; nil while no run is watched
}

type watchedRun struct{ tenant, run string }

// watcher keeps what was published since it looked.
type watcher struct {
	published map[string]syncengine.Progress
}

// NewRoundReports makes the carrier.
func NewRoundReports(pool *pg.Pool) *RoundReports {
	return &RoundReports{pool: pool, watched: map[watchedRun]map[*watcher]bool{}}
}

// roundReport is the payload: ids and counts alone, since every role of the
// database may listen.
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
	payload, err := json.Marshal(roundReport{
		Tenant: id.String(), Run: runID, Managed: managedTenantID, Phase: at.Phase, Staged: at.Staged, Applied: at.Applied,
	})
	if err != nil {
		return err
	}
	return pg.WithoutTenant(ctx, r.pool.Background(), func(ctx context.Context, tx pgx.Tx) error {
		_, err := tx.Exec(ctx, `SELECT pg_notify($1, $2)`, roundsChannel, string(payload))
		return err
	})
}

// Subscribe implements syncengine.RoundReports.
func (r *RoundReports) Subscribe(ctx context.Context, runID string) (since func() map[string]syncengine.Progress, end func()) {
	id, _ := tenant.IDFrom(ctx)
	key, w := watchedRun{tenant: id.String(), run: runID}, &watcher{published: map[string]syncengine.Progress{}}
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
	return func() map[string]syncengine.Progress { return r.take(w) }, sync.OnceFunc(func() { r.leave(key, w) })
}

func (r *RoundReports) take(w *watcher) map[string]syncengine.Progress {
	r.mu.Lock()
	defer r.mu.Unlock()
	published := w.published
	w.published = map[string]syncengine.Progress{}
	return published
}

func (r *RoundReports) leave(key watchedRun, w *watcher) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.watched[key], w)
	if len(r.watched[key]) == 0 {
		delete(r.watched, key)
	}
	if len(r.watched) == 0 {
		r.stop()
		r.stop = nil
	}
}

// listen hands on what rounds publish until no run is watched.
func (r *RoundReports) listen(ctx context.Context) {
	for ctx.Err() == nil {
		if err := pg.Listen(ctx, r.pool, roundsChannel, nil, r.hear); err != nil {
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
	for w := range r.watched[watchedRun{tenant: report.Tenant, run: report.Run}] {
		w.published[report.Managed] = syncengine.Progress{Phase: report.Phase, Staged: report.Staged, Applied: report.Applied}
	}
}
