package main

import (
	"time"

	"github.com/google/uuid"

	"github.com/entrasync/entrasync/pkg/outbox"
	"github.com/entrasync/entrasync/pkg/pg"
	"github.com/entrasync/entrasync/pkg/service"
	"github.com/entrasync/entrasync/services/sync-engine/internal/directory"
	"github.com/entrasync/entrasync/services/sync-engine/internal/mapping"
	"github.com/entrasync/entrasync/services/sync-engine/internal/postgres"
	"github.com/entrasync/entrasync/services/sync-engine/internal/rpc"
	"github.com/entrasync/entrasync/services/sync-engine/internal/syncengine"
)

// settings serves settings, and the effects that their changes have elsewhere.
func settings(s *service.Service, pool *pg.Pool, store *postgres.Store, users *directory.Client, clients *mapping.Client) {
	box := outbox.New(pool, outbox.Options{})
	outbox.Serve(s.Server(), box)
	box.Keep(s, s.Metrics)
	newID := func() (string, error) {
		id, err := uuid.NewV7()
		return id.String(), err
	}
	rpc.RegisterSettings(s.Server(), rpc.SettingsCases{
		Read:   syncengine.NewReadSettings(store, clients, time.Now),
		Change: syncengine.NewChangeSettings(store, clients, box, newID, time.Now),
		Test:   syncengine.NewTestFilters(store, users, clients, time.Now),
	})
}
