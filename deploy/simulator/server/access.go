package server

import (
	"errors"
	"fmt"
	"net/http"

	"github.com/entrasync/entrasync/deploy/simulator/fleet"
)

// membership takes a partner's user out of the groups that GDAP gives roles
// in a customer, or puts it back.
type membership struct {
	UserID   string `json:"user"`
	TenantID string `json:"tenant,omitempty"` // empty is every customer
	Out      bool   `json:"out"`
}

// policy is what a tenant's Conditional Access or cross-tenant settings answer
// to people; 0 lets them in.
type policy struct {
	TenantID string `json:"tenant"`
	AADSTS   int    `json:"aadsts"`
}

// outsideGDAP says whether somebody was taken out of the groups of a customer.
func (s *state) outsideGDAP(user, tenant string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if out, said := s.outside[user+" "+tenant]; said {
		return out
	}
	return s.outside[user+" "]
}

// policyOf is the AADSTS number that a tenant's policies answer with, or 0.
func (s *state) policyOf(tenant string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.policies[tenant]
}

// mayAdminister says whether a partner's user gets into a customer.
func (s *Server) mayAdminister(userID string, t fleet.Tenant) bool {
	return s.fleet.MayAdminister(t.ID, s.now()) && !s.state.outsideGDAP(userID, t.ID)
}

// adminGDAP takes a user of the partner out of the GDAP groups, or puts it back.
func (s *Server) adminGDAP(w http.ResponseWriter, r *http.Request) {
	var body struct {
		User   string `json:"user"`
		Tenant string `json:"tenant"`
		Member bool   `json:"member"`
	}
	if !read(w, r, &body) {
		return
	}
	partner := s.fleet.Partner()
	slot, ok := s.fleet.Find(partner.Index, body.User)
	if !ok {
		adminError(w, fmt.Errorf("user %q of the partner: %w", body.User, fleet.ErrNotFound))
		return
	}
	user, _ := s.fleet.At(partner.Index, slot)
	m := membership{UserID: user.ID, Out: !body.Member}
	if body.Tenant != "" {
		t, ok := s.tenantNamed(w, body.Tenant)
		if !ok {
			return
		}
		m.TenantID = t.ID
	}
	s.state.commit(record{Membership: &m})
	w.WriteHeader(http.StatusNoContent)
}

// adminPolicy sets what a tenant answers to people who want in.
func (s *Server) adminPolicy(w http.ResponseWriter, r *http.Request) {
	var body struct {
		Tenant string `json:"tenant"`
		AADSTS int    `json:"aadsts"`
	}
	if !read(w, r, &body) {
		return
	}
	t, ok := s.tenantNamed(w, body.Tenant)
	if !ok {
		return
	}
	if body.AADSTS < 0 {
		adminError(w, errors.New("aadsts is a number above 0, or 0 to let people in"))
		return
	}
	s.state.commit(record{Policy: &policy{TenantID: t.ID, AADSTS: body.AADSTS}})
	w.WriteHeader(http.StatusNoContent)
}

// adminReset ends all that misbehaves: faults, refusals, policies, changed
// consents and relationships, blocks and what was counted. People, apps and
// the grants that were given stay.
func (s *Server) adminReset(w http.ResponseWriter, _ *http.Request) {
	s.faults.remove(0)
	s.state.commit(record{Reset: true})
	if _, err := s.fleet.Apply(fleet.Change{Kind: fleet.ResetRelationships}); err != nil {
		adminError(w, err)
		return
	}
	if err := s.cipp.configure(s.fleet, cippDefaults(s.fleet)); err != nil {
		adminError(w, err)
		return
	}
	s.throttle.lift(false)
	s.counters.reset()
	w.WriteHeader(http.StatusNoContent)
}
