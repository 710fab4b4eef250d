package server

import (
	"fmt"
	"html/template"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/entrasync/entrasync/deploy/simulator/fleet"
)

// serveLogin answers as login.microsoftonline.com: {tenant}/{rest}.
func (s *Server) serveLogin(w http.ResponseWriter, r *http.Request, authority, rest string) {
	switch rest {
	case "oauth2/v2.0/authorize":
		s.serve("login.authorize", s.tenantLabel(authority), w, r, func(w http.ResponseWriter) { s.authorize(w, r, authority) })
	case "oauth2/v2.0/token":
		s.serve("login.token", s.tenantLabel(authority), w, r, func(w http.ResponseWriter) { s.token(w, r, authority) })
	case "v2.0/adminconsent":
		s.serve("login.adminconsent", s.tenantLabel(authority), w, r, func(w http.ResponseWriter) { s.adminConsent(w, r, authority) })
	case "v2.0/.well-known/openid-configuration":
		s.serve("login.discovery", authority, w, r, func(w http.ResponseWriter) { s.discovery(w, r, authority) })
	case "discovery/v2.0/keys":
		s.serve("login.keys", authority, w, r, func(w http.ResponseWriter) { s.writeLoginJSON(w, http.StatusOK, s.keys.id.jwks()) })
	default:
		http.NotFound(w, r)
	}
}

// tenantLabel is the tenant's id where the authority names one.
func (s *Server) tenantLabel(authority string) string {
	if t, ok := s.fleet.Tenant(authority); ok {
		return t.ID
	}
	return authority
}

// isShared says whether an authority stands for every tenant.
func isShared(authority string) bool { return authority == "organizations" || authority == "common" }

func (s *Server) discovery(w http.ResponseWriter, r *http.Request, authority string) {
	tenant := "{tenantid}"
	if !isShared(authority) {
		t, ok := s.fleet.Tenant(authority)
		if !ok {
			s.writeOAuthError(w, r, byNumber(90002))
			return
		}
		tenant = t.ID
	}
	base := baseURL(r)
	s.writeLoginJSON(w, http.StatusOK, map[string]any{
		"issuer":                                base + "/" + tenant + "/v2.0",
		"authorization_endpoint":                base + "/" + authority + "/oauth2/v2.0/authorize",
		"token_endpoint":                        base + "/" + authority + "/oauth2/v2.0/token",
		"jwks_uri":                              base + "/" + authority + "/discovery/v2.0/keys",
		"response_modes_supported":              []string{"query"},
		"response_types_supported":              []string{"code"},
		"subject_types_supported":               []string{"pairwise"},
		"id_token_signing_alg_values_supported": []string{"RS256"},
		"scopes_supported":                      oidcScopes,
		"token_endpoint_auth_methods_supported": []string{"client_secret_post", "private_key_jwt"},
		"code_challenge_methods_supported":      []string{"S256"},
	})
}

// authorize is the page where a person signs in and consents.
func (s *Server) authorize(w http.ResponseWriter, r *http.Request, authority string) {
	q := r.URL.Query()
	if r.Method != http.MethodGet {
		http.Error(w, "method not allowed", http.StatusMethodNotAllowed)
		return
	}
	app, redirect, ok := s.askingApp(w, r, authority)
	if !ok {
		return
	}
	tenant, user, e := s.signIn(authority, q.Get("login_hint"))
	if e != nil {
		s.errorPage(w, e)
		return
	}
	wanted, e := checkAuthorize(q, app)
	if e != nil {
		s.redirectError(w, r, redirect, q.Get("state"), e)
		return
	}
	if q.Get("prompt") == "none" {
		s.redirectError(w, r, redirect, q.Get("state"), refuse(50058, "login_required", "A silent sign-in request was sent but no user is signed in."))
		return
	}
	if d := s.decision(r); d != accepted {
		s.notConsented(w, r, d, consentAsked{app, tenant, user.UserPrincipalName.Or(""), scopeNames(wanted), redirect, "User"})
		return
	}
	c := s.state.consentOf(app.ID, tenant)
	for _, resource := range wanted.resources {
		c.Delegated = union(c.Delegated, wanted.requested(resource))
	}
	s.state.commit(record{Consent: &c})
	code := randomSecret("1.A", 96)
	s.state.addCode(code, authCode{
		app: app.ID, redirectURI: redirect, scope: q.Get("scope"), challenge: q.Get("code_challenge"),
		authority: strings.ToLower(authority), tenantID: tenant.ID, userID: user.ID, nonce: q.Get("nonce"), issuedAt: s.now(),
	})
	answer := url.Values{"code": {code}, "session_state": {newID()}}
	if state := q.Get("state"); state != "" {
		answer.Set("state", state)
	}
	redirectWith(w, r, redirect, answer)
}

// askingApp is the app that a page is asked for, and where the browser returns to;
// false where the answer is an error, which is written.
func (s *Server) askingApp(w http.ResponseWriter, r *http.Request, authority string) (App, string, bool) {
	q := r.URL.Query()
	app, redirect, e := s.appOf(q, authority)
	if e != nil {
		// Without a trusted redirect URI the error stays on Microsoft's page.
		s.errorPage(w, e)
		return App{}, "", false
	}
	if e := forMany(app, authority); e != nil {
		s.redirectError(w, r, redirect, q.Get("state"), e)
		return App{}, "", false
	}
	return app, redirect, true
}

func (s *Server) appOf(q url.Values, authority string) (App, string, *oauthError) {
	if q.Get("client_id") == "" {
		return App{}, "", missing("client_id")
	}
	app, e := s.appIn(q.Get("client_id"), authority)
	if e != nil {
		return App{}, "", e
	}
	redirect := q.Get("redirect_uri")
	if !slices.Contains(app.RedirectURIs, redirect) {
		return App{}, "", refuse(50011, "invalid_request", "The redirect URI '%s' specified in the request does not match the redirect URIs configured for the application '%s'.", redirect, app.ID)
	}
	return app, redirect, nil
}

// signIn chooses who signs in: the hinted person, else the tenant's first.
func (s *Server) signIn(authority, hint string) (fleet.Tenant, fleet.User, *oauthError) {
	tenant := s.fleet.Partner()
	if !isShared(authority) {
		t, ok := s.fleet.Tenant(authority)
		if !ok {
			return tenant, fleet.User{}, byNumber(90002)
		}
		tenant = t
	} else if _, domain, ok := strings.Cut(hint, "@"); ok {
		if t, known := s.fleet.Tenant(domain); known {
			tenant = t
		}
	}
	slot := 0
	if found, ok := s.fleet.Find(tenant.Index, hint); ok {
		slot = found
	}
	user, gone := s.fleet.At(tenant.Index, slot)
	switch {
	case gone != fleet.Present:
		return tenant, user, refuse(50034, "invalid_request", "The user account does not exist in the directory.")
	case !user.AccountEnabled.Or(false):
		return tenant, user, byNumber(50057)
	}
	return tenant, user, nil
}

func checkAuthorize(q url.Values, app App) (scopes, *oauthError) {
	if got := q.Get("response_type"); got != "code" {
		return scopes{}, refuse(700054, "unsupported_response_type", "response_type '%s' is not enabled for the application.", got)
	}
	if mode := q.Get("response_mode"); mode != "" && mode != "query" {
		return scopes{}, refuse(900144, "invalid_request", "response_mode '%s' is not supported.", mode)
	}
	if !slices.Contains([]string{"", "login", "none", "consent", "select_account"}, q.Get("prompt")) {
		return scopes{}, refuse(90023, "invalid_request", "Unsupported 'prompt' value.")
	}
	challenge, method := q.Get("code_challenge"), q.Get("code_challenge_method")
	if (challenge != "" && method != "S256") || (challenge == "" && method != "") {
		return scopes{}, refuse(501491, "invalid_request", "Invalid size or method of Code_Challenge parameter.")
	}
	if challenge != "" && len(challenge) != 43 {
		return scopes{}, refuse(501491, "invalid_request", "Invalid size of Code_Challenge parameter.")
	}
	if strings.TrimSpace(q.Get("scope")) == "" {
		return scopes{}, refuse(900144, "invalid_request", "The request body must contain the following parameter: 'scope'.")
	}
	return parseScopes(q.Get("scope"), app.ID)
}

func scopeNames(s scopes) []string {
	names := slices.Clone(s.oidc)
	for _, r := range s.resources {
		for _, p := range s.named[r] {
			names = append(names, r+"/"+p)
		}
	}
	return names
}

// adminConsent lets an administrator consent for a whole tenant.
func (s *Server) adminConsent(w http.ResponseWriter, r *http.Request, authority string) {
	q := r.URL.Query()
	app, redirect, ok := s.askingApp(w, r, authority)
	if !ok {
		return
	}
	tenant, user, e := s.signIn(authority, "")
	if e != nil {
		s.errorPage(w, e)
		return
	}
	wanted, e := parseScopes(q.Get("scope"), app.ID)
	if strings.TrimSpace(q.Get("scope")) == "" {
		e = missing("scope")
	}
	if e != nil {
		s.redirectError(w, r, redirect, q.Get("state"), e)
		return
	}
	if d := s.decision(r); d != accepted {
		s.notConsented(w, r, d, consentAsked{app, tenant, user.UserPrincipalName.Or(""), scopeNames(wanted), redirect, "The admin"})
		return
	}
	c := s.state.consentOf(app.ID, tenant)
	for _, resource := range wanted.resources {
		if resource == graphResource && wanted.isDefault(resource) {
			// Named scopes are for people; this alone asks for roles too.
			c.Delegated, c.Roles = union(c.Delegated, customerScopes), union(c.Roles, customerRoles)
			continue
		}
		c.Delegated = union(c.Delegated, wanted.requested(resource))
	}
	s.state.commit(record{Consent: &c})
	answer := url.Values{"admin_consent": {"True"}, "tenant": {tenant.ID}, "scope": {strings.Join(scopeNames(wanted), " ")}}
	if state := q.Get("state"); state != "" {
		answer.Set("state", state)
	}
	redirectWith(w, r, redirect, answer)
}

type verdict int

const (
	undecided verdict = iota
	accepted
	declined
)

// consentAsked is what the person is asked to consent to, and who is asked.
type consentAsked struct {
	app      App
	tenant   fleet.Tenant
	user     string
	scopes   []string
	redirect string
	who      string
}

// notConsented asks a person who has not decided yet, and sends one who declined back to the app.
func (s *Server) notConsented(w http.ResponseWriter, r *http.Request, decision verdict, asked consentAsked) {
	if decision == undecided {
		s.consentPage(w, r, asked.app, asked.tenant, asked.user, asked.scopes)
		return
	}
	s.redirectError(w, r, asked.redirect, r.URL.Query().Get("state"), &oauthError{
		number: 65004, code: "access_denied", message: asked.who + " declined to consent to access the app.",
	})
}

// decision is what the person clicked; a client that wants no HTML is let
// through where consent is automatic.
func (s *Server) decision(r *http.Request) verdict {
	switch r.URL.Query().Get("simulator_decision") {
	case "accept":
		return accepted
	case "decline":
		return declined
	}
	if s.autoConsent && !strings.Contains(r.Header.Get("Accept"), "text/html") {
		return accepted
	}
	return undecided
}

func (s *Server) redirectError(w http.ResponseWriter, r *http.Request, redirect, state string, e *oauthError) {
	answer := url.Values{"error": {e.code}, "error_description": {e.description(newID(), correlationID(r), s.now())}}
	if state != "" {
		answer.Set("state", state)
	}
	redirectWith(w, r, redirect, answer)
}

func redirectWith(w http.ResponseWriter, r *http.Request, redirect string, answer url.Values) {
	glue := "?"
	if strings.Contains(redirect, "?") {
		glue = "&"
	}
	w.Header().Set("Cache-Control", "no-store")
	http.Redirect(w, r, redirect+glue+answer.Encode(), http.StatusFound)
}

var pages = template.Must(template.New("consent").Parse(`<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Permissions requested</title>
{{if .Auto}}<meta http-equiv="refresh" content="8;url={{.Accept}}">{{end}}
<style>body{font:16px/1.5 system-ui;max-width:34rem;margin:4rem auto;padding:0 1rem}a{display:inline-block;padding:.5rem 1.5rem;border:1px solid #0067b8;text-decoration:none;color:#0067b8;margin-right:1rem}a.accept{background:#0067b8;color:#fff}</style></head>
<body><p>Microsoft simulator: {{.Tenant}}</p><h1>Permissions requested</h1>
<p>Signed in as <b>{{.User}}</b>. The app <b>{{.App}}</b> asks for:</p>
<ul>{{range .Scopes}}<li>{{.}}</li>{{end}}</ul>
<p><a class="accept" id="accept" href="{{.Accept}}">Accept</a><a id="decline" href="{{.Decline}}">Cancel</a></p>
{{if .Auto}}<p>Accepted by itself after 8 seconds.</p>{{end}}</body></html>
{{define "error"}}<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Sign in to your account</title></head>
<body><h1>Sorry, but we’re having trouble signing you in.</h1><p id="error">{{.}}</p></body></html>{{end}}`))

func (s *Server) consentPage(w http.ResponseWriter, r *http.Request, app App, t fleet.Tenant, user string, names []string) {
	link := func(decision string) string {
		q := r.URL.Query()
		q.Set("simulator_decision", decision)
		return r.URL.Path + "?" + q.Encode()
	}
	pageHeaders(w)
	_ = pages.Execute(w, map[string]any{
		"App": app.Name, "Tenant": t.DisplayName, "User": user, "Scopes": names, "Auto": s.autoConsent,
		"Accept": link("accept"), "Decline": link("decline"),
	})
}

func (s *Server) errorPage(w http.ResponseWriter, e *oauthError) {
	pageHeaders(w)
	w.WriteHeader(http.StatusBadRequest)
	_ = pages.ExecuteTemplate(w, "error", fmt.Sprintf("%s Timestamp: %s", e.Error(), s.now().UTC().Format(time.RFC3339)))
}

func pageHeaders(w http.ResponseWriter) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
}
