package assembly

import (
	"context"
	"log/slog"
	"time"

	"github.com/entrasync/entrasync/pkg/service"
	"github.com/entrasync/entrasync/services/sync-engine/internal/postgres"
)

// retain deletes every hour what is kept for a time, and makes the partitions to come.
func retain(s *service.Service, store *postgres.Store, c Config) {
	s.Every("feed months", time.Hour, func(ctx context.Context) error {
		done, err := store.KeepFeedMonths(ctx, c.FeedMonths)
		for _, what := range done {
			slog.InfoContext(ctx, "change feed", "month", what)
		}
		return err
	})
	s.Every("report days", time.Hour, func(ctx context.Context) error {
		done, err := store.KeepReports(ctx, c.ReportDays)
		for _, what := range done {
			slog.InfoContext(ctx, "reports of runs", "day", what)
		}
		return err
	})
	s.Every("run days", time.Hour, func(ctx context.Context) error {
		runs, err := store.DropRuns(ctx, c.runDays())
		if runs > 0 {
			slog.InfoContext(ctx, "deleted old runs", "runs", runs)
		}
		return err
	})
}
