package fleet

import (
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"maps"
	"slices"
	"strings"
	"time"
)

// ChangeKind is what an administrator did.
type ChangeKind string

// The kinds of changes.
const (
	// Edit sets properties of a user.
	Edit ChangeKind = "edit"
	// Add makes one user out of the given properties.
	Add ChangeKind = "add"
	// Grow makes Count users as the seed would have.
	Grow ChangeKind = "grow"
	// Delete moves a user to the deleted items: a tombstone "changed".
	Delete ChangeKind = "delete"
	// Purge removes a user for good: a tombstone "deleted".
	Purge ChangeKind = "purge"
	// Restore brings a deleted user back.
	Restore ChangeKind = "restore"
	// EditRelationship changes a GDAP relationship.
	EditRelationship ChangeKind = "relationship"
	// Member puts a user into a group or takes it out.
	Member ChangeKind = "member"
)

// ErrNotFound says that the tenant, user or relationship does not exist.
var ErrNotFound = errors.New("not found in the fleet")

// Change is one act of an administrator; it can be written down and replayed.
type Change struct {
	Kind   ChangeKind `json:"kind"`
	Tenant string     `json:"tenant,omitempty"` // id or domain
	User   string     `json:"user,omitempty"`   // object id or user principal name
	Count  int        `json:"count,omitempty"`
	// Set holds properties by their Graph names; null clears one.
	Set map[string]json.RawMessage `json:"set,omitempty"`
	// Bytes holds texts that JSON cannot carry, such as invalid UTF-8.
	Bytes map[string][]byte `json:"bytes,omitempty"`
	// Omit names properties that no answer shall contain.
	Omit []string `json:"omit,omitempty"`

	Relationship string     `json:"relationship,omitempty"`
	Status       string     `json:"status,omitempty"`
	End          *time.Time `json:"end,omitempty"`

	Group  string `json:"group,omitempty"`
	Remove bool   `json:"remove,omitempty"`
}

// Removal says whether and how a user is gone.
type Removal uint8

// The ways to be gone, in the words of delta tombstones.
const (
	Present Removal = iota
	Changed
	Deleted
)

// patch is what an administrator made of one slot.
type patch struct {
	blank   bool // made by Add: nothing comes from the seed
	set     map[string]json.RawMessage
	bytes   map[string][]byte
	omit    map[string]bool
	removal Removal
}

// LogEntry is one change of one user. Properties is nil where all changed.
type LogEntry struct {
	Slot       int
	Properties []string
}

type overlay struct {
	patches map[int]patch
	added   int
	gone    int
	log     []LogEntry
	upns    map[string]int
	members map[string]map[int]bool
}

func newOverlay() *overlay {
	return &overlay{patches: map[int]patch{}, upns: map[string]int{}, members: map[string]map[int]bool{}}
}

// Observe calls fn with every change that is applied from now on, in order.
func (f *Fleet) Observe(fn func(Change)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.observe = fn
}

// Apply carries a change out and returns the object ids of the users touched.
func (f *Fleet) Apply(c Change) ([]string, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	ids, err := f.apply(c)
	if err == nil && f.observe != nil {
		f.observe(c)
	}
	return ids, err
}

func (f *Fleet) apply(c Change) ([]string, error) {
	if c.Kind == EditRelationship {
		return nil, f.editRelationship(c)
	}
	t, ok := f.Tenant(c.Tenant)
	if !ok {
		return nil, fmt.Errorf("tenant %q: %w", c.Tenant, ErrNotFound)
	}
	o := f.overlays[t.Index]
	switch c.Kind {
	case Grow:
		return f.grow(&t, o, c.Count), nil
	case Add:
		return f.add(&t, o, c)
	}
	slot, ok := f.find(&t, c.User)
	if !ok {
		return nil, fmt.Errorf("user %q: %w", c.User, ErrNotFound)
	}
	p := o.patches[slot].clone()
	entry := LogEntry{Slot: slot}
	switch c.Kind {
	case Edit:
		if p.removal != Present {
			return nil, fmt.Errorf("user %q is deleted: %w", c.User, ErrNotFound)
		}
		p.merge(c)
		entry.Properties = p.touched(c)
	case Delete, Purge, Restore:
		if !p.remove(o, c.Kind) {
			return nil, fmt.Errorf("user %q: %s is not possible now: %w", c.User, c.Kind, ErrNotFound)
		}
	case Member:
		if !f.isGroup(&t, c.Group) {
			return nil, fmt.Errorf("group %q: %w", c.Group, ErrNotFound)
		}
		if o.members[c.Group] == nil {
			o.members[c.Group] = map[int]bool{}
		}
		o.members[c.Group][slot] = !c.Remove
		return []string{f.userID(t.Index, slot)}, nil
	default:
		return nil, fmt.Errorf("unknown kind of change %q", c.Kind)
	}
	if err := f.store(&t, o, slot, p); err != nil {
		return nil, err
	}
	o.log = append(o.log, entry)
	return []string{f.userID(t.Index, slot)}, nil
}

func (f *Fleet) grow(t *Tenant, o *overlay, count int) []string {
	ids := make([]string, 0, count)
	for range count {
		slot := t.Generated + o.added
		o.added++
		o.log = append(o.log, LogEntry{Slot: slot})
		ids = append(ids, f.userID(t.Index, slot))
	}
	return ids
}

func (f *Fleet) add(t *Tenant, o *overlay, c Change) ([]string, error) {
	slot := t.Generated + o.added
	p := patch{blank: true}.clone()
	p.merge(c)
	if err := f.store(t, o, slot, p); err != nil {
		return nil, err
	}
	o.added++
	o.log = append(o.log, LogEntry{Slot: slot})
	return []string{f.userID(t.Index, slot)}, nil
}

// store keeps a patch after having seen that it can be applied.
func (f *Fleet) store(t *Tenant, o *overlay, slot int, p patch) error {
	u, err := f.patched(t, slot, p)
	if err != nil {
		return err
	}
	o.patches[slot] = p
	if upn := u.UserPrincipalName.Or(""); upn != "" {
		o.upns[strings.ToLower(upn)] = slot
	}
	return nil
}

func (p patch) clone() patch {
	p.set, p.bytes, p.omit = maps.Clone(p.set), maps.Clone(p.bytes), maps.Clone(p.omit)
	if p.set == nil {
		p.set = map[string]json.RawMessage{}
	}
	if p.bytes == nil {
		p.bytes = map[string][]byte{}
	}
	if p.omit == nil {
		p.omit = map[string]bool{}
	}
	return p
}

func (p *patch) merge(c Change) {
	for k, v := range c.Set {
		p.set[k] = v
		delete(p.bytes, k)
		delete(p.omit, k)
	}
	for k, v := range c.Bytes {
		p.bytes[k] = v
		delete(p.omit, k)
	}
	for _, k := range c.Omit {
		p.omit[k] = true
	}
}

func (p *patch) touched(c Change) []string {
	names := append(slices.Collect(maps.Keys(c.Set)), slices.Collect(maps.Keys(c.Bytes))...)
	names = append(names, c.Omit...)
	slices.Sort(names)
	return names
}

// remove moves between the states of removal; false where it cannot.
func (p *patch) remove(o *overlay, kind ChangeKind) bool {
	before := p.removal
	switch kind {
	case Delete:
		p.removal = Changed
	case Purge:
		p.removal = Deleted
	default:
		p.removal = Present
	}
	if before == p.removal || before == Deleted {
		return false
	}
	if before == Present {
		o.gone++
	} else if p.removal == Present {
		o.gone--
	}
	return true
}

// patched lays a patch over what the seed gives.
func (f *Fleet) patched(t *Tenant, slot int, p patch) (User, error) {
	var u User
	if p.blank {
		u = User{
			ID: f.userID(t.Index, slot), Slot: slot, AccountEnabled: Of(true), UserType: Of("Member"),
			CreatedDateTime: f.epoch,
		}
	} else {
		u = f.generate(t, slot)
	}
	if len(p.set) > 0 {
		known := map[string]json.RawMessage{}
		for k, v := range p.set {
			switch {
			case k == "assignedLicenses":
				var all []struct {
					SKUID string `json:"skuId"`
				}
				if err := json.Unmarshal(v, &all); err != nil {
					return User{}, fmt.Errorf("property %s: %w", k, err)
				}
				u.LicenceSKUs = []string{}
				for _, l := range all {
					u.LicenceSKUs = append(u.LicenceSKUs, l.SKUID)
				}
			case userProperties[k]:
				known[k] = v
			default:
				if u.Extra == nil {
					u.Extra = map[string]json.RawMessage{}
				}
				u.Extra[k] = v
			}
		}
		whole, err := json.Marshal(known)
		if err != nil {
			return User{}, fmt.Errorf("properties: %w", err)
		}
		if err := json.Unmarshal(whole, &u); err != nil {
			return User{}, fmt.Errorf("properties: %w", err)
		}
	}
	for k, v := range p.bytes {
		field := u.text(k)
		if field == nil {
			return User{}, fmt.Errorf("property %s cannot be given as bytes", k)
		}
		*field = Of(string(v))
	}
	u.Omit = p.omit
	return u, nil
}

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
