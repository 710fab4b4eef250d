package mapping

// finder finds the matches of managed tenants that are looked at together.
type finder struct {
	index *Index
	held  map[string]bool // distinctive domains of active managed tenants
}

func newFinder(tenants []ManagedTenant, clients []Client) *finder {
	f := &finder{index: NewIndex(clients), held: map[string]bool{}}
	for _, tenant := range tenants {
		if tenant.State != TenantGone && tenant.State != TenantUnreadable {
			for _, domain := range distinctive(append([]string{tenant.PrimaryDomain}, tenant.Domains...)...) {
				f.held[domain] = true
			}
		}
	}
	return f
}

// find matches a managed tenant. Of one that is gone or unreadable those matches are
// marked that rest on domains alone that an active one holds too.
func (f *finder) find(tenant ManagedTenant) Found {
	found := f.index.Match(tenant)
	if tenant.State != TenantGone && tenant.State != TenantUnreadable {
		return found
	}
	own, moved := f.withoutHeld(tenant)
	if !moved {
		return found
	}
	byOwn := map[string]Match{}
	for _, m := range f.index.Match(own).Matches {
		byOwn[m.ClientID] = m
	}
	for i, m := range found.Matches {
		if m.Domain == "" || !f.held[m.Domain] {
			continue
		}
		if still, ok := byOwn[m.ClientID]; ok && still.Reason == m.Reason {
			found.Matches[i].Domain = still.Domain
		} else {
			found.Matches[i].StaleDomain = true
		}
	}
	return found
}

// withoutHeld is the managed tenant without the domains that active ones hold; moved
// says that it had some.
func (f *finder) withoutHeld(tenant ManagedTenant) (own ManagedTenant, moved bool) {
	own = tenant
	own.PrimaryDomain, own.Domains = "", nil
	for _, domain := range distinctive(append([]string{tenant.PrimaryDomain}, tenant.Domains...)...) {
		if f.held[domain] {
			moved = true
		} else {
			own.Domains = append(own.Domains, domain)
		}
	}
	return own, moved
}
