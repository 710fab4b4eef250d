package fleet

import (
	"encoding/json"
	"errors"
	"fmt"
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
	// EditRelationship changes a GDAP relationship, or all of a tenant's.
	EditRelationship ChangeKind = "relationship"
	// ResetRelationships makes all of them as they were in the beginning.
	ResetRelationships ChangeKind = "reset-relationships"
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
	switch c.Kind {
	case EditRelationship:
		return nil, f.editRelationship(c)
	case ResetRelationships:
		f.relationships = f.makeRelationships()
		return nil, nil
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
