package server

import (
	"cmp"
	"maps"
	"net/http"
	"strconv"
	"strings"
	"sync"
)

// routeCount is how often a route was asked.
type routeCount struct {
	Requests int            `json:"requests"`
	ByStatus map[string]int `json:"byStatus"`
	ByTenant map[string]int `json:"byTenant"`
	// MostAtOnce is how many requests of a tenant's were under way at once, at most.
	MostAtOnce map[string]int `json:"mostAtOnce,omitempty"`
	// ByPriority counts the x-ms-throttle-priority: low, normal or high.
	ByPriority map[string]int `json:"byPriority"`
	// ByGrant counts the grant_type of token requests.
	ByGrant map[string]int `json:"byGrant,omitempty"`
}

// counters count requests by route, status, tenant and priority.
type counters struct {
	mu       sync.Mutex
	routes   map[string]routeCount
	underWay map[[2]string]int // by route and tenant
}

func newCounters() *counters {
	return &counters{routes: map[string]routeCount{}, underWay: map[[2]string]int{}}
}

// begin counts a request that is under way, until end is called.
func (c *counters) begin(route, tenant string) (end func()) {
	key := [2]string{route, tenant}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.underWay[key]++
	n := c.of(route)
	n.MostAtOnce[tenant] = max(n.MostAtOnce[tenant], c.underWay[key])
	return func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		if c.underWay[key]--; c.underWay[key] == 0 {
			delete(c.underWay, key)
		}
	}
}

// of is a route's count, a new one where it was not asked yet.
func (c *counters) of(route string) routeCount {
	n, ok := c.routes[route]
	if !ok {
		n = routeCount{
			ByStatus: map[string]int{}, ByTenant: map[string]int{}, MostAtOnce: map[string]int{}, ByPriority: map[string]int{}, ByGrant: map[string]int{},
		}
		c.routes[route] = n
	}
	return n
}

func (c *counters) add(r *http.Request, route, tenant string, status int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	n := c.of(route)
	n.Requests++
	n.ByStatus[strconv.Itoa(status)]++
	n.ByTenant[tenant]++
	n.ByPriority[priority(r)]++
	if grant := r.PostForm.Get("grant_type"); grant != "" {
		n.ByGrant[grant]++ // the token endpoint has read its form by now
	}
	c.routes[route] = n
}

func (c *counters) snapshot() map[string]routeCount {
	c.mu.Lock()
	defer c.mu.Unlock()
	out := map[string]routeCount{}
	for route, n := range c.routes {
		n.ByStatus, n.ByTenant = maps.Clone(n.ByStatus), maps.Clone(n.ByTenant)
		n.MostAtOnce = maps.Clone(n.MostAtOnce)
		n.ByPriority, n.ByGrant = maps.Clone(n.ByPriority), maps.Clone(n.ByGrant)
		out[route] = n
	}
	return out
}

func (c *counters) reset() {
	c.mu.Lock()
	defer c.mu.Unlock()
	clear(c.routes)
}

// statusWriter remembers the status that was written.
type statusWriter struct {
	http.ResponseWriter
	status int
}

func (w *statusWriter) WriteHeader(status int) {
	if w.status == 0 {
		w.status = status
	}
	w.ResponseWriter.WriteHeader(status)
}

func (w *statusWriter) Write(b []byte) (int, error) {
	if w.status == 0 {
		w.status = http.StatusOK
	}
	return w.ResponseWriter.Write(b)
}

// Unwrap lets http.ResponseController reach the connection.
func (w *statusWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// serve counts a request of the identity platform or the Partner Center and
// lets the ordered faults happen.
func (s *Server) serve(route, tenant string, w http.ResponseWriter, r *http.Request, answer func(http.ResponseWriter)) {
	s.serveFaulty(route, tenant, w, r, func(w http.ResponseWriter, _ fired) { answer(w) })
}

// serveFaulty is serve for an answer that has faults of its own.
func (s *Server) serveFaulty(route, tenant string, w http.ResponseWriter, r *http.Request, answer func(http.ResponseWriter, fired)) {
	sw := &statusWriter{ResponseWriter: w}
	defer func() { s.counters.add(r, route, tenant, sw.status) }()
	struck := tenant
	if isShared(tenant) {
		struck = s.fleet.Partner().ID // whose people sign in there
	}
	fired := s.faults.take(route, struck)
	if !fired.wait(r.Context()) {
		return
	}
	if f, ok := fired["oauth-error"]; ok {
		e := byNumber(f.AADSTS)
		if f.Code != "" {
			e.code = f.Code
		}
		s.failLogin(sw, r, route, e, cmp.Or(f.Status, e.status()))
		return
	}
	if f, ok := fired["throttle"]; ok {
		f.Status = http.StatusTooManyRequests
		fired["status"] = f
	}
	if f, ok := fired["status"]; ok {
		f.retryAfter(sw.Header(), s.now())
		http.Error(sw, "The service is unavailable.", f.status())
		return
	}
	answer(fired.wrap(r.Context(), sw), fired)
}

// failLogin tells an ordered error where the route tells its own: on the
// redirect, or in the answer.
func (s *Server) failLogin(w http.ResponseWriter, r *http.Request, route string, e *oauthError, status int) {
	if route != "login.authorize" && route != "login.adminconsent" {
		s.writeOAuthErrorAs(w, r, e, status)
		return
	}
	q := r.URL.Query()
	authority, _, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	_, redirect, untrusted := s.appOf(q, authority)
	if untrusted != nil {
		s.errorPage(w, untrusted)
		return
	}
	s.redirectError(w, r, redirect, q.Get("state"), e)
}
