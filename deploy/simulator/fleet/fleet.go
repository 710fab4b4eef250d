// Package fleet makes the directories of a simulated managed service provider
// out of a seed. A user is a pure function of (seed, tenant, slot) with the
// changes of an administrator laid over it, so that a fleet of a million users
// costs no memory and two processes with one seed hold the same people.
package fleet

import (
	"fmt"
	"strings"
	"sync"
	"time"
)

// Size names how large a fleet is.
type Size string

// The sizes of fleets.
const (
	// Tiny is 3 tenants and 60 users, for quick tests.
	Tiny Size = "tiny"
	// Small is 12 managed tenants and 6,000 users, and two tenants that cannot
	// be managed.
	Small Size = "small"
	// Large is 200 managed tenants and 200,000 users, and the same two.
	Large Size = "large"
	// Wide is 2,000 managed tenants of 3 to 20 users each, for discovery.
	Wide Size = "wide"
	// Many is 200 managed tenants, 197 of them of 3 to 20 users, for runs that
	// are disturbed.
	Many Size = "many"
	// OneLarge is a single tenant of 100,000 users.
	OneLarge Size = "one-large"
	// OneHuge is a single tenant of 1,000,000 users.
	OneHuge Size = "one-huge"
)

// Config is what a fleet is made from.
type Config struct {
	Size Size
	Seed uint64
	// Year dates the fleet: relationships are made in the year before and end
	// in the two years after. Two fleets are equal when their years are.
	Year int
}

// Domain is a verified domain of a tenant.
type Domain struct {
	Name string
	// Default is the domain new users get, Initial the *.onmicrosoft.com one.
	Default, Initial bool
}

// Tenant is one Entra directory.
type Tenant struct {
	// Index is the tenant's place in the fleet; 0 is the partner.
	Index       int
	ID          string
	DisplayName string
	Domains     []Domain
	// Generated is the number of users the seed gives it.
	Generated int
	// InContracts says whether the partner's contracts list it.
	InContracts bool
	CreatedAt   time.Time

	contractID string
	pool       int
}

// DefaultDomain is the domain that users are made in.
func (t Tenant) DefaultDomain() string {
	for _, d := range t.Domains {
		if d.Default {
			return d.Name
		}
	}
	return t.InitialDomain()
}

// InitialDomain is the tenant's *.onmicrosoft.com domain.
func (t Tenant) InitialDomain() string {
	for _, d := range t.Domains {
		if d.Initial {
			return d.Name
		}
	}
	return ""
}

// ContractID is the object id of the partner's contract with the tenant.
func (t Tenant) ContractID() string { return t.contractID }

// Fleet is the partner's directory and those of its customers. Its methods may
// be called from many goroutines.
type Fleet struct {
	cfg     Config
	epoch   time.Time
	idKey   uint64
	tenants []Tenant
	byName  map[string]int

	mu            sync.RWMutex
	overlays      []*overlay
	relationships []Relationship
	observe       func(Change)
}

// The places of the fleets Small and Large with something special about them,
// counted among the customers from 0.
const (
	placeIDN           = 1 // an internationalised domain, Unicode at the MSP
	placeTwoRelations  = 2 // two relationships; the later end counts
	placeNoContract    = 3 // no contract; matches by its second domain
	placeFuzzyOnly     = 4 // its client is found by name alone
	placeSecondaryOnly = 5 // its client is found by the billing email alone
	placeNobody        = 6 // no client
	placeTwoClients    = 7 // two clients with its domain
)

// New makes a fleet. It errors on an unknown size.
func New(cfg Config) (*Fleet, error) {
	sizes, err := userCounts(cfg.Size, cfg.Seed)
	if err != nil {
		return nil, err
	}
	if cfg.Year == 0 {
		cfg.Year = 2026
	}
	f := &Fleet{
		cfg:    cfg,
		epoch:  time.Date(cfg.Year, 1, 1, 0, 0, 0, 0, time.UTC),
		idKey:  mix(cfg.Seed, 1),
		byName: map[string]int{},
	}
	f.addTenant(company{name: "Kestrel Managed Services Ltd", slug: "kestrel-managed", tld: "com"}, 25)
	for place, users := range sizes {
		f.addTenant(companyAt(cfg.Seed, place), users)
	}
	if f.hasExtras() {
		f.addTenant(company{name: "Lapsed & Sons Removals", slug: "lapsed-removals", tld: "co.uk"}, 30)
		f.addTenant(company{name: "Old Mill Transition Bakery", slug: "oldmill-bakery", tld: "com"}, 15)
	}
	for i, t := range f.tenants {
		f.overlays = append(f.overlays, newOverlay())
		f.byName[t.ID] = i
		for _, d := range t.Domains {
			f.byName[d.Name] = i
		}
	}
	f.relationships = f.makeRelationships()
	return f, nil
}

// Seed is the seed the fleet was made from.
func (f *Fleet) Seed() uint64 { return f.cfg.Seed }

// Size is the size the fleet was made in.
func (f *Fleet) Size() Size { return f.cfg.Size }

// Partner is the MSP's own directory.
func (f *Fleet) Partner() Tenant { return f.tenants[0] }

// Customers are all other directories, managed or not.
func (f *Fleet) Customers() []Tenant { return f.tenants[1:] }

// Tenant finds a tenant by id or by any of its domains.
func (f *Fleet) Tenant(idOrDomain string) (Tenant, bool) {
	i, ok := f.byName[strings.ToLower(idOrDomain)]
	if !ok {
		return Tenant{}, false
	}
	return f.tenants[i], true
}

// hasExtras says whether the fleet has the special customers.
func (f *Fleet) hasExtras() bool { return f.cfg.Size == Small || f.cfg.Size == Large }

// special says whether a customer is the one with that speciality.
func (f *Fleet) special(t Tenant, place int) bool { return f.hasExtras() && t.Index == place+1 }

func (f *Fleet) addTenant(c company, users int) {
	index := len(f.tenants)
	key := mix(f.cfg.Seed, 2, uint64(index))
	d := dice(key)
	slug := strings.ReplaceAll(c.slug, "-", "")
	t := Tenant{
		Index:       index,
		ID:          guid(d.next(), d.next()),
		DisplayName: c.name,
		Generated:   users,
		InContracts: index > 0,
		CreatedAt:   f.epoch.AddDate(0, 0, -400-d.intn(2000)).Add(time.Duration(d.intn(86400)) * time.Second),
		contractID:  guid(d.next(), d.next()),
		pool:        c.pool,
	}
	t.Domains = []Domain{{Name: c.slug + "." + c.tld, Default: true}, {Name: slug + ".onmicrosoft.com", Initial: true}}
	if f.special(t, placeIDN) {
		t.Domains[0].Name = "xn--mller-hochbau-wob.de"
	}
	if f.special(t, placeNoContract) {
		t.InContracts = false
		t.Domains = append(t.Domains, Domain{Name: slug + ".eu"})
	} else if index > 0 && d.chance(250) {
		t.Domains = append(t.Domains, Domain{Name: slug + ".group"}, Domain{Name: "mail." + c.slug + "." + c.tld})
	}
	f.tenants = append(f.tenants, t)
}

func userCounts(size Size, seed uint64) ([]int, error) {
	switch size {
	case Tiny:
		return []int{38, 19, 3}, nil
	case Small:
		return []int{2000, 1200, 800, 600, 450, 350, 250, 180, 90, 57, 20, 3}, nil
	case Large:
		return largeCounts(seed), nil
	case Wide:
		return smallCounts(seed, 2000), nil
	case Many:
		return append([]int{1200, 600, 300}, smallCounts(seed, 197)...), nil
	case OneLarge:
		return []int{100_000}, nil
	case OneHuge:
		return []int{1_000_000}, nil
	}
	return nil, fmt.Errorf("unknown fleet %q: want tiny, small, large, wide, many, one-large or one-huge", size)
}

// smallCounts are tenants of 3 to 20 users.
func smallCounts(seed uint64, tenants int) []int {
	counts := make([]int, tenants)
	d := dice(mix(seed, 4))
	for i := range counts {
		counts[i] = 3 + d.intn(18)
	}
	return counts
}

// largeCounts spreads 200,000 users over 200 tenants, a few of them large and
// most of them small.
func largeCounts(seed uint64) []int {
	counts := make([]int, 0, 200)
	for i := range 200 {
		switch {
		case i%20 == 0: // 10 tenants
			counts = append(counts, 8000)
		case i%5 == 1: // 40 tenants
			counts = append(counts, 1800)
		case i%4 == 2: // 50 tenants, less those above
			counts = append(counts, 160)
		default:
			counts = append(counts, 400)
		}
	}
	total := 0
	for _, c := range counts {
		total += c
	}
	counts[0] += 200_000 - total
	// Uneven, with the sum kept: what one of a pair gains the other loses.
	d := dice(mix(seed, 3))
	for i := 1; i+1 < len(counts); i += 2 {
		shift := d.intn(min(counts[i], counts[i+1]) / 2)
		counts[i] += shift
		counts[i+1] -= shift
	}
	return counts
}
