package mapping

import (
	"cmp"
	"context"
	"slices"
	"strings"
)

// Row is what the preview says of one managed tenant.
type Row struct {
	Tenant         ManagedTenant
	State          State   // of the decision in force, or undecided
	Match          *Match  // the client of a mapped tenant, else the one with an exact match
	Candidates     []Match // what was found, the best first
	LeftOut        int     // how many more have a domain of the tenant
	MappedClientID string  // of the decision in force
}

// Preview proposes clients for managed tenants.
type Preview struct {
	AutoMatched     []Row // exactly one client has an exact match, and not by a stale domain
	FuzzyCandidates []Row // otherwise, something was found
	Unmatched       []Row
	Summary         Summary
	Version         int64
}

// Snapshot is everything mapping knows at one moment.
type Snapshot struct {
	Version int64
	Clients []Client
	Active  []Mapping // decisions in force
	Ended   []Mapping // the last decisions about managed tenants that have none in force
}

// PreviewStore reads a snapshot.
type PreviewStore interface {
	Snapshot(ctx context.Context) (Snapshot, error)
}

// MakePreview is the use case of proposing clients. It writes nothing.
type MakePreview struct {
	managedTenants ManagedTenants
	store          PreviewStore
}

// NewMakePreview makes the use case.
func NewMakePreview(managedTenants ManagedTenants, store PreviewStore) *MakePreview {
	return &MakePreview{managedTenants: managedTenants, store: store}
}

// Do proposes a client for every managed tenant.
func (p *MakePreview) Do(ctx context.Context) (Preview, error) {
	snapshot, err := p.store.Snapshot(ctx)
	if err != nil {
		return Preview{}, err
	}
	tenants, err := p.managedTenants.List(ctx, nil)
	if err != nil {
		return Preview{}, err
	}
	return Propose(tenants, snapshot), nil
}

// Propose groups managed tenants by what the matchers find for them. Rows stand
// by name, then id; a tenant that is gone and undecided needs no decision and is
// left out. The order of the input does not matter.
func Propose(tenants []ManagedTenant, snapshot Snapshot) Preview {
	preview := Preview{Version: snapshot.Version}
	active := make(map[string]Mapping, len(snapshot.Active))
	states := make(States, len(snapshot.Active))
	for _, m := range snapshot.Active {
		active[m.ManagedTenantID], states[m.ManagedTenantID] = m, m.State
	}
	undecided := int32(0)
	finder := newFinder(tenants, snapshot.Clients)
	sorted := slices.SortedFunc(slices.Values(tenants), func(a, b ManagedTenant) int {
		return cmp.Or(strings.Compare(a.DisplayName, b.DisplayName), strings.Compare(a.ID, b.ID))
	})
	for _, tenant := range sorted {
		decision, decided := active[tenant.ID]
		if tenant.State == TenantGone && !decided {
			continue
		}
		if !decided {
			undecided++
		}
		row, auto := propose(tenant, finder.find(tenant), decision)
		switch {
		case auto:
			preview.AutoMatched = append(preview.AutoMatched, row)
		case len(row.Candidates) > 0:
			preview.FuzzyCandidates = append(preview.FuzzyCandidates, row)
		default:
			preview.Unmatched = append(preview.Unmatched, row)
		}
	}
	preview.Summary = states.summarise(undecided)
	return preview
}

// propose makes the row of one tenant; auto says that exactly one client has an
// exact match, and not by a stale domain.
func propose(tenant ManagedTenant, found Found, decision Mapping) (row Row, auto bool) {
	candidates := found.Matches
	row = Row{Tenant: tenant, Candidates: candidates, LeftOut: found.LeftOut, State: cmp.Or(decision.State, StateUndecided), MappedClientID: decision.ClientID}
	exact := 0
	for i, m := range candidates {
		if m.Reason == ReasonExactDomain {
			exact++
			row.Match = &candidates[i]
		}
	}
	auto = exact == 1 && !row.Match.StaleDomain
	if !auto {
		row.Match = nil
	}
	if decision.State == StateMapped {
		row.Match = savedMatch(candidates, decision)
	}
	return row, auto
}

// savedMatch is the client of a mapped tenant, with what the matchers say of it.
func savedMatch(candidates []Match, decision Mapping) *Match {
	for i := range candidates {
		if candidates[i].ClientID == decision.ClientID {
			return &candidates[i]
		}
	}
	return &Match{ClientID: decision.ClientID, ClientName: decision.ClientName}
}
