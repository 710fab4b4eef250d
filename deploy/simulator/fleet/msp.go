package fleet

import (
	"fmt"
	"iter"
	"strings"
)

// Client is a record of a customer in the MSP's own system. The JSON is that
// of the public batch upsert.
type Client struct {
	ExternalID         string   `json:"externalId"`
	Name               string   `json:"name"`
	Website            string   `json:"website,omitempty"`
	Domain             string   `json:"domain,omitempty"`
	AlternativeDomains []string `json:"alternativeDomains,omitempty"`
	EmailDomains       []string `json:"emailDomains,omitempty"`
	BillingEmail       string   `json:"billingEmail,omitempty"`
}

// Contact is a person at a client, known to the MSP before any sync. The JSON
// is that of the public batch upsert.
type Contact struct {
	ExternalID       string `json:"externalId"`
	ClientExternalID string `json:"clientExternalId"`
	FullName         string `json:"fullName"`
	Email            string `json:"email,omitempty"`
	Phone            string `json:"phone,omitempty"`
	Role             string `json:"role,omitempty"`
	Inactive         bool   `json:"inactive,omitempty"`
}

// MSP is what the partner's own system holds. It comes from the seed alone and
// does not follow an administrator's changes.
type MSP struct{ f *Fleet }

// MSP returns the partner's own records.
func (f *Fleet) MSP() MSP { return MSP{f} }

// Clients yields the clients, those of the tenants first.
func (m MSP) Clients() iter.Seq[Client] {
	return func(yield func(Client) bool) {
		for _, t := range m.f.Customers() {
			for _, c := range m.clientsOf(t) {
				if !yield(c) {
					return
				}
			}
		}
		for _, c := range strangers {
			if !yield(c) {
				return
			}
		}
	}
}

// strangers are clients without a managed tenant.
var strangers = []Client{
	{ExternalID: "C-9001", Name: "Ye Olde Sweetshop", Website: "https://www.yeoldesweetshop.example-shop.co.uk/"},
	{ExternalID: "C-9002", Name: "Harbour Pilots' Association", BillingEmail: "harbour.pilots@gmail.com"},
	{ExternalID: "C-9003", Name: "Σπύρος & Υιοί", Domain: "spyros-sons.gr"},
	{ExternalID: "C-9004", Name: "Robert'); DROP TABLE clients;--", EmailDomains: []string{"bobby-tables.net"}},
}

func clientID(t Tenant) string { return fmt.Sprintf("C-%04d", 1000+t.Index) }

func (m MSP) clientsOf(t Tenant) []Client {
	f, domain := m.f, t.DefaultDomain()
	c := Client{ExternalID: clientID(t), Name: t.DisplayName}
	d := dice(mix(f.cfg.Seed, 12, uint64(t.Index)))
	switch {
	case f.special(t, placeNobody):
		return nil
	case f.special(t, placeFuzzyOnly):
		c.Name = "Redwood Orthopedic Partners"
		c.BillingEmail = "redwood.ortho.office@gmail.com"
		return []Client{c}
	case f.special(t, placeSecondaryOnly):
		c.Name = "KT Holding"
		c.BillingEmail = "Faktury@" + strings.ToUpper(domain)
		return []Client{c}
	case f.special(t, placeIDN):
		c.Website = "https://www.müller-hochbau.de/kontakt?lang=de"
		return []Client{c}
	case f.special(t, placeNoContract):
		c.EmailDomains = []string{t.Domains[len(t.Domains)-1].Name}
		return []Client{c}
	case f.special(t, placeTwoClients):
		c.Domain = domain
		other := Client{ExternalID: clientID(t) + "-B", Name: "Stonebridge Notaries", Website: "http://" + domain}
		return []Client{c, other}
	}
	switch d.intn(4) {
	case 0:
		c.Website = "https://www." + domain + "/"
	case 1:
		c.Domain = strings.ToUpper(domain[:1]) + domain[1:]
	case 2:
		c.EmailDomains = []string{domain}
	default:
		c.Website, c.Domain = "HTTP://"+domain+":80/home", domain
		c.BillingEmail = "billing@" + domain
	}
	return []Client{c}
}

// Contacts yields the contacts, client by client.
func (m MSP) Contacts() iter.Seq[Contact] {
	return func(yield func(Contact) bool) {
		for _, t := range m.f.Customers() {
			if len(m.clientsOf(t)) == 0 {
				continue
			}
			for slot := range t.Generated {
				for _, c := range m.contactsOf(&t, slot) {
					if !yield(c) {
						return
					}
				}
			}
			for n := range 1 + t.Generated/50 {
				if !yield(m.outsider(t, n)) {
					return
				}
			}
		}
	}
}

// contactsOf are the contacts that the MSP has already for a user: none for
// most, one for some, two for a few.
func (m MSP) contactsOf(t *Tenant, slot int) []Contact {
	d := dice(mix(m.f.cfg.Seed, 13, uint64(t.Index), uint64(slot)))
	n := d.intn(1000)
	p := m.f.person(t, slot)
	if m.f.oddityAt(t, slot) == leaversAlias {
		return []Contact{m.f.leaver(t, slot)}
	}
	written, certain, never := m.f.writtenOddly(t, slot, p.mail)
	if n >= 120 && !certain || never || m.f.inPair(t, slot) {
		return nil
	}
	if p.mail == "" {
		return nil
	}
	c := Contact{
		ExternalID:       fmt.Sprintf("P-%04d-%d", t.Index, slot),
		ClientExternalID: clientID(*t),
		FullName:         p.given.shown + " " + p.sur.shown,
		Email:            p.mail,
	}
	if d.chance(500) {
		c.Phone = fmt.Sprintf("+44 20 7946 0%d", 100+d.intn(899))
	}
	if d.chance(400) {
		c.Role = pick(&d, jobTitles)
	}
	switch {
	case m.f.oddityAt(t, slot) == mergedAtHost:
		c.Email = written
		return []Contact{c, m.f.oldRecord(t, slot, c)}
	case certain:
		c.Email = written
	case n < 80:
		c.Email = swapCase(p.mail)
	case n < 92: // ambiguous: two contacts with one address
		twin := c
		twin.ExternalID += "-B"
		twin.FullName += " (old)"
		twin.Email = swapCase(p.mail)
		twin.Inactive = d.chance(500)
		return []Contact{c, twin}
	case n < 100:
		c.Inactive = true
	case n < 110 && p.hasAlias && p.kind != kindGuest:
		c.Email = p.alias(slot)
	}
	return []Contact{c}
}

// outsider is a contact that no directory knows.
func (m MSP) outsider(t Tenant, n int) Contact {
	d := dice(mix(m.f.cfg.Seed, 14, uint64(t.Index), uint64(n)))
	pool := &pools[d.intn(len(pools))]
	given, sur := pick(&d, pool.given), pick(&d, pool.surname)
	c := Contact{
		ExternalID:       fmt.Sprintf("P-%04d-X%d", t.Index, n),
		ClientExternalID: clientID(t),
		FullName:         given.shown + " " + sur.shown,
	}
	if !d.chance(200) {
		// A generated local part never ends with a letter.
		c.Email = fmt.Sprintf("%s.%s%dx@%s", given.ascii, sur.ascii, n, t.DefaultDomain())
	}
	return c
}
