package server

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/entrasync/entrasync/deploy/simulator/fleet"
)

// adminClients streams the MSP's clients as one JSON object a line.
func (s *Server) adminClients(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/x-ndjson")
	enc := json.NewEncoder(w)
	for c := range s.fleet.MSP().Clients() {
		if enc.Encode(c) != nil {
			return
		}
	}
}

// adminContacts streams the MSP's contacts as one JSON object a line.
func (s *Server) adminContacts(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/x-ndjson")
	enc := json.NewEncoder(w)
	for c := range s.fleet.MSP().Contacts() {
		if enc.Encode(c) != nil {
			return
		}
	}
}

func (s *Server) adminRelationships(w http.ResponseWriter, _ *http.Request) {
	rows := []map[string]any{}
	for _, r := range s.fleet.Relationships() {
		rows = append(rows, relationshipJSON(r))
	}
	adminJSON(w, http.StatusOK, map[string]any{"relationships": rows})
}

func (s *Server) adminApps(w http.ResponseWriter, _ *http.Request) {
	s.state.mu.Lock()
	apps := []App{}
	for _, app := range s.state.apps {
		app.Secret = ""
		apps = append(apps, app)
	}
	s.state.mu.Unlock()
	adminJSON(w, http.StatusOK, map[string]any{"apps": apps})
}

// adminAddApp registers an app or replaces its registration.
func (s *Server) adminAddApp(w http.ResponseWriter, r *http.Request) {
	var app App
	if !read(w, r, &app) {
		return
	}
	if app.ID == "" || app.Secret == "" && len(app.PublicKeys) == 0 && len(app.FederatedCredentials) == 0 {
		adminError(w, errors.New("clientId and clientSecret, publicKeys or federatedCredentials are needed"))
		return
	}
	for i, c := range app.FederatedCredentials {
		if c.Issuer == "" || c.Subject == "" {
			adminError(w, fmt.Errorf("federated credential %d: issuer and subject are needed", i))
			return
		}
	}
	for i, text := range app.PublicKeys {
		if _, err := parseCertificate(text); err != nil {
			adminError(w, fmt.Errorf("public key %d: %w", i, err))
			return
		}
	}
	s.state.commit(record{App: &app})
	w.WriteHeader(http.StatusNoContent)
}

// adminConsents sets what an app may do in a tenant; nothing revokes it.
func (s *Server) adminConsents(w http.ResponseWriter, r *http.Request) {
	var body struct {
		ClientID  string   `json:"clientId"`
		Tenant    string   `json:"tenant"`
		Delegated []string `json:"delegated"`
		Roles     []string `json:"roles"`
		// Restore gives back what the fleet began with.
		Restore bool `json:"restore"`
	}
	if !read(w, r, &body) {
		return
	}
	t, ok := s.tenantNamed(w, body.Tenant)
	if !ok {
		return
	}
	if _, ok := s.state.app(body.ClientID); !ok {
		adminError(w, fmt.Errorf("app %q: %w", body.ClientID, fleet.ErrNotFound))
		return
	}
	c := consent{App: body.ClientID, TenantID: t.ID, Delegated: body.Delegated, Roles: body.Roles, Ordered: true}
	if body.Restore {
		c.Delegated, c.Roles = customerScopes, customerRoles
	}
	s.state.commit(record{Consent: &c})
	w.WriteHeader(http.StatusNoContent)
}

// adminRevoke ends refresh tokens, of one user or all, with an AADSTS number.
func (s *Server) adminRevoke(w http.ResponseWriter, r *http.Request) {
	body := struct {
		User   string `json:"user"`
		AADSTS int    `json:"aadsts"`
	}{AADSTS: 50173}
	if !read(w, r, &body) {
		return
	}
	s.state.commit(record{Refuse: &refusal{UserID: body.User, AADSTS: body.AADSTS}})
	w.WriteHeader(http.StatusNoContent)
}

// tenantNamed finds a tenant by its id or a domain; where there is none it answers with that.
func (s *Server) tenantNamed(w http.ResponseWriter, name string) (t fleet.Tenant, ok bool) {
	if t, ok = s.fleet.Tenant(name); !ok {
		adminError(w, fmt.Errorf("tenant %q: %w", name, fleet.ErrNotFound))
	}
	return t, ok
}

// adminExpire makes access tokens expire at once, of one tenant or all.
func (s *Server) adminExpire(w http.ResponseWriter, r *http.Request) {
	var body struct {
		Tenant string `json:"tenant"`
	}
	if !read(w, r, &body) {
		return
	}
	id := ""
	if body.Tenant != "" {
		t, ok := s.tenantNamed(w, body.Tenant)
		if !ok {
			return
		}
		id = t.ID
	}
	s.state.commit(record{Expire: &expiry{TenantID: id}})
	w.WriteHeader(http.StatusNoContent)
}

func (s *Server) adminAddFault(w http.ResponseWriter, r *http.Request) {
	var f Fault
	if !read(w, r, &f) {
		return
	}
	if f.Tenant != "" {
		t, ok := s.tenantNamed(w, f.Tenant)
		if !ok {
			return
		}
		f.Tenant = t.ID
	}
	added, err := s.faults.add(f)
	if err != nil {
		adminError(w, err)
		return
	}
	adminJSON(w, http.StatusCreated, added)
}

func (s *Server) adminRemoveFault(w http.ResponseWriter, r *http.Request) {
	id, err := strconv.Atoi(r.PathValue("id"))
	if err != nil || id < 1 || !s.faults.remove(id) {
		adminError(w, fmt.Errorf("fault: %w", fleet.ErrNotFound))
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

func (s *Server) adminRequests(w http.ResponseWriter, _ *http.Request) {
	counts := s.throttle.counts()
	adminJSON(w, http.StatusOK, map[string]any{
		"routes": s.counters.snapshot(), "throttled": counts.refused, "earlyRetries": counts.early, "peakUse": counts.peaks,
		"uptimeSeconds": int(s.now().Sub(s.started) / time.Second),
	})
}

// adminThrottle forgets what was spent, and lifts the documented limits or
// puts them back.
func (s *Server) adminThrottle(w http.ResponseWriter, r *http.Request) {
	var body struct {
		Off bool `json:"off"`
	}
	if !read(w, r, &body) {
		return
	}
	s.throttle.lift(body.Off)
	w.WriteHeader(http.StatusNoContent)
}

// adminCIPP replaces the settings of the CIPP instance and makes it cold.
func (s *Server) adminCIPP(w http.ResponseWriter, r *http.Request) {
	var set CIPPSettings
	if !read(w, r, &set) {
		return
	}
	if err := s.cipp.configure(s.fleet, set); err != nil {
		adminError(w, err)
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

// tenantSet are the ids of tenants that are named by id or domain.
func tenantSet(f *fleet.Fleet, names []string) (map[string]bool, error) {
	ids := map[string]bool{}
	for _, name := range names {
		t, ok := f.Tenant(name)
		if !ok {
			return nil, fmt.Errorf("tenant %q: %w", name, fleet.ErrNotFound)
		}
		ids[t.ID] = true
	}
	return ids, nil
}
