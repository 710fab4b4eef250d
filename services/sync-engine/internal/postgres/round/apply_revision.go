package round

import (
	"context"
	"time"

	"github.com/entrasync/entrasync/services/sync-engine/internal/syncengine"
)

// ApplyRevision implements syncengine.Round: it is the beginning of a round. What a changed mapping
// causes between rounds is in apply_revision.go of package postgres.
func (r *Round) ApplyRevision(ctx context.Context, now func() time.Time, step syncengine.Step) error {
	if r.mapping.applied {
		return nil
	}
	done, err := r.mapping.Announce(ctx, now())
	if err == nil && !done {
		_, err = r.mapping.Apply(ctx, now, step)
	}
	r.mapping.applied = err == nil
	return err
}
