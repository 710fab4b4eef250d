package effects

import (
	"context"
	"log/slog"
	"time"

	"github.com/entrasync/entrasync/services/worker/internal/orchestration"
)

// Sweeper closes, at intervals, runs whose workflow is gone.
type Sweeper struct {
	sweep *orchestration.Sweep
	every time.Duration
	now   func() time.Time
}

// NewSweeper makes a sweeper.
func NewSweeper(sweep *orchestration.Sweep, every time.Duration, now func() time.Time) *Sweeper {
	return &Sweeper{sweep: sweep, every: every, now: now}
}

// Serve sweeps until ctx ends.
func (s *Sweeper) Serve(ctx context.Context) error {
	ticker := time.NewTicker(s.every)
	defer ticker.Stop()
	for {
		closed, err := s.sweep.Do(ctx, s.now())
		if err != nil && ctx.Err() == nil {
			slog.WarnContext(ctx, "sweeping runs", "error", err)
		}
		if closed > 0 {
			slog.InfoContext(ctx, "closed runs without a workflow", "runs", closed)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		}
	}
}
