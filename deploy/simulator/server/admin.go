package server

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"github.com/entrasync/entrasync/deploy/simulator/fleet"
)

// adminRoutes are what tests and demonstrations move the simulator with. They
// are no part of Microsoft's interface.
func (s *Server) adminRoutes() *http.ServeMux {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /admin/{$}", s.adminFleet)
	mux.HandleFunc("GET /admin/fleet", s.adminFleet)
	mux.HandleFunc("GET /admin/tenants/{tenant}/users", s.adminUsers)
	mux.HandleFunc("GET /admin/tenants/{tenant}/users/{user}", s.adminUser)
	mux.HandleFunc("POST /admin/changes", s.adminChange)
	mux.HandleFunc("POST /admin/tenants/{tenant}/broken", s.adminBroken)
	mux.HandleFunc("GET /admin/msp/clients", s.adminClients)
	mux.HandleFunc("GET /admin/msp/contacts", s.adminContacts)
	mux.HandleFunc("GET /admin/relationships", s.adminRelationships)
	mux.HandleFunc("GET /admin/apps", s.adminApps)
	mux.HandleFunc("POST /admin/apps", s.adminAddApp)
	mux.HandleFunc("POST /admin/consents", s.adminConsents)
	mux.HandleFunc("POST /admin/refresh-tokens/revoke", s.adminRevoke)
	mux.HandleFunc("POST /admin/access-tokens/expire", s.adminExpire)
	mux.HandleFunc("GET /admin/secrets", func(w http.ResponseWriter, _ *http.Request) {
		adminJSON(w, http.StatusOK, map[string]any{"secrets": s.state.allSecrets()})
	})
	mux.HandleFunc("GET /admin/issued", func(w http.ResponseWriter, _ *http.Request) {
		values := []string{}
		for _, known := range s.state.allSecrets() {
			values = append(values, known.Value)
		}
		adminJSON(w, http.StatusOK, values)
	})
	mux.HandleFunc("GET /admin/faults", func(w http.ResponseWriter, _ *http.Request) {
		adminJSON(w, http.StatusOK, map[string]any{"faults": s.faults.list()})
	})
	mux.HandleFunc("POST /admin/faults", s.adminAddFault)
	mux.HandleFunc("DELETE /admin/faults", func(w http.ResponseWriter, _ *http.Request) {
		s.faults.remove(0)
		w.WriteHeader(http.StatusNoContent)
	})
	mux.HandleFunc("DELETE /admin/faults/{id}", s.adminRemoveFault)
	mux.HandleFunc("POST /admin/reset", s.adminReset)
	mux.HandleFunc("GET /admin/requests", s.adminRequests)
	mux.HandleFunc("DELETE /admin/requests", func(w http.ResponseWriter, _ *http.Request) {
		s.counters.reset()
		s.throttle.forget()
		w.WriteHeader(http.StatusNoContent)
	})
	mux.HandleFunc("POST /admin/throttle", s.adminThrottle)
	mux.HandleFunc("POST /admin/gdap", s.adminGDAP)
	mux.HandleFunc("POST /admin/conditional-access", s.adminPolicy)
	mux.HandleFunc("POST /admin/issuer/tokens", s.adminIssuerToken)
	mux.HandleFunc("GET /admin/cipp", func(w http.ResponseWriter, _ *http.Request) {
		adminJSON(w, http.StatusOK, s.cipp.settings())
	})
	mux.HandleFunc("POST /admin/cipp", s.adminCIPP)
	return mux
}

func adminJSON(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body)
}

func adminError(w http.ResponseWriter, err error) {
	status := http.StatusBadRequest
	if errors.Is(err, fleet.ErrNotFound) {
		status = http.StatusNotFound
	}
	adminJSON(w, status, map[string]string{"error": err.Error()})
}

// read decodes a strict JSON body; false after having answered.
func read(w http.ResponseWriter, r *http.Request, into any) bool {
	dec := json.NewDecoder(http.MaxBytesReader(w, r.Body, 64<<20))
	dec.DisallowUnknownFields()
	if err := dec.Decode(into); err != nil {
		adminError(w, fmt.Errorf("reading the body: %w", err))
		return false
	}
	return true
}

type tenantSummary struct {
	TenantID      string   `json:"tenantId"`
	DisplayName   string   `json:"displayName"`
	DefaultDomain string   `json:"defaultDomain"`
	Domains       []string `json:"domains"`
	Users         int      `json:"users"`
	Version       int      `json:"version"`
	Partner       bool     `json:"partner"`
	Manageable    bool     `json:"manageable"`
	InContracts   bool     `json:"inContracts"`
}

func (s *Server) summary(t fleet.Tenant) tenantSummary {
	out := tenantSummary{
		TenantID: t.ID, DisplayName: t.DisplayName, DefaultDomain: t.DefaultDomain(), Users: s.fleet.Count(t.Index),
		Version: s.fleet.Version(t.Index), Partner: t.Index == 0, Manageable: s.fleet.MayAdminister(t.ID, s.now()), InContracts: t.InContracts,
	}
	for _, d := range t.Domains {
		out.Domains = append(out.Domains, d.Name)
	}
	return out
}

func (s *Server) adminFleet(w http.ResponseWriter, _ *http.Request) {
	tenants := []tenantSummary{s.summary(s.fleet.Partner())}
	users := 0
	for _, t := range s.fleet.Customers() {
		sum := s.summary(t)
		users += sum.Users
		tenants = append(tenants, sum)
	}
	adminJSON(w, http.StatusOK, map[string]any{
		"fleet": s.fleet.Size(), "seed": s.fleet.Seed(), "customers": len(tenants) - 1, "users": users, "tenants": tenants,
	})
}

// adminUsers lists users as the simulator holds them, ?from=slot&limit=n.
func (s *Server) adminUsers(w http.ResponseWriter, r *http.Request) {
	t, ok := s.fleet.Tenant(r.PathValue("tenant"))
	if !ok {
		adminError(w, fmt.Errorf("tenant: %w", fleet.ErrNotFound))
		return
	}
	from, _ := strconv.Atoi(r.URL.Query().Get("from"))
	limit, err := strconv.Atoi(r.URL.Query().Get("limit"))
	if err != nil || limit < 1 || limit > 1000 {
		limit = 100
	}
	users := []fleet.User{}
	slot := max(0, from)
	for ; slot < s.fleet.Slots(t.Index) && len(users) < limit; slot++ {
		if u, gone := s.fleet.At(t.Index, slot); gone == fleet.Present {
			users = append(users, u)
		}
	}
	adminJSON(w, http.StatusOK, map[string]any{"users": users, "next": slot, "slots": s.fleet.Slots(t.Index)})
}

func (s *Server) adminUser(w http.ResponseWriter, r *http.Request) {
	t, ok := s.fleet.Tenant(r.PathValue("tenant"))
	if !ok {
		adminError(w, fmt.Errorf("tenant: %w", fleet.ErrNotFound))
		return
	}
	slot, ok := s.fleet.Find(t.Index, r.PathValue("user"))
	if !ok {
		adminError(w, fmt.Errorf("user: %w", fleet.ErrNotFound))
		return
	}
	u, gone := s.fleet.At(t.Index, slot)
	adminJSON(w, http.StatusOK, map[string]any{"user": u, "slot": slot, "gone": gone != fleet.Present})
}

// adminChange applies one fleet.Change or a list of them.
func (s *Server) adminChange(w http.ResponseWriter, r *http.Request) {
	var body struct {
		fleet.Change
		Changes []fleet.Change `json:"changes"`
	}
	if !read(w, r, &body) {
		return
	}
	changes := body.Changes
	if body.Kind != "" {
		changes = append([]fleet.Change{body.Change}, changes...)
	}
	touched := []string{}
	for i, c := range changes {
		ids, err := s.fleet.Apply(c)
		if err != nil {
			adminError(w, fmt.Errorf("change %d: %w", i, err))
			return
		}
		touched = append(touched, ids...)
	}
	adminJSON(w, http.StatusOK, map[string]any{"users": touched})
}

// adminBroken adds an account that breaks a rule of its own kind.
func (s *Server) adminBroken(w http.ResponseWriter, r *http.Request) {
	var body struct {
		Kind string `json:"kind"`
	}
	if !read(w, r, &body) {
		return
	}
	ids, err := s.AddBroken(r.PathValue("tenant"), body.Kind)
	if err != nil {
		adminError(w, err)
		return
	}
	adminJSON(w, http.StatusOK, map[string]any{"users": ids})
}

// AddBroken adds an account of a kind that real directories should not hold:
// missing-id, long-name, invalid-utf8, nul, sql-name or duplicate-id.
func (s *Server) AddBroken(tenantID, kind string) ([]string, error) {
	t, ok := s.fleet.Tenant(tenantID)
	if !ok {
		return nil, fmt.Errorf("tenant %q: %w", tenantID, fleet.ErrNotFound)
	}
	n := s.fleet.Slots(t.Index)
	local := fmt.Sprintf("broken.%s.%d", kind, n)
	quote := func(v string) json.RawMessage { b, _ := json.Marshal(v); return b }
	c := fleet.Change{Kind: fleet.Add, Tenant: t.ID, Bytes: map[string][]byte{}, Set: map[string]json.RawMessage{
		"userPrincipalName": quote(local + "@" + t.DefaultDomain()),
		"mail":              quote(local + "@" + t.DefaultDomain()),
		"displayName":       quote("Broken " + strconv.Itoa(n)),
	}}
	switch kind {
	case "missing-id":
		c.Omit = []string{"id"}
	case "long-name":
		c.Set["displayName"] = quote(strings.Repeat("Żółć ", 60)) // 300 characters
	case "invalid-utf8":
		c.Bytes["displayName"] = []byte("Zo\xeb Latin-1 \xc3\x28")
	case "nul":
		c.Bytes["displayName"] = []byte("Null\x00Character")
	case "sql-name":
		c.Set["displayName"] = quote(`Robert'); DROP TABLE contacts;-- "Bobby" \ Tables`)
	case "duplicate-id":
		first, gone := s.fleet.At(t.Index, 0)
		if gone != fleet.Present {
			return nil, fmt.Errorf("the first user of the tenant is deleted: %w", fleet.ErrNotFound)
		}
		c.Set["id"] = quote(first.ID)
	default:
		return nil, fmt.Errorf("unknown kind of broken user %q", kind)
	}
	return s.fleet.Apply(c)
}
