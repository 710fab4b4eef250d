package mapping

import (
	"context"
	"time"

	"github.com/entrasync/entrasync/pkg/page"
)

// ClientSearch chooses clients that are not deleted; empty for all.
type ClientSearch struct {
	NameKey                  string // a part of the name
	DomainFrom, DomainBefore string // or the range of a domain
}

// Search chooses decisions in force.
type Search struct {
	State   State  // empty for all
	NameKey string // a part of the managed tenant's or the client's name
	Exact   string // or its domain or Entra tenant id, in lower case
	// Orphans chooses managed tenants whose orphaned links wait for a person, by
	// their last decision, in force or not.
	Orphans         bool
	ManagedTenantID string // with Orphans: this one alone; empty for all
}

// MappedSearch chooses managed tenants that are, or will be, synced.
type MappedSearch struct {
	ClientID  string // those mapped to it; empty for all
	CreateNew bool   // instead, those whose client is still to be created
}

// MappedTenant is a managed tenant and the client that it is mapped to.
type MappedTenant struct {
	ManagedTenantID string
	EntraTenantID   string
	ClientID        string
	Revision        int64 // rises with each decision about the managed tenant
	ConfirmedAt     time.Time
	MappingID       string
}

// ListStore reads clients and mappings. Lists give up to limit entries after the
// cursor.
type ListStore interface {
	Clients(ctx context.Context, search ClientSearch, after *page.Cursor, limit int32) ([]Client, error)
	CountClients(ctx context.Context, search ClientSearch, most int32) (int32, error)
	// Client gives one with its mappings; nil when there is none.
	Client(ctx context.Context, id string) (*Client, error)
	// Mappings are sorted by name key and managed tenant.
	Mappings(ctx context.Context, search Search, after *page.Cursor, limit int32) ([]Mapping, error)
	CountMappings(ctx context.Context, search Search, most int32) (int32, error)
	// MappingsOf are those of one managed tenant with a revision below the given
	// one, the newest first; only the one in force without past.
	MappingsOf(ctx context.Context, managedTenantID string, past bool, below int64, limit int32) ([]Mapping, error)
	// Mapped are sorted by the time of their confirmation.
	Mapped(ctx context.Context, of MappedSearch, after *page.Cursor, limit int32) ([]MappedTenant, error)
	// MappedTenant is nil when the managed tenant is not mapped.
	MappedTenant(ctx context.Context, managedTenantID string) (*MappedTenant, error)
	// Resolve gives those of the clients that exist and are not deleted.
	Resolve(ctx context.Context, ids, externalIDs []string) ([]Client, error)
	// States are those of the decisions in force.
	States(ctx context.Context) (States, error)
}
