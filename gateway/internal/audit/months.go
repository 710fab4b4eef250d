package audit

import (
	"context"
	"log/slog"
	"time"
)

// keepMonths is the time between looks at the months.
const keepMonths = time.Hour

// MonthsStore keeps the months of the trail apart.
type MonthsStore interface {
	// KeepMonths makes the months to come and drops those that are more than so
	// many before this one; 0 drops none. It answers what it did.
	KeepMonths(ctx context.Context, months int) (done []string, err error)
}

// Months keeps the trail for a number of months.
type Months struct {
	store MonthsStore
	keep  int
}

// NewMonths makes it; keep is how many whole months stay beside the present one,
// 0 keeps all.
func NewMonths(store MonthsStore, keep int) *Months { return &Months{store: store, keep: keep} }

// Serve looks at the months now and every hour, until ctx ends.
func (m *Months) Serve(ctx context.Context) error {
	m.turn(ctx)
	repeat(ctx, keepMonths, m.turn)
	return nil
}

func (m *Months) turn(ctx context.Context) {
	done, err := m.store.KeepMonths(ctx, m.keep)
	if err != nil {
		slog.WarnContext(ctx, "months of the audit trail are not as they should be", "error", err)
	}
	for _, what := range done {
		slog.InfoContext(ctx, "audit trail", "month", what)
	}
}
