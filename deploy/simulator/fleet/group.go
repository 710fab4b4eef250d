package fleet

import (
	"iter"
	"slices"
)

// Group is a security group of a tenant.
type Group struct {
	ID          string
	DisplayName string
	Description string

	every int // one user in every so many belongs to it
}

var groupSorts = []Group{
	{DisplayName: "All staff", Description: "Everybody who has a mailbox", every: 1},
	{DisplayName: "Leadership", Description: "Heads of departments", every: 10},
	{DisplayName: "PSA contacts", Description: "Who may open tickets", every: 3},
}

// Groups are the groups of a tenant; they never change.
func (f *Fleet) Groups(tenant int) []Group {
	groups := slices.Clone(groupSorts)
	for i := range groups {
		groups[i].ID = guid(mix(f.cfg.Seed, 10, uint64(tenant), uint64(i)), mix(f.cfg.Seed, 11, uint64(tenant), uint64(i)))
	}
	return groups
}

func (f *Fleet) isGroup(t *Tenant, id string) bool {
	return slices.ContainsFunc(f.Groups(t.Index), func(g Group) bool { return g.ID == id })
}

// Members yields the users of a group, by slot.
func (f *Fleet) Members(tenant int, group Group) iter.Seq[User] {
	return func(yield func(User) bool) {
		for slot := 0; slot < f.Slots(tenant); slot++ {
			if !f.isMember(tenant, group, slot) {
				continue
			}
			if u, gone := f.At(tenant, slot); gone == Present && !yield(u) {
				return
			}
		}
	}
}

func (f *Fleet) isMember(tenant int, group Group, slot int) bool {
	f.mu.RLock()
	said, ok := f.overlays[tenant].members[group.ID][slot]
	f.mu.RUnlock()
	if ok {
		return said
	}
	return slot < f.tenants[tenant].Generated && slot%group.every == 0
}

// MemberCount is the number of users in a group. It costs no more than the
// changes that an administrator made.
func (f *Fleet) MemberCount(tenant int, group Group) int {
	f.mu.RLock()
	defer f.mu.RUnlock()
	generated, o := f.tenants[tenant].Generated, f.overlays[tenant]
	born := func(slot int) bool { return slot < generated && slot%group.every == 0 }
	n := (generated + group.every - 1) / group.every
	said := o.members[group.ID]
	for slot, in := range said {
		switch {
		case in && !born(slot):
			n++
		case !in && born(slot):
			n--
		}
	}
	for slot, p := range o.patches {
		in, ok := said[slot]
		if p.removal != Present && (ok && in || !ok && born(slot)) {
			n--
		}
	}
	return n
}

// Member is the user of a slot where it is in the group.
func (f *Fleet) Member(tenant int, group Group, slot int) (User, bool) {
	if !f.isMember(tenant, group, slot) {
		return User{}, false
	}
	u, gone := f.At(tenant, slot)
	return u, gone == Present
}
