package server

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/entrasync/entrasync/deploy/simulator/fleet"
)

// cipp is the MSP's own CIPP instance: an Azure function app in front of the
// customers' directories, with a registration of its own at the MSP's tenant.
type cipp struct {
	mu  sync.Mutex
	now func() time.Time
	set CIPPSettings
	// excluded and blocked are the tenants of set by id.
	excluded, blocked map[string]bool

	lastUsed time.Time
	ready    time.Time // when the app that is starting up has started
}

// CIPPSettings are what an administrator decides about the CIPP instance.
type CIPPSettings struct {
	// ColdStartMillis is how long the first answer takes after the app was idle
	// for IdleSeconds, and right after these settings were made. 0 is never cold.
	ColdStartMillis int `json:"coldStartMillis"`
	IdleSeconds     int `json:"idleSeconds"`
	// Excluded are tenants, by id or domain, that ListTenants marks with
	// Excluded and that CIPP reads nothing from.
	Excluded []string `json:"excluded"`
	// Blocked are tenants that the API client's role must not read.
	Blocked []string `json:"blocked"`
	// PartnerListed puts the MSP's own tenant into ListTenants.
	PartnerListed bool `json:"partnerListed"`
}

func newCIPP(f *fleet.Fleet, now func() time.Time) *cipp {
	c := &cipp{now: now}
	if err := c.configure(f, cippDefaults(f)); err != nil {
		panic("the fleet does not know its own tenants: " + err.Error())
	}
	return c
}

// cippDefaults are the settings that an instance begins with.
func cippDefaults(f *fleet.Fleet) CIPPSettings {
	var set CIPPSettings
	for _, t := range f.Lapsed() {
		set.Excluded = append(set.Excluded, t.ID)
	}
	return set
}

// configure replaces the settings and makes the app cold.
func (c *cipp) configure(f *fleet.Fleet, set CIPPSettings) error {
	excluded, err := tenantSet(f, set.Excluded)
	if err != nil {
		return err
	}
	blocked, err := tenantSet(f, set.Blocked)
	if err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.set, c.excluded, c.blocked = set, excluded, blocked
	c.lastUsed, c.ready = time.Time{}, time.Time{}
	return nil
}

func (c *cipp) settings() CIPPSettings {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.set
}

func (c *cipp) isExcluded(tenant string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.excluded[tenant]
}

func (c *cipp) isBlocked(tenant string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.blocked[tenant]
}

// warm says how long a request has to wait until the app runs, and whether it
// was the one that started it.
func (c *cipp) warm() (wait time.Duration, cold bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.now()
	idle := time.Duration(c.set.IdleSeconds) * time.Second
	if c.set.ColdStartMillis > 0 && (c.lastUsed.IsZero() || idle > 0 && now.Sub(c.lastUsed) >= idle) {
		c.ready, cold = now.Add(time.Duration(c.set.ColdStartMillis)*time.Millisecond), true
	}
	c.lastUsed = now
	return c.ready.Sub(now), cold
}

// cippCall is one request to CIPP whose token was accepted.
type cippCall struct {
	w      http.ResponseWriter
	r      *http.Request
	query  map[string]string // by lower-case name: PowerShell does not tell case apart
	claims claims
	filter string // tenantFilter as it was given
	fired  fired
	cold   bool
}

// cippEndpoints are the functions that the instance has, by lower-case name.
var cippEndpoints = map[string]struct {
	route  string
	handle func(*Server, *cippCall)
}{
	"me":               {"cipp.me", (*Server).cippMe},
	"listtenants":      {"cipp.tenants", (*Server).cippTenants},
	"listusers":        {"cipp.users", (*Server).cippUsers},
	"listgraphrequest": {"cipp.graph", (*Server).cippGraph},
}

// CIPP answers as the function app of a CIPP instance: /api/{endpoint}. The
// path begins behind the instance's own address.
func (s *Server) CIPP() http.Handler {
	return http.HandlerFunc(s.serveCIPP)
}

func (s *Server) serveCIPP(w http.ResponseWriter, r *http.Request) {
	name, ok := strings.CutPrefix(r.URL.Path, "/api/")
	if !ok {
		http.NotFound(w, r)
		return
	}
	endpoint, known := cippEndpoints[strings.ToLower(name)]
	route := "cipp.unknown"
	if known {
		route = endpoint.route
	}
	c := &cippCall{r: r, query: map[string]string{}}
	for key, values := range r.URL.Query() {
		c.query[strings.ToLower(key)] = strings.Join(values, ",")
	}
	c.filter = c.query["tenantfilter"]
	c.fired = s.faults.take(route, s.tenantLabel(c.filter))
	sw := &statusWriter{ResponseWriter: w}
	defer func() { s.counters.add(r, route, s.tenantLabel(c.filter), sw.status) }()
	token, allowed := s.cippBearer(r)
	if !allowed {
		// The function app's own sign-in answers before CIPP does.
		sw.Header().Set("WWW-Authenticate", `Bearer realm="`+r.Host+`" authorization_uri="https://login.windows.net/`+s.fleet.Partner().ID+`/oauth2/authorize"`)
		cippText(sw, http.StatusUnauthorized, "You do not have permission to view this directory or page.")
		return
	}
	wait, cold := s.cipp.warm()
	if !pause(r.Context(), wait) || !c.fired.wait(r.Context()) {
		return
	}
	if f, throttled := c.fired["throttle"]; throttled {
		f.Status = http.StatusTooManyRequests
		c.fired["status"] = f
	}
	c.claims, c.cold, c.w = token, cold, c.fired.wrap(r.Context(), sw)
	switch f, broken := c.fired["status"]; {
	case broken:
		f.retryAfter(sw.Header(), s.now())
		cippText(sw, f.status(), cippStatusText(f))
	case !known:
		cippText(sw, http.StatusNotFound, "Endpoint not found")
	case s.cippForbidden(c):
		cippText(sw, http.StatusForbidden, "Access to this tenant is not allowed")
	default:
		endpoint.handle(s, c)
	}
}

// cippStatusText is what CIPP says with a status when the fault says nothing.
func cippStatusText(f Fault) string {
	switch {
	case f.Message != "":
		return f.Message
	case f.status() == http.StatusForbidden:
		return "Access to this CIPP API endpoint is not allowed, the API Client does not have the required permission"
	case f.status() == http.StatusNotFound:
		return "Endpoint not found"
	case f.status() == http.StatusInternalServerError:
		return "Cannot bind argument to parameter 'tenantid' because it is an empty string."
	}
	return http.StatusText(f.status())
}

// cippBearer reads the token as the function app's authentication does: made
// by the MSP's tenant for the instance's own registration.
func (s *Server) cippBearer(r *http.Request) (claims, bool) {
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return claims{}, false
	}
	c, err := s.readAccessToken(strings.TrimSpace(token), "api://"+s.cippClientID)
	if err != nil || c.App != s.cippClientID || c.TenantID != s.fleet.Partner().ID {
		return claims{}, false
	}
	return c, true
}

// cippForbidden says whether the client's role keeps it out of the tenant.
func (s *Server) cippForbidden(c *cippCall) bool {
	t, ok := s.fleet.Tenant(c.filter)
	return ok && s.cipp.isBlocked(t.ID)
}

// cippMe answers GET /api/me: who the caller is to CIPP.
func (s *Server) cippMe(c *cippCall) {
	cippJSON(c.w, map[string]any{
		"clientPrincipal": map[string]any{"appId": c.claims.App, "appRole": []string{"cipp-api"}},
		"permissions":     []string{"CIPP.Core.Read", "Identity.User.Read", "Tenant.Administration.Read"},
	})
}

func cippText(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write([]byte(text)) // the caller has gone if this fails
}

func cippJSON(w http.ResponseWriter, body any) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(http.StatusOK)
	_ = json.NewEncoder(w).Encode(body)
}

// pause waits; false when the caller went away first.
func pause(ctx context.Context, d time.Duration) bool {
	if d <= 0 {
		return ctx.Err() == nil
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
