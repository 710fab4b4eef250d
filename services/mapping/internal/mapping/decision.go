package mapping

import (
	"context"
	"maps"
	"slices"
	"time"
)

// State is the state of a managed tenant's mapping.
type State string

// The states.
const (
	StateMapped      State = "mapped"
	StateSkipForNow  State = "skip_for_now"
	StateNeedsReview State = "needs_review"
	StateCreateNew   State = "create_new"
	StateUndecided   State = "undecided" // no decision; never stored
)

// TenantState is the state in which discovery keeps a managed tenant.
type TenantState string

// The states.
const (
	TenantActive     TenantState = "active"
	TenantGone       TenantState = "gone"       // no longer listed
	TenantUnreadable TenantState = "unreadable" // listed, but refuses access
)

// ManagedTenant is a customer's Entra tenant, as discovery knows it.
type ManagedTenant struct {
	ID              string
	EntraTenantID   string
	DisplayName     string
	PrimaryDomain   string
	Domains         []string
	SourceUserCount int32
	State           TenantState
}

// ManagedTenants is discovery's list of managed tenants.
type ManagedTenants interface {
	// List gives those with the given ids (unknown ones are left out),
	// or all when ids is nil.
	List(ctx context.Context, ids []string) ([]ManagedTenant, error)
	// CountOthers counts those that are not gone, but for the ones with the given ids.
	CountOthers(ctx context.Context, ids []string) (int32, error)
}

// Mapping is one decision about a managed tenant, in force or past.
type Mapping struct {
	ManagedTenantID string
	EntraTenantID   string
	DisplayName     string
	PrimaryDomain   string
	State           State
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

// States are the states of the decisions in force, by managed tenant.
type States map[string]State

// summarise counts the decisions in force beside the managed tenants without one.
func (s States) summarise(undecided int32) Summary {
	summary := Summary{Undecided: undecided}
	for _, state := range s {
		switch state {
		case StateMapped:
			summary.Mapped++
		case StateSkipForNow:
			summary.Skipped++
		case StateNeedsReview:
			summary.NeedsReview++
		case StateCreateNew:
			summary.CreateNew++
		}
	}
	return summary
}

// count asks discovery for the managed tenants that are still listed and have no
// decision.
func (s States) count(ctx context.Context, managedTenants ManagedTenants) (Summary, error) {
	undecided, err := managedTenants.CountOthers(ctx, slices.Sorted(maps.Keys(s)))
	if err != nil {
		return Summary{}, err
	}
	return s.summarise(undecided), nil
}

// countAfter is the count after a change, nil where discovery cannot be reached: the
// change is committed all the same.
func (s States) countAfter(ctx context.Context, managedTenants ManagedTenants) *Summary {
	summary, err := s.count(ctx, managedTenants)
	if err != nil {
		return nil
	}
	return &summary
}
