package expect

import (
	"fmt"

	"github.com/entrasync/entrasync/deploy/simulator/fleet"
)

// contact is a contact of a client as matching sees it.
type contact struct {
	externalID string
	name       string
	email      string // normalised; empty without one
	inactive   bool
	deleted    bool
	// The identity that it is linked to, and whether that link is active; empty without one.
	tenant, identity string
	active           bool
}

// State is what a fleet's contacts have come to.
type State struct {
	// Outcomes are what the last sync must yield, by tenant id.
	Outcomes map[string]Outcome

	pairs   []Pair
	clients map[string][]*contact
}

// First is Initial, to go on from.
func First(f *fleet.Fleet, pairs []Pair) (*State, error) {
	s := &State{pairs: pairs, clients: map[string][]*contact{}}
	for _, p := range pairs {
		s.clients[p.ClientExternalID] = nil
	}
	for c := range f.MSP().Contacts() {
		if _, wanted := s.clients[c.ClientExternalID]; wanted {
			email, _ := Address(c.Email)
			s.clients[c.ClientExternalID] = append(s.clients[c.ClientExternalID], &contact{
				externalID: c.ExternalID, name: c.FullName, email: email, inactive: c.Inactive,
			})
		}
	}
	return s, s.sync(f)
}

// Next computes the sync after what the MSP did to its contacts; f is the fleet as it is
// by then.
func (s *State) Next(f *fleet.Fleet, changes []fleet.ContactChange) error {
	for _, change := range changes {
		for _, c := range s.clients[change.ClientExternalID] {
			if c.externalID == change.ExternalID {
				c.name, c.inactive, c.deleted = change.FullName, change.Inactive, change.Deleted
				c.email, _ = Address(change.Email)
			}
		}
	}
	return s.sync(f)
}

func (s *State) sync(f *fleet.Fleet) error {
	s.Outcomes = map[string]Outcome{}
	for _, p := range s.pairs {
		t, ok := f.Tenant(p.TenantID)
		if !ok {
			return fmt.Errorf("tenant %s: %w", p.TenantID, fleet.ErrNotFound)
		}
		var users []*fleet.User // a user is large
		for u := range f.Users(t.Index) {
			users = append(users, &u)
		}
		outcome, contacts, err := directory(p.TenantID, users, s.clients[p.ClientExternalID])
		if err != nil {
			return fmt.Errorf("tenant %s: %w", t.DisplayName, err)
		}
		s.Outcomes[p.TenantID], s.clients[p.ClientExternalID] = outcome, contacts
	}
	return nil
}

// linksOf are the contacts of a directory's identities: those that stand, and those that
// the host has deleted, whose links have ended.
func linksOf(tenant string, contacts []*contact) (standing, ended map[string]*contact) {
	standing, ended = map[string]*contact{}, map[string]*contact{}
	for _, c := range contacts {
		switch {
		case c.tenant != tenant:
		case c.deleted:
			ended[c.identity] = c
		default:
			standing[c.identity] = c
		}
	}
	return standing, ended
}

// leave makes the contact of somebody who is disabled or gone inactive, once.
func leave(c *contact, reason string) Decision {
	if !c.active {
		return Decision{Class: Unchanged}
	}
	c.active, c.inactive = false, true
	return Decision{Class: Inactivated, Reason: reason}
}

// madeAgain says whether an identity is that of the contact's former one, whose account
// the directory has no more.
func madeAgain(u identity, c *contact, tenant string, listed map[string]bool, byAlias bool) bool {
	return c.tenant == tenant && !listed[c.identity] && !byAlias && shareWord(c.name, fullName(u))
}
