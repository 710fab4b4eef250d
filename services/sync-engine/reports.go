package main

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/entrasync/entrasync/pkg/service"
	"github.com/entrasync/entrasync/services/sync-engine/internal/mapping"
	"github.com/entrasync/entrasync/services/sync-engine/internal/postgres"
	"github.com/entrasync/entrasync/services/sync-engine/internal/rpc"
	"github.com/entrasync/entrasync/services/sync-engine/internal/syncengine"
)

// reports wires what is shown of runs and what a person decides about them.
func reports(s *service.Service, c config, store *postgres.Store, clients *mapping.Client, newID func() (string, error)) error {
	if c.ReportDays < 0 {
		return errors.New("ENTRASYNC_REPORT_DAYS is negative; 0 keeps all")
	}
	if c.RunDays < 0 {
		return errors.New("ENTRASYNC_RUN_DAYS is negative; 0 keeps all")
	}
	rpc.RegisterReports(s.Server(), rpc.ReportCases{
		Identities:    syncengine.NewListIdentities(store, c.ReportDays, time.Now),
		Held:          syncengine.NewDecideHeld(store, clients, newID, time.Now),
		TenantResults: syncengine.NewListTenantResults(store),
		Statistics:    syncengine.NewReadStatistics(store, time.Now),
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
	return nil
}

// runDays is for how long runs are kept: not shorter than their reports, which are found by them.
func (c config) runDays() int {
	if c.RunDays == 0 || c.ReportDays == 0 {
		return 0
	}
	return max(c.RunDays, c.ReportDays)
}
