package gateway

import (
	"context"
	"crypto/x509"
	"fmt"
	"log/slog"
	"time"

	"github.com/entrasync/entrasync/gateway/internal/peers"
	"github.com/entrasync/entrasync/gateway/internal/postgres"
	"github.com/entrasync/entrasync/gateway/internal/webhook"
	"github.com/entrasync/entrasync/pkg/publicnet"
)

// WebhookParts say where messages to hosts may go.
type WebhookParts struct {
	AllowedHosts []string       // host:port that may be sent to although they are not of the public internet
	RootCAs      *x509.CertPool // nil: those of the system
}

type webhooks struct {
	endpoints *webhook.Endpoints
	deliverer *webhook.Deliverer
	access    *webhook.WatchAccess
}

// webhooks puts together what sends events to hosts.
func (p Parts) webhooks() (webhooks, error) {
	guard, err := publicnet.New(p.Webhooks.AllowedHosts)
	if err != nil {
		return webhooks{}, fmt.Errorf("where webhooks may go: %w", err)
	}
	store, engine := postgres.NewWebhooks(p.Pool), peers.NewSyncEngine(p.Backends.SyncEngine)
	sender := webhook.NewSender(box{p.Box}, guard, p.Webhooks.RootCAs, p.Now)
	return webhooks{
		endpoints: webhook.NewEndpoints(store, engine, box{p.Box}, guard, sender, p.Now),
		deliverer: webhook.NewDeliverer(store, engine, sender, p.Now),
		access:    webhook.NewWatchAccess(store, peers.NewDiscovery(p.Backends.Discovery, p.Now), p.Now),
	}, nil
}

// accessEvery is how often to look for access that is about to end.
const accessEvery = time.Hour

// serveAccess looks for access that is about to end, until ctx ends.
func (w webhooks) serveAccess(ctx context.Context) error {
	tick := time.NewTicker(accessEvery)
	defer tick.Stop()
	for {
		if err := w.access.Do(ctx); err != nil && ctx.Err() == nil {
			slog.WarnContext(ctx, "it is not known whose access ends", "error", err)
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return nil
		}
	}
}
