package mapping

import (
	"context"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/entrasync/entrasync/pkg/searchkey"
)

// NewClient is a client that a create_new decision makes.
type NewClient struct {
	ID       string
	Name     string
	NameKey  string
	Domain   string
	Decision Mapping // the decision that it fulfils
}

// CreateStore makes the clients of create_new decisions.
type CreateStore interface {
	// CreateDecided calls design with each create_new decision in force and, in
	// one transaction, stores the clients and maps the managed tenants to them.
	// It answers how many clients the run has made, in this call or before; a run
	// that has made some makes no more.
	CreateDecided(ctx context.Context, actor, runID string, at time.Time, design func(Mapping) NewClient) (int32, error)
}

// CreateClients is the use case of making the clients of create_new decisions.
type CreateClients struct {
	store CreateStore
	now   func() time.Time
	newID func() string
}

// NewCreateClients makes the use case; newID gives a new time-ordered UUID.
func NewCreateClients(store CreateStore, now func() time.Time, newID func() string) *CreateClients {
	return &CreateClients{store: store, now: now, newID: newID}
}

// Do makes a client for every create_new decision in force, named like the
// managed tenant and with its primary domain, and maps the tenant to it. Each
// decision makes one client, also when the run asks again.
func (c *CreateClients) Do(ctx context.Context, actor, runID string) (int32, error) {
	return c.store.CreateDecided(ctx, actor, runID, c.now(), func(m Mapping) NewClient {
		name := clientName(m)
		return NewClient{ID: c.newID(), Name: name, NameKey: searchkey.Of(name), Domain: m.PrimaryDomain, Decision: m}
	})
}

// clientName is the managed tenant's name, within what a client's may be.
func clientName(m Mapping) string {
	name := strings.TrimSpace(m.DisplayName)
	if name == "" {
		name = m.EntraTenantID
	}
	if utf8.RuneCountInString(name) > maxName {
		name = strings.TrimSpace(string([]rune(name)[:maxName]))
	}
	return name
}
