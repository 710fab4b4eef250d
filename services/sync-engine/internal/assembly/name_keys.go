package assembly

import (
	"context"
	"log/slog"
	"time"

	"github.com/entrasync/entrasync/pkg/service"
	"github.com/entrasync/entrasync/services/sync-engine/internal/postgres"
)

// keyNames gives names the keys that this version makes, where the version before made them: as the
// process starts, and every hour, since programs of the version before may write until they are replaced.
func keyNames(s *service.Service, store *postgres.Store) {
	s.Every("name keys", time.Hour, func(ctx context.Context) error {
		keyed, err := store.KeyNames(ctx)
		if keyed > 0 {
			slog.InfoContext(ctx, "keyed names anew", "names", keyed)
		}
		return err
	})
}
