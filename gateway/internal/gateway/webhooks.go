package gateway

import (
	"crypto/x509"
	"fmt"

	"github.com/entrasync/entrasync/gateway/internal/peers"
	"github.com/entrasync/entrasync/gateway/internal/postgres"
	"github.com/entrasync/entrasync/gateway/internal/webhook"
	"github.com/entrasync/entrasync/pkg/publicnet"
)

// WebhookParts say where messages to hosts may go.
type WebhookParts struct {
	AllowedHosts []string       // host:port that may be told although they are not of the public internet
	RootCAs      *x509.CertPool // nil: those of the system
}

type webhooks struct {
	endpoints *webhook.Endpoints
	deliverer *webhook.Deliverer
}

// webhooks puts together what tells hosts of what happens.
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
	}, nil
}
