package server

import (
	"crypto/sha256"
	"crypto/subtle"
	"fmt"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/entrasync/entrasync/deploy/simulator/fleet"
)

// How long a code and a refresh token are good for.
const (
	codeLife    = 10 * time.Minute
	refreshLife = 90 * 24 * time.Hour
)

// issue is what a token request ends in.
type issue struct {
	tenant   fleet.Tenant // whose directory the access token opens
	home     fleet.Tenant
	user     *fleet.User // nil for an app by itself
	app      App
	resource string
	granted  []string
	wanted   scopes
	nonce    string
	scope    string // as asked for, kept with the refresh token
}

func (s *Server) token(w http.ResponseWriter, r *http.Request, authority string) {
	out, e := s.redeem(r, authority)
	if e != nil {
		s.writeOAuthError(w, r, e)
		return
	}
	c := claims{
		Audience: out.resource, Issuer: "https://sts.windows.net/" + out.tenant.ID + "/", TenantID: out.tenant.ID, App: out.app.ID,
	}
	answer := map[string]any{"token_type": "Bearer", "expires_in": 3599, "ext_expires_in": 3599}
	if out.user == nil {
		c.Roles = out.granted
		answer["access_token"] = s.issueAccessToken(c)
		s.writeLoginJSON(w, http.StatusOK, answer)
		return
	}
	c.Scope, c.UserID, c.UPN, c.HomeTenant = strings.Join(out.granted, " "), out.user.ID, out.user.UserPrincipalName.Or(""), out.home.ID
	answer["access_token"] = s.issueAccessToken(c)
	answer["scope"] = grantedScope(out)
	if out.wanted.offline() {
		g := grant{
			Token: randomSecret("1.AQ", 160), App: out.app.ID, TenantID: out.home.ID, UserID: out.user.ID,
			Scope: out.scope, IssuedAt: s.now(),
		}
		s.state.commit(record{Grant: &g})
		answer["refresh_token"] = g.Token
	}
	if out.wanted.openID() {
		answer["id_token"] = s.issueIDToken(baseURL(r), out.app.ID, out.nonce, out.home, *out.user)
	}
	s.writeLoginJSON(w, http.StatusOK, answer)
}

func grantedScope(out issue) string {
	var words []string
	for _, o := range []string{"profile", "openid", "email"} {
		if slices.Contains(out.wanted.oidc, o) {
			words = append(words, o)
		}
	}
	for _, g := range out.granted {
		words = append(words, out.resource+"/"+g)
	}
	if out.wanted.isDefault(out.resource) {
		words = append(words, out.resource+"/.default")
	}
	return strings.Join(words, " ")
}

func (s *Server) redeem(r *http.Request, authority string) (issue, *oauthError) {
	form, e := tokenForm(r)
	if e != nil {
		return issue{}, e
	}
	// What callers prove themselves with is as secret as what they get.
	s.state.noteSecret("code_verifier", form.Get("code_verifier"))
	s.state.noteSecret("client_assertion", form.Get("client_assertion"))
	tenant, known := s.fleet.Tenant(authority)
	if !known && !isShared(authority) {
		return issue{}, refuse(90002, "invalid_request", "Tenant '%s' not found. Check to make sure you have the correct tenant ID and are signing into the correct cloud.", authority)
	}
	app, e := s.authenticate(form, authority, baseURL(r)+r.URL.Path)
	if e != nil {
		return issue{}, e
	}
	grantType := form.Get("grant_type")
	if e := forMany(app, authority); e != nil && grantType != "client_credentials" {
		return issue{}, e
	}
	switch grantType {
	case "authorization_code":
		return s.redeemCode(form, app, authority, tenant)
	case "refresh_token":
		return s.redeemRefresh(form, app, authority, tenant)
	case "client_credentials":
		return s.clientCredentials(form, app, authority, tenant)
	case "":
		return issue{}, missing("grant_type")
	default:
		return issue{}, refuse(70003, "unsupported_grant_type", "The app requested an unsupported grant type '%s'.", grantType)
	}
}

func missing(parameter string) *oauthError {
	return refuse(900144, "invalid_request", "The request body must contain the following parameter: '%s'.", parameter)
}

func tokenForm(r *http.Request) (url.Values, *oauthError) {
	if r.Method != http.MethodPost {
		return nil, refuse(900561, "invalid_request", "The endpoint only accepts POST requests. Received a %s request.", r.Method)
	}
	if kind, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type")); kind != "application/x-www-form-urlencoded" {
		return nil, missing("grant_type")
	}
	r.Body = http.MaxBytesReader(nil, r.Body, 1<<20)
	if err := r.ParseForm(); err != nil {
		return nil, refuse(90014, "invalid_request", "The request body is malformed.")
	}
	for name, values := range r.PostForm {
		if len(values) > 1 {
			return nil, refuse(90014, "invalid_request", "Parameter '%s' is duplicated.", name)
		}
	}
	return r.PostForm, nil
}

// appIn finds an app in the directory of an authority, which comes before everything
// else: one that is registered for a single tenant is in no other.
func (s *Server) appIn(id, authority string) (App, *oauthError) {
	app, ok := s.state.app(id)
	if !ok {
		return App{}, refuse(700016, "unauthorized_client", "Application with identifier '%s' was not found in the directory.", id)
	}
	if tenant, named := s.fleet.Tenant(authority); named && app.SingleTenant && tenant.Index > 0 {
		return App{}, notInDirectory(app, tenant)
	}
	return app, nil
}

// forMany refuses an app that is registered for a single tenant at an authority that
// stands for many.
func forMany(app App, authority string) *oauthError {
	if !app.SingleTenant || !isShared(authority) {
		return nil
	}
	return refuse(50194, "invalid_request", "Application '%s'(%s) is not configured as a multi-tenant application. Usage of the /common endpoint is not supported for such applications created after '10/15/2018'. Use a tenant-specific endpoint or configure the application to be multi-tenant.", app.ID, app.Name)
}

// authenticate checks that the app is who it says it is.
func (s *Server) authenticate(form url.Values, authority, endpoint string) (App, *oauthError) {
	id := form.Get("client_id")
	if id == "" {
		return App{}, missing("client_id")
	}
	app, e := s.appIn(id, authority)
	if e != nil {
		return App{}, e
	}
	if form.Has("client_assertion") {
		return app, s.checkAssertion(form, app, endpoint)
	}
	given := form.Get("client_secret")
	if given == "" {
		return App{}, refuse(7000218, "invalid_client", "The request body must contain the following parameter: 'client_assertion' or 'client_secret'.")
	}
	if app.Secret == "" || subtle.ConstantTimeCompare([]byte(given), []byte(app.Secret)) != 1 {
		return App{}, refuse(7000215, "invalid_client", "Invalid client secret provided. Ensure the secret being sent in the request is the client secret value, not the client secret ID, for a secret added to app '%s'.", id)
	}
	return app, nil
}

func (s *Server) redeemCode(form url.Values, app App, authority string, tenant fleet.Tenant) (issue, *oauthError) {
	for _, p := range []string{"code", "redirect_uri"} {
		if form.Get(p) == "" {
			return issue{}, missing(p)
		}
	}
	code, ok := s.state.takeCode(form.Get("code"))
	switch {
	case !ok:
		return issue{}, refuse(70000, "invalid_grant", "Provided grant is invalid or malformed.")
	case code.used:
		return issue{}, byNumber(54005)
	case code.app != app.ID:
		return issue{}, refuse(70000, "invalid_grant", "The provided authorization code was issued to another client.")
	case s.now().Sub(code.issuedAt) > codeLife:
		return issue{}, byNumber(70008)
	case code.redirectURI != form.Get("redirect_uri"):
		return issue{}, byNumber(50011)
	case !sameAuthority(code, authority, tenant):
		return issue{}, byNumber(700005)
	}
	if e := checkVerifier(code.challenge, form.Get("code_verifier")); e != nil {
		return issue{}, e
	}
	scope := form.Get("scope")
	if scope == "" {
		scope = code.scope
	}
	home, _ := s.fleet.Tenant(code.tenantID)
	out, e := s.delegated(app, home, home, code.userID, scope, code.scope)
	out.nonce = code.nonce
	return out, e
}

// sameAuthority says whether a code is redeemed where it was issued: under the
// same name, or at the tenant of the person who signed in.
func sameAuthority(code authCode, authority string, tenant fleet.Tenant) bool {
	return code.authority == strings.ToLower(authority) || tenant.ID == code.tenantID || isShared(authority) && isShared(code.authority)
}

func checkVerifier(challenge, verifier string) *oauthError {
	switch {
	case challenge == "" && verifier == "":
		return nil
	case challenge == "" || verifier == "":
		return refuse(501481, "invalid_grant", "The Code_Verifier does not match the code_challenge supplied in the authorization request.")
	case len(verifier) < 43 || len(verifier) > 128:
		return refuse(501491, "invalid_grant", "Invalid size of Code_Verifier parameter.")
	}
	sum := sha256.Sum256([]byte(verifier))
	if b64.EncodeToString(sum[:]) != challenge {
		return byNumber(501481)
	}
	return nil
}

func (s *Server) redeemRefresh(form url.Values, app App, authority string, tenant fleet.Tenant) (issue, *oauthError) {
	if form.Get("refresh_token") == "" {
		return issue{}, missing("refresh_token")
	}
	g, ok := s.state.grant(form.Get("refresh_token"))
	switch {
	case !ok || g.App != app.ID:
		return issue{}, refuse(70000, "invalid_grant", "Provided grant is invalid or malformed.")
	case g.Refused != 0:
		return issue{}, byNumber(g.Refused)
	case s.now().Sub(g.IssuedAt) > refreshLife:
		return issue{}, byNumber(700082)
	}
	home, _ := s.fleet.Tenant(g.TenantID)
	if isShared(authority) {
		tenant = home
	}
	scope := form.Get("scope")
	if scope == "" {
		scope = g.Scope
	}
	if tenant.ID != home.ID {
		partner := s.fleet.Partner()
		if home.ID != partner.ID || !s.mayAdminister(g.UserID, tenant) {
			return issue{}, refuse(50020, "invalid_grant", "User account from identity provider 'https://sts.windows.net/%s/' does not exist in tenant '%s' and cannot access the application '%s' in that tenant.", home.ID, tenant.DisplayName, app.ID)
		}
	}
	return s.delegated(app, tenant, home, g.UserID, scope, "")
}

// delegated decides what a person's token for a tenant may do. Consented is
// what the authorization request asked for, if there was one.
func (s *Server) delegated(app App, tenant, home fleet.Tenant, userID, scope, consented string) (issue, *oauthError) {
	wanted, e := parseScopes(scope, app.ID)
	if e != nil {
		return issue{}, e
	}
	if len(wanted.resources) == 0 && len(wanted.oidc) == 0 {
		return issue{}, missing("scope")
	}
	resource, e := wanted.one()
	if e != nil {
		return issue{}, e
	}
	slot, ok := s.fleet.Find(home.Index, userID)
	if !ok {
		return issue{}, refuse(50034, "invalid_grant", "The user account does not exist in the directory.")
	}
	user, gone := s.fleet.At(home.Index, slot)
	if gone != fleet.Present {
		return issue{}, refuse(50034, "invalid_grant", "The user account does not exist in the directory.")
	}
	if !user.AccountEnabled.Or(false) {
		return issue{}, byNumber(50057)
	}
	if number := s.state.policyOf(tenant.ID); number != 0 {
		return issue{}, byNumber(number)
	}
	granted, e := s.grantedTo(app, tenant, resource, wanted)
	if e != nil {
		return issue{}, e
	}
	kept := consented
	if kept == "" {
		kept = scope
	}
	return issue{tenant: tenant, home: home, user: &user, app: app, resource: resource, granted: granted, wanted: wanted, scope: kept}, nil
}

// grantedTo is what was consented of what is asked for.
func (s *Server) grantedTo(app App, tenant fleet.Tenant, resource string, wanted scopes) ([]string, *oauthError) {
	c := s.state.consentOf(app.ID, tenant)
	var have []string
	for _, p := range c.Delegated {
		if slices.Contains(knownScopes[resource], p) {
			have = append(have, p)
		}
	}
	if len(have) == 0 {
		return nil, unconsented(app)
	}
	for _, p := range wanted.named[resource] {
		if p != ".default" && !slices.Contains(have, p) {
			return nil, unconsented(app)
		}
	}
	return have, nil
}

func unconsented(app App) *oauthError {
	e := byNumber(65001)
	e.message = fmt.Sprintf("The user or administrator has not consented to use the application with ID '%s' named '%s'. Send an interactive authorization request for this user and resource.", app.ID, app.Name)
	return e
}

// clientCredentials is the app by itself at one tenant's authority.
func (s *Server) clientCredentials(form url.Values, app App, authority string, tenant fleet.Tenant) (issue, *oauthError) {
	if isShared(authority) {
		return issue{}, refuse(50059, "invalid_request", "No tenant-identifying information found in either the request or implied by any provided credentials.")
	}
	if form.Get("scope") == "" {
		return issue{}, missing("scope")
	}
	wanted, e := parseScopes(form.Get("scope"), app.ID)
	if e != nil {
		return issue{}, e
	}
	resource, e := wanted.one()
	if e != nil {
		return issue{}, e
	}
	if !wanted.isDefault(resource) {
		return issue{}, refuse(1002012, "invalid_scope", "The provided value for scope %s is not valid. Client credential flows must have a scope value with /.default suffixed to the resource identifier (application ID URI).", form.Get("scope"))
	}
	// Words of OpenID Connect beside it are passed over: azidentity sends them with every request,
	// and an app alone gets neither an id token nor a refresh token.
	wanted.oidc = nil
	out := issue{tenant: tenant, home: tenant, app: app, resource: resource, wanted: wanted}
	if resource != graphResource {
		return out, nil // the app's own interface, or one whose permissions go to people
	}
	c := s.state.consentOf(app.ID, tenant)
	if len(c.Roles) == 0 && len(c.Delegated) == 0 && tenant.Index > 0 {
		return issue{}, notInDirectory(app, tenant)
	}
	// Without a role there is a token all the same, and Graph refuses it.
	out.granted = c.Roles
	return out, nil
}

func notInDirectory(app App, t fleet.Tenant) *oauthError {
	return refuse(700016, "unauthorized_client", "Application with identifier '%s' was not found in the directory '%s'. This can happen if the application has not been installed by the administrator of the tenant or consented to by any user in the tenant.", app.ID, t.DisplayName)
}
