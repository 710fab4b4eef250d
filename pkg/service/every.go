package service

import (
	"context"
	"log/slog"
	"time"
)

// Every does something at once and then at each interval, until the process
// stops. An error is logged; the next interval tries again.
func (s *Service) Every(name string, interval time.Duration, do func(context.Context) error) {
	s.Go(name, func(ctx context.Context) error {
		every(ctx, name, interval, do)
		return nil
	})
}

func every(ctx context.Context, name string, interval time.Duration, do func(context.Context) error) {
	tick := time.NewTicker(interval)
	defer tick.Stop()
	for {
		if err := do(ctx); err != nil && ctx.Err() == nil {
			slog.WarnContext(ctx, "background work failed", "what", name, "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}
