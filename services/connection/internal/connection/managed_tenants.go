package connection

import (
	"context"
	"strings"
	"sync"
	"time"

	"github.com/entrasync/entrasync/pkg/tenant"
)

const (
	// listLife is how long the partner's list of managed tenants is used before it is read again.
	listLife = 15 * time.Minute
	// relistAfter is how old a list must be before it is read again for a tenant that it
	// lacks, which may be new, and how long after a reading that failed the next one is.
	relistAfter = time.Minute
	// listGrace is how much longer than listLife a list is used while the partner's
	// directory cannot be read for a moment.
	listGrace = 15 * time.Minute
)

// TenantLister lists the customers of a partner.
type TenantLister interface {
	ListManagedTenants(ctx context.Context, tokens TokenSource, p Priority, emit func([]ManagedTenant) error) error
}

// managedTenants remember what partners manage, by tenant.
type managedTenants struct {
	mu    sync.Mutex
	lists map[tenant.ID]managedList
}

type managedList struct {
	connection string // a list is that of one connection
	at         time.Time
	tenants    map[string]bool // by id in lower case
	failed     time.Time       // when reading a newer one last failed
}

// stillLists reports whether a list that a newer one could not be had for still says that
// the partner manages a tenant.
func (l managedList) stillLists(id string, now time.Time) bool {
	return l.tenants[id] && now.Sub(l.at) < listLife+listGrace
}

func (m *managedTenants) get(id tenant.ID, connection string) managedList {
	m.mu.Lock()
	defer m.mu.Unlock()
	if list := m.lists[id]; list.connection == connection {
		return list
	}
	return managedList{}
}

func (m *managedTenants) put(id tenant.ID, list managedList) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.lists == nil {
		m.lists = map[tenant.ID]managedList{}
	}
	m.lists[id] = list
}

func (m *managedTenants) forget(id tenant.ID) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.lists, id)
}

// mustManage refuses a managed tenant that the partner's own grant does not
// list. An app with consent of its own can read every tenant that gave it,
// also those of other partners and those whose relationship has ended.
func (t *Tokens) mustManage(ctx context.Context, connection, managedTenant string) error {
	owner, err := tenant.IDFrom(ctx)
	if err != nil {
		return err
	}
	id := strings.ToLower(managedTenant)
	list, now := t.managed.get(owner, connection), t.now()
	age := now.Sub(list.at)
	if list.stillLists(id, now) && now.Sub(list.failed) < relistAfter {
		return nil
	}
	if list.tenants == nil || age >= listLife || (!list.tenants[id] && age >= relistAfter) {
		// The first caller asks, and those that come meanwhile share the answer.
		fresh, err := t.listings.do(ctx, owner.String()+" "+connection, func(ctx context.Context) (managedList, error) {
			return t.listManaged(ctx, owner, connection)
		})
		switch {
		case err == nil:
			list = fresh
		case ClassOf(err) != Retry || !list.stillLists(id, now):
			return err
		}
	}
	if !list.tenants[id] {
		return Failure{
			Reason: ReasonGDAPEnded, Class: Customer, Message: "The partner does not manage this tenant.",
			Remedy: "Renew the GDAP relationship with this tenant.",
		}.Err(nil)
	}
	return nil
}

// listManaged reads the partner's list and remembers it, or that it could not be had.
func (t *Tokens) listManaged(ctx context.Context, owner tenant.ID, connection string) (managedList, error) {
	list := managedList{connection: connection, at: t.now(), tenants: map[string]bool{}}
	err := t.directory.ListManagedTenants(ctx, t.Partner(), Normal, func(tenants []ManagedTenant) error {
		for _, m := range tenants {
			list.tenants[strings.ToLower(m.EntraTenantID)] = true
		}
		return nil
	})
	if err != nil && ctx.Err() != nil {
		err = tooSlow(err)
	}
	if err != nil {
		old := t.managed.get(owner, connection)
		if ClassOf(err) == Retry && old.tenants != nil {
			old.failed = t.now()
			t.managed.put(owner, old)
		}
		return managedList{}, err
	}
	t.managed.put(owner, list)
	return list, nil
}
