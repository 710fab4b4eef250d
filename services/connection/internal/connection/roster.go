package connection

import (
	"context"
	"strings"
	"sync"
	"time"
)

const (
	// rosterLife is how long the partner's list of managed tenants is believed.
	rosterLife = 15 * time.Minute
	// rosterDoubt is how old a list must be before it is asked again for a tenant
	// that does not stand on it: it may be new.
	rosterDoubt = time.Minute
)

// TenantLister lists the customers of a partner.
type TenantLister interface {
	ListManagedTenants(ctx context.Context, tokens TokenSource, p Priority, emit func([]ManagedTenant) error) error
}

// roster remembers what partners manage, by tenant.
type roster struct {
	mu    sync.Mutex
	lists map[string]managedList
}

type managedList struct {
	connection string // a list is that of one connection
	at         time.Time
	tenants    map[string]bool // by id in lower case
}

func (r *roster) get(tenant, connection string) managedList {
	r.mu.Lock()
	defer r.mu.Unlock()
	if list := r.lists[tenant]; list.connection == connection {
		return list
	}
	return managedList{}
}

func (r *roster) put(tenant string, list managedList) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.lists == nil {
		r.lists = map[string]managedList{}
	}
	r.lists[tenant] = list
}

func (r *roster) forget(tenant string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.lists, tenant)
}

// mustManage refuses a managed tenant that the partner's own grant does not
// list. An app with consent of its own can read every tenant that gave it,
// also those of other partners and those whose relationship has ended.
func (t *Tokens) mustManage(ctx context.Context, tenant, connection, managedTenant string) error {
	unlock, err := t.turns.lock(ctx, "roster:"+tenant)
	if err != nil {
		return err
	}
	defer unlock()
	id := strings.ToLower(managedTenant)
	list, now := t.roster.get(tenant, connection), t.now()
	age := now.Sub(list.at)
	if list.tenants == nil || age >= rosterLife || (!list.tenants[id] && age >= rosterDoubt) {
		list = managedList{connection: connection, at: now, tenants: map[string]bool{}}
		// Whoever came first asks for all who come after.
		err := t.directory.ListManagedTenants(ctx, t.Partner(tenant), Normal, func(tenants []ManagedTenant) error {
			for _, m := range tenants {
				list.tenants[strings.ToLower(m.EntraTenantID)] = true
			}
			return nil
		})
		if err != nil {
			return err
		}
		t.roster.put(tenant, list)
	}
	if !list.tenants[id] {
		return Failure{
			Reason: ReasonGDAPEnded, Class: Customer, Message: "The partner does not manage this tenant.",
			Remedy: "Renew the GDAP relationship with this tenant.",
		}.Err(nil)
	}
	return nil
}
