package fleet

import (
	"iter"
	"strings"
)

// Slots is one more than the last slot that was ever taken.
func (f *Fleet) Slots(tenant int) int {
	f.mu.RLock()
	defer f.mu.RUnlock()
	return f.tenants[tenant].Generated + f.overlays[tenant].added
}

// Count is the number of users there are now.
func (f *Fleet) Count(tenant int) int {
	f.mu.RLock()
	defer f.mu.RUnlock()
	o := f.overlays[tenant]
	return f.tenants[tenant].Generated + o.added - o.gone
}

// At returns the user of a slot and whether it is gone; a gone user has its id
// only. The slot must be below Slots.
func (f *Fleet) At(tenant, slot int) (User, Removal) {
	f.mu.RLock()
	p, changed := f.overlays[tenant].patches[slot]
	f.mu.RUnlock()
	t := &f.tenants[tenant]
	if !changed {
		return f.generate(t, slot), Present
	}
	if p.removal != Present {
		return User{ID: f.userID(tenant, slot), Slot: slot}, p.removal
	}
	u, err := f.patched(t, slot, p)
	if err != nil {
		// store has applied this very patch before it kept it.
		panic("fleet: a stored change does not apply: " + err.Error())
	}
	return u, Present
}

// Users yields the users there are, by slot.
func (f *Fleet) Users(tenant int) iter.Seq[User] {
	return func(yield func(User) bool) {
		for slot := 0; slot < f.Slots(tenant); slot++ {
			if u, gone := f.At(tenant, slot); gone == Present && !yield(u) {
				return
			}
		}
	}
}

// Find returns the slot of an object id or user principal name.
func (f *Fleet) Find(tenant int, idOrUPN string) (int, bool) {
	f.mu.RLock()
	defer f.mu.RUnlock()
	return f.find(&f.tenants[tenant], idOrUPN)
}

func (f *Fleet) find(t *Tenant, idOrUPN string) (int, bool) {
	o := f.overlays[t.Index]
	taken := t.Generated + o.added
	want := strings.ToLower(idOrUPN)
	if slot, ok := f.slotOf(t.Index, want); ok {
		return slot, slot < taken
	}
	if slot, ok := o.upns[want]; ok {
		if u, err := f.patched(t, slot, o.patches[slot]); err == nil && strings.EqualFold(u.UserPrincipalName.Or(""), want) {
			return slot, true
		}
	}
	slot, ok := slotInUPN(want)
	if !ok || slot >= taken {
		return 0, false
	}
	if _, changed := o.patches[slot]; changed {
		u, err := f.patched(t, slot, o.patches[slot])
		return slot, err == nil && strings.EqualFold(u.UserPrincipalName.Or(""), want)
	}
	return slot, strings.EqualFold(f.generate(t, slot).UserPrincipalName.Or(""), want)
}

// slotInUPN reads the number at the end of a generated local part.
func slotInUPN(upn string) (int, bool) {
	local, _, ok := strings.Cut(upn, "@")
	if !ok {
		return 0, false
	}
	if before, _, guest := strings.Cut(local, "_"); guest && strings.HasSuffix(local, "#ext#") {
		local = before
	}
	digits := len(local)
	for digits > 0 && local[digits-1] >= '0' && local[digits-1] <= '9' {
		digits--
	}
	n := 0
	for _, r := range local[digits:] {
		n = n*10 + int(r-'0')
		if n > 1<<halfBits {
			return 0, false
		}
	}
	return n, digits < len(local)
}

// Version is how many changes a tenant's users have seen.
func (f *Fleet) Version(tenant int) int {
	f.mu.RLock()
	defer f.mu.RUnlock()
	return len(f.overlays[tenant].log)
}

// Log returns the changes from..to of a tenant, not the slice's owner's to
// write. Ok is false where the range reaches beyond what happened.
func (f *Fleet) Log(tenant, from, to int) (entries []LogEntry, ok bool) {
	f.mu.RLock()
	defer f.mu.RUnlock()
	log := f.overlays[tenant].log
	if from < 0 || from > to || to > len(log) {
		return nil, false
	}
	return log[from:to:to], true
}
