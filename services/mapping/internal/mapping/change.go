package mapping

import (
	"context"
	"slices"
	"time"

	"github.com/entrasync/entrasync/pkg/errs"
	"github.com/entrasync/entrasync/pkg/settle"
	"github.com/entrasync/entrasync/proto/entrasync/reason"
)

// The answers for a single managed tenant or client that cannot be used.
var (
	errTenantNotFound = errs.Of(reason.ManagedTenantNotFound)
	errNotMapped      = errs.Of(reason.NotMapped)
	errClientDeleted  = errs.Of(reason.ClientDeleted)
)

// ChangeStore writes decisions and knows the links that they orphaned.
type ChangeStore interface {
	DecideStore
	// OrphanedLinks counts the links of a managed tenant that wait for a person, as far as
	// is known.
	OrphanedLinks(ctx context.Context, managedTenantID string) (int32, error)
}

// changer changes the mapping of one managed tenant.
type changer struct {
	managedTenants ManagedTenants
	store          ChangeStore
	effects        *settle.Waiter
	now            func() time.Time
}

// Changed is the result of a change of one mapping.
type Changed struct {
	Mapping Mapping  // in force; of an unmap, the one that ended
	Summary *Summary // nil where discovery cannot be reached
	Version int64
	Effects string // settled or pending
}

// decide is the confirm of one decision.
func (c changer) decide(ctx context.Context, actor string, d Decision, version *int64) (Changed, error) {
	tenants, err := c.managedTenants.List(ctx, []string{d.ManagedTenantID})
	if err != nil {
		return Changed{}, err
	}
	byID := tenantsByID(tenants)
	if _, known := byID[d.ManagedTenantID]; !known {
		return Changed{}, errTenantNotFound
	}
	decisions := []Decision{d}
	written, err := c.store.Decide(ctx, actor, c.now(), askFor(decisions, version), func(now Current) (Verdict, error) {
		if client, known := now.Clients[d.ClientID]; d.ClientID != "" && !known {
			return Verdict{}, errClientNotFound
		} else if client.Deleted {
			return Verdict{}, errClientDeleted
		}
		changes, found := examine(decisions, version, byID, now)
		return Verdict{Changes: changes, Refreshes: refreshes(decisions, changes, byID, now)}, ofRequest().refusal(found)
	})
	if err != nil {
		return Changed{}, err
	}
	return c.changed(ctx, written, d.ManagedTenantID, Mapping{}), nil
}

// changed waits for the effects, and then reads how many links the change has
// orphaned. ended is the mapping of an unmap.
func (c changer) changed(ctx context.Context, written Written, managedTenantID string, ended Mapping) Changed {
	result := Changed{Mapping: ended, Summary: written.States.countAfter(ctx, c.managedTenants), Version: written.Version}
	at := slices.IndexFunc(written.Active, func(m Mapping) bool { return m.ManagedTenantID == managedTenantID })
	if at >= 0 {
		result.Mapping = written.Active[at]
	}
	result.Effects = c.effects.Wait(ctx, written.EffectIDs...)
	if links, err := c.store.OrphanedLinks(ctx, managedTenantID); err == nil {
		result.Mapping.OrphanedLinks = &links
	}
	return result
}
