package mapping

import (
	"context"
	"time"
)

// The states of a managed tenant's mapping.
const (
	StateMapped      = "mapped"
	StateSkipForNow  = "skip_for_now"
	StateNeedsReview = "needs_review"
	StateCreateNew   = "create_new"
	StateUndecided   = "undecided" // no decision; never stored
)

// StateGone is the state in which discovery keeps a managed tenant that is no
// longer listed.
const StateGone = "gone"

// ManagedTenant is a customer's directory, as discovery knows it.
type ManagedTenant struct {
	ID              string
	EntraTenantID   string
	DisplayName     string
	PrimaryDomain   string
	Domains         []string
	SourceUserCount int32
	State           string // active, gone or unreadable
}

// Directory is discovery's list of managed tenants.
type Directory interface {
	// ManagedTenants gives those with the given ids (unknown ones are left out),
	// or all when ids is nil.
	ManagedTenants(ctx context.Context, ids []string) ([]ManagedTenant, error)
}

// Mapping is one decision about a managed tenant, in force or past.
type Mapping struct {
	ManagedTenantID string
	EntraTenantID   string
	DisplayName     string
	PrimaryDomain   string
	State           string
	ClientID        string // of a mapped tenant, else empty
	ClientName      string
	Score           *float64 // what the matchers gave the client; nil when they did not propose it
	Revision        int64    // rises with each decision about the managed tenant
	Version         int64    // of all mappings, when this one was decided
	DecidedBy       string
	DecidedAt       time.Time
	DeactivatedBy   string
	DeactivatedAt   *time.Time // nil while it is in force
	OrphanedLinks   *int32     // of the managed tenant, as the engine said last; nil where its newest decision says it
}

// Summary counts managed tenants by decision.
type Summary struct {
	Mapped, Skipped, NeedsReview, CreateNew, Undecided int32
}

// summarise counts the decisions in force and, of the managed tenants that are
// still listed, those without one.
func summarise(active []Mapping, tenants []ManagedTenant) Summary {
	var s Summary
	decided := make(map[string]bool, len(active))
	for _, m := range active {
		decided[m.ManagedTenantID] = true
		switch m.State {
		case StateMapped:
			s.Mapped++
		case StateSkipForNow:
			s.Skipped++
		case StateNeedsReview:
			s.NeedsReview++
		case StateCreateNew:
			s.CreateNew++
		}
	}
	for _, t := range tenants {
		if t.State != StateGone && !decided[t.ID] {
			s.Undecided++
		}
	}
	return s
}
