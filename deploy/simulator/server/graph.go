package server

import (
	"cmp"
	"encoding/json"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"time"

	"github.com/entrasync/entrasync/deploy/simulator/fleet"
)

// graphError is an error of Graph.
type graphError struct {
	status  int
	code    string
	message string
	header  http.Header
	plain   bool // without the inner error of a 429
}

func badRequest(message string) *graphError {
	return &graphError{status: http.StatusBadRequest, code: "Request_BadRequest", message: message}
}

var (
	errDenied     = &graphError{status: http.StatusForbidden, code: "Authorization_RequestDenied", message: "Insufficient privileges to complete the operation."}
	errNoCount    = badRequest("$count is not currently supported.")
	errSegment    = "Resource not found for the segment '%s'."
	errNoAdvanced = &graphError{status: http.StatusBadRequest, code: "Request_UnsupportedQuery", message: "Unsupported Query."}
)

// call is one request to Graph whose token was accepted.
type call struct {
	w       http.ResponseWriter
	r       *http.Request
	version string // v1.0 or beta
	query   url.Values
	claims  claims
	tenant  fleet.Tenant
	fired   fired
}

// eventual says whether the caller asked for the advanced query engine.
func (c *call) eventual() bool {
	return strings.EqualFold(c.r.Header.Get("ConsistencyLevel"), "eventual")
}

func (c *call) root() string { return baseURL(c.r) + "/" + c.version }

// graphRoute is what a path stands for.
type graphRoute struct {
	name      string
	cost      int
	handle    func(*Server, *call, []string) *graphError
	delegated []string // any of these scopes
	app       []string // any of these roles; none means delegated only
}

var (
	readUsers  = []string{"User.Read.All", "Directory.Read.All"}
	readGroups = []string{"GroupMember.Read.All", "Group.Read.All", "Directory.Read.All"}
	// readOrganization reads all of an organization; User.Read alone its id, name and domains.
	readOrganization = []string{"User.Read.All", "Organization.Read.All", "Directory.Read.All"}
	readAuditLog     = []string{"AuditLog.Read.All"}
)

// findRoute reads the path after the version.
func findRoute(version string, parts []string) (graphRoute, bool) {
	switch {
	case match(parts, "organization"):
		return graphRoute{
			"graph.organization", 1, (*Server).organization,
			append([]string{"User.Read"}, readOrganization...), readOrganization,
		}, true
	case match(parts, "me"):
		return graphRoute{"graph.me", 1, (*Server).me, []string{"User.Read", "User.Read.All", "Directory.Read.All"}, readUsers}, true
	case match(parts, "users"):
		return graphRoute{"graph.users", 2, (*Server).listUsers, readUsers, readUsers}, true
	case match(parts, "users", "$count"):
		return graphRoute{"graph.users.count", 1, (*Server).countUsers, readUsers, readUsers}, true
	case match(parts, "users", "delta"), match(parts, "users", "delta()"), match(parts, "users", "microsoft.graph.delta()"):
		return graphRoute{"graph.users.delta", 1, (*Server).deltaUsers, readUsers, readUsers}, true
	case match(parts, "users", "*"):
		return graphRoute{"graph.user", 1, (*Server).getUser, readUsers, readUsers}, true
	case match(parts, "groups"):
		return graphRoute{"graph.groups", 1, (*Server).listGroups, readGroups, readGroups}, true
	case match(parts, "groups", "*"):
		return graphRoute{"graph.group", 1, (*Server).getGroup, readGroups, readGroups}, true
	case match(parts, "groups", "*", "transitiveMembers"), match(parts, "groups", "*", "transitiveMembers", "microsoft.graph.user"),
		match(parts, "groups", "*", "transitiveMembers", "graph.user"):
		return graphRoute{"graph.groups.members", 5, (*Server).groupMembers, readGroups, readGroups}, true
	case match(parts, "contracts"):
		return graphRoute{"graph.contracts", 3, (*Server).contracts, []string{"Directory.Read.All"}, []string{"Directory.Read.All"}}, true
	case match(parts, "tenantRelationships", "delegatedAdminRelationships"):
		scope := []string{"DelegatedAdminRelationship.Read.All"}
		return graphRoute{"graph.relationships", 1, (*Server).listRelationships, scope, scope}, true
	case match(parts, "tenantRelationships", "delegatedAdminCustomers"):
		return graphRoute{"graph.customers", 1, (*Server).delegatedCustomers, []string{"DelegatedAdminRelationship.Read.All"}, nil}, true
	case version == "beta" && match(parts, "tenantRelationships", "managedTenants", "tenants"):
		return graphRoute{"graph.managedTenants", 1, (*Server).managedTenants, []string{"ManagedTenants.Read.All"}, nil}, true
	}
	return graphRoute{}, false
}

func match(parts []string, pattern ...string) bool {
	if len(parts) != len(pattern) {
		return false
	}
	for i, p := range pattern {
		if p != "*" && parts[i] != p {
			return false
		}
	}
	return true
}

// graphVersion is what a version of Graph looks like; but two of them are unknown.
var graphVersion = regexp.MustCompile(`^v[0-9]+\.[0-9]+$`)

// serveGraph answers as graph.microsoft.com.
func (s *Server) serveGraph(w http.ResponseWriter, r *http.Request, version, rest string) {
	h := w.Header()
	h.Set("request-id", newID())
	h.Set("client-request-id", correlationID(r))
	h.Set("Date", s.now().UTC().Format(http.TimeFormat))
	h.Set("x-ms-ags-diagnostic", `{"ServerInfo":{"DataCenter":"Simulator","Slice":"E","Ring":"0","ScaleUnit":"000","RoleInstance":"SIM0000"}}`)
	h.Set("Cache-Control", "no-cache")
	h.Set("Vary", "Accept-Encoding")
	sw := &statusWriter{ResponseWriter: w}
	route, tenant := "graph.unknown", ""
	defer func() { s.counters.add(r, route, tenant, sw.status) }()

	if version != "v1.0" && version != "beta" {
		s.writeGraphError(sw, &graphError{status: http.StatusBadRequest, code: "BadRequest", message: "Invalid version: " + version + "."})
		return
	}
	token, e := s.bearer(r)
	if e != nil {
		s.writeGraphError(sw, e)
		return
	}
	tenant = token.TenantID
	t, ok := s.fleet.Tenant(tenant)
	if !ok {
		s.writeGraphError(sw, unauthorized(r, "Access token validation failure."))
		return
	}
	parts := strings.Split(strings.TrimSuffix(rest, "/"), "/")
	if match(parts, "$batch") {
		route = "graph.batch"
		s.batch(sw, r, version, tenant)
		return
	}
	found, ok := findRoute(version, parts)
	if !ok {
		s.writeGraphError(sw, badSegment(parts))
		return
	}
	route = found.name
	defer s.counters.begin(route, tenant)()
	c := &call{w: sw, r: r, version: version, claims: token, tenant: t}
	if e := s.dispatch(c, found, parts); e != nil {
		s.writeGraphError(c.w, e)
	}
}

func badSegment(parts []string) *graphError {
	segment := parts[0]
	if segment == "tenantRelationships" && len(parts) > 1 {
		segment = parts[1]
	}
	return &graphError{status: http.StatusBadRequest, code: "BadRequest", message: strings.Replace(errSegment, "%s", segment, 1)}
}

// dispatch applies what all routes have in common and answers.
func (s *Server) dispatch(c *call, route graphRoute, parts []string) *graphError {
	query, err := url.ParseQuery(c.r.URL.RawQuery)
	if err != nil {
		return badRequest("The query string is malformed.")
	}
	c.query = query
	if c.r.Method != http.MethodGet {
		return &graphError{status: http.StatusMethodNotAllowed, code: "Request_BadRequest", message: "Specified HTTP method is not allowed for the request target."}
	}
	c.fired = s.faults.take(route.name, c.tenant.ID)
	if !c.fired.wait(c.r.Context()) {
		return &graphError{status: http.StatusServiceUnavailable, code: "ServiceUnavailable", message: "The caller has gone."}
	}
	if e := s.ration(c, route); e != nil {
		return e
	}
	if f, ok := c.fired["status"]; ok {
		return s.orderedStatus(c.r, f)
	}
	if !c.claims.allows(route.delegated, route.app) {
		return errDenied
	}
	if c.tenant.Index != 0 && (strings.HasPrefix(parts[0], "tenantRelationships") || parts[0] == "contracts") {
		return errDenied
	}
	c.w = c.fired.wrap(c.r.Context(), c.w)
	return route.handle(s, c, parts)
}

// orderedStatus is the error of a status fault.
func (s *Server) orderedStatus(r *http.Request, f Fault) *graphError {
	e := &graphError{status: f.status(), header: http.Header{}}
	if f.status() == http.StatusUnauthorized {
		e = unauthorized(r, "")
	}
	e.code, e.message = statusCode(f), cmp.Or(f.Message, "The service is temporarily unavailable.")
	f.retryAfter(e.header, s.now())
	return e
}

func statusCode(f Fault) string {
	if f.Code != "" {
		return f.Code
	}
	switch f.status() {
	case http.StatusGatewayTimeout:
		return "GatewayTimeout"
	case http.StatusForbidden:
		return "Authorization_RequestDenied"
	case http.StatusNotImplemented:
		return "NotImplemented"
	case http.StatusUnauthorized:
		return "InvalidAuthenticationToken"
	}
	return "ServiceUnavailable"
}

// bearer reads the caller's token.
func (s *Server) bearer(r *http.Request) (claims, *graphError) {
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "Bearer") || token == "" {
		return claims{}, unauthorized(r, "Access token is empty.")
	}
	c, err := s.readAccessToken(strings.TrimSpace(token), graphResource)
	if err != nil {
		return claims{}, unauthorized(r, err.Error())
	}
	return c, nil
}

func unauthorized(r *http.Request, message string) *graphError {
	return &graphError{
		status: http.StatusUnauthorized, code: "InvalidAuthenticationToken", message: message,
		header: http.Header{"Www-Authenticate": {`Bearer realm="", authorization_uri="` + baseURL(r) + `/common/oauth2/authorize", client_id="00000003-0000-0000-c000-000000000000"`}},
	}
}

func (s *Server) writeGraphError(w http.ResponseWriter, e *graphError) {
	h := w.Header()
	for name, values := range e.header {
		h[name] = values
	}
	inner := map[string]any{
		"date":              s.now().UTC().Format("2006-01-02T15:04:05"),
		"request-id":        h.Get("request-id"),
		"client-request-id": h.Get("client-request-id"),
	}
	if e.status == http.StatusTooManyRequests && !e.plain {
		inner["code"], inner["status"], inner["message"] = "429", "429", "Please retry after"
	}
	h.Set("Content-Type", "application/json")
	w.WriteHeader(e.status)
	_ = json.NewEncoder(w).Encode(map[string]any{"error": map[string]any{"code": e.code, "message": e.message, "innerError": inner}})
}

const graphContentType = "application/json;odata.metadata=minimal;odata.streaming=true;IEEE754Compatible=false;charset=utf-8"

// writeJSON answers with a small body.
func (c *call) writeJSON(body any) *graphError {
	c.w.Header().Set("Content-Type", graphContentType)
	c.w.Header().Set("OData-Version", "4.0")
	_ = json.NewEncoder(c.w).Encode(body)
	return nil
}

func graphTime(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05Z") }
