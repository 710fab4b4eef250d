package fleet

import (
	"fmt"
	"slices"
	"time"
)

// Relationship is a GDAP relationship between the partner and a customer.
type Relationship struct {
	ID          string
	DisplayName string
	TenantID    string // the customer's
	TenantName  string
	// Status is a member of delegatedAdminRelationshipStatus.
	Status     string
	Created    time.Time
	Modified   time.Time
	Activated  time.Time
	End        time.Time
	Duration   string // ISO 8601, such as P730D
	AutoExtend string // ISO 8601; PT0S where it ends for good
	Roles      []string
}

// Role definition ids of Directory Readers, Global Reader and User Administrator.
var gdapRoles = []string{
	"88d8e3e3-8f55-4a1e-953a-9b9898b8876b",
	"f2ef992c-3afb-46b9-b7cf-a126ee74c451",
	"fe930be7-5e62-47db-91af-98c3a49a38b1",
}

func (f *Fleet) makeRelationships() []Relationship {
	var all []Relationship
	managed := len(f.tenants)
	if f.hasExtras() {
		managed -= 2
	}
	for i, t := range f.tenants[1:managed] {
		r := f.relationship(t, 0)
		if i%4 == 3 {
			r.AutoExtend = "PT0S"
		}
		all = append(all, r)
		if f.special(t, placeTwoRelations) {
			later := f.relationship(t, 1)
			later.End = r.End.AddDate(0, 5, 0)
			later.Duration = "P730D"
			all = append(all, later)
		}
	}
	if f.hasExtras() {
		lapsed := f.relationship(f.tenants[managed], 0)
		lapsed.Status, lapsed.AutoExtend = "expired", "PT0S"
		lapsed.Activated = f.epoch.AddDate(-2, 0, 3)
		lapsed.Created, lapsed.End = lapsed.Activated.AddDate(0, 0, -2), lapsed.Activated.AddDate(0, 0, 365)
		lapsed.Duration, lapsed.Modified = "P365D", lapsed.End
		led := f.relationship(f.tenants[managed+1], 0)
		led.DisplayName = "MLT_" + led.DisplayName
		all = append(all, lapsed, led)
	}
	return all
}

func (f *Fleet) relationship(t Tenant, nth int) Relationship {
	d := dice(mix(f.cfg.Seed, 9, uint64(t.Index), uint64(nth)))
	activated := f.epoch.AddDate(0, 0, -1-d.intn(300)).Add(time.Duration(d.intn(86400)) * time.Second)
	return Relationship{
		ID:          guid(d.next(), d.next()) + "-" + guid(d.next(), d.next()),
		DisplayName: fmt.Sprintf("Kestrel support %03d-%d", t.Index, nth+1),
		TenantID:    t.ID, TenantName: t.DisplayName,
		Status:    "active",
		Created:   activated.AddDate(0, 0, -2),
		Modified:  activated.Add(time.Minute),
		Activated: activated,
		// Longer than the 730 days that Microsoft allows at most would be
		// untrue, so fleets of past years end.
		End:      activated.AddDate(0, 0, 730),
		Duration: "P730D", AutoExtend: "P180D",
		Roles: gdapRoles,
	}
}

// Lapsed are the customers whose relationships had ended when the fleet began.
func (f *Fleet) Lapsed() []Tenant {
	if !f.hasExtras() {
		return nil
	}
	return f.tenants[len(f.tenants)-2 : len(f.tenants)-1]
}

var statuses = []string{
	"activating", "active", "approvalPending", "approved", "created", "expired", "expiring", "terminated", "terminating", "terminationRequested",
}

// Relationships returns all relationships in no order of meaning.
func (f *Fleet) Relationships() []Relationship {
	f.mu.RLock()
	defer f.mu.RUnlock()
	return slices.Clone(f.relationships)
}

// MayAdminister says whether the partner has an active relationship with a
// tenant at that time.
func (f *Fleet) MayAdminister(tenantID string, at time.Time) bool {
	f.mu.RLock()
	defer f.mu.RUnlock()
	return slices.ContainsFunc(f.relationships, func(r Relationship) bool {
		return r.TenantID == tenantID && r.Status == "active" && at.Before(r.End)
	})
}

func (f *Fleet) editRelationship(c Change) error {
	matches := func(r Relationship) bool { return r.ID == c.Relationship }
	if c.Relationship == "" {
		t, ok := f.Tenant(c.Tenant)
		if !ok {
			return fmt.Errorf("tenant %q: %w", c.Tenant, ErrNotFound)
		}
		matches = func(r Relationship) bool { return r.TenantID == t.ID }
	}
	if !slices.ContainsFunc(f.relationships, matches) {
		return fmt.Errorf("relationship %q: %w", c.Relationship, ErrNotFound)
	}
	if c.Status != "" && !slices.Contains(statuses, c.Status) {
		return fmt.Errorf("unknown status %q of a relationship", c.Status)
	}
	for i := range f.relationships {
		r := &f.relationships[i]
		if !matches(*r) {
			continue
		}
		if c.Status != "" {
			r.Status = c.Status
		}
		if c.End != nil {
			r.End = c.End.UTC()
		}
	}
	return nil
}
