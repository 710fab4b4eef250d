package server

import (
	"encoding/json"
	"fmt"
	"net/http"
	"time"
)

// oauthError is an answer of the token endpoint; number is the AADSTS one.
type oauthError struct {
	number   int
	code     string
	message  string
	suberror string
}

func (e *oauthError) Error() string { return fmt.Sprintf("AADSTS%d: %s", e.number, e.message) }

func (e *oauthError) status() int {
	if e.code == "invalid_client" {
		return http.StatusUnauthorized
	}
	return http.StatusBadRequest
}

func refuse(number int, code, format string, args ...any) *oauthError {
	return &oauthError{number: number, code: code, message: fmt.Sprintf(format, args...)}
}

// aadsts are the errors that an administrator can order by number.
var aadsts = map[int]oauthError{
	70008:   {code: "invalid_grant", message: "The provided authorization code or refresh token has expired due to inactivity. Send a new interactive authorization request for this user and resource."},
	700082:  {code: "invalid_grant", message: "The refresh token has expired due to inactivity. The token was inactive for 90.00:00:00."},
	50173:   {code: "invalid_grant", message: "The provided grant has expired due to it being revoked, a fresh auth token is needed. The user might have changed or reset their password.", suberror: "bad_token"},
	70043:   {code: "invalid_grant", message: "The refresh token has expired or is invalid due to sign-in frequency checks by conditional access.", suberror: "token_expired"},
	70000:   {code: "invalid_grant", message: "Provided grant is invalid or malformed."},
	50074:   {code: "invalid_grant", message: "Strong Authentication is required.", suberror: "basic_action"},
	50076:   {code: "invalid_grant", message: "Due to a configuration change made by your administrator, or because you moved to a new location, you must use multi-factor authentication to access the resource.", suberror: "basic_action"},
	50078:   {code: "invalid_grant", message: "Presented multi-factor authentication has expired due to policies configured by your administrator, you must refresh your multi-factor authentication.", suberror: "basic_action"},
	50079:   {code: "invalid_grant", message: "Due to a configuration change made by your administrator, or because you moved to a new location, you must enroll in multi-factor authentication.", suberror: "basic_action"},
	50057:   {code: "invalid_grant", message: "The user account is disabled."},
	7000215: {code: "invalid_client", message: "Invalid client secret provided. Ensure the secret being sent in the request is the client secret value, not the client secret ID, for a secret added to app."},
	7000222: {code: "invalid_client", message: "The provided client secret keys for app are expired."},
	700027:  {code: "invalid_client", message: "The certificate with identifier used to sign the client assertion is not registered on application."},
	65001:   {code: "invalid_grant", message: "The user or administrator has not consented to use the application. Send an interactive authorization request for this user and resource.", suberror: "consent_required"},
	90099:   {code: "invalid_grant", message: "The application has not been authorized in the tenant. Applications must be authorized to access the customer tenant before partner delegated administrators can use them."},
	650056:  {code: "invalid_client", message: "Misconfigured application."},
	700016:  {code: "unauthorized_client", message: "Application was not found in the directory. This can happen if the application has not been installed by the administrator of the tenant or consented to by any user in the tenant."},
	50020:   {code: "invalid_grant", message: "User account from identity provider does not exist in tenant and cannot access the application in that tenant."},
	50177:   {code: "invalid_grant", message: "User account from identity provider does not exist in tenant and cannot access the application in that tenant. The account needs to be added as an external user in the tenant first."},
	53003:   {code: "invalid_grant", message: "Access has been blocked by Conditional Access policies. The access policy does not allow token issuance.", suberror: "message_only"},
	530032:  {code: "invalid_grant", message: "User blocked due to risk on home tenant."},
	530034:  {code: "invalid_grant", message: "A delegated administrator was blocked from accessing the tenant due to account risk in their home tenant."},
	500212:  {code: "invalid_grant", message: "The user's administrator has set an outbound access policy that does not allow access to the resource tenant."},
	500213:  {code: "invalid_grant", message: "The resource tenant's cross-tenant access policy does not allow this user to access this tenant."},
	90002:   {code: "invalid_request", message: "Tenant not found. Check to make sure you have the correct tenant ID and are signing into the correct cloud."},
	5000224: {code: "invalid_request", message: "Sorry, this resource is not available."},
	900023:  {code: "invalid_request", message: "Specified tenant identifier is neither a valid DNS name, nor a valid external domain."},
	50033:   {code: "temporarily_unavailable", message: "A transient error has occurred. Please try again."},
	90006:   {code: "temporarily_unavailable", message: "The service is temporarily unavailable. Please retry later."},
	90012:   {code: "temporarily_unavailable", message: "The request has timed out."},
	90024:   {code: "temporarily_unavailable", message: "The request budget was exceeded. Please try again."},
	90033:   {code: "temporarily_unavailable", message: "A transient error has occurred. Please try again."},
	90055:   {code: "temporarily_unavailable", message: "The request was throttled. Please try again."},
	54005:   {code: "invalid_grant", message: "OAuth2 Authorization code was already redeemed, please retry with a new valid code or use an existing refresh token."},
	501481:  {code: "invalid_grant", message: "The Code_Verifier does not match the code_challenge supplied in the authorization request."},
	50011:   {code: "invalid_grant", message: "The redirect URI specified in the request does not match the redirect URI of the authorization request."},
	700005:  {code: "invalid_grant", message: "Provided Authorization Code is intended to use against other tenant, thus rejected."},
}

// byNumber is the error of an AADSTS number; one that is not known here is an
// invalid grant, as Microsoft adds numbers at will.
func byNumber(number int) *oauthError {
	e, ok := aadsts[number]
	if !ok {
		e = oauthError{code: "invalid_grant", message: "The grant was refused."}
	}
	e.number = number
	return &e
}

// description is the text that goes with an error, as Entra writes it.
func (e *oauthError) description(trace, correlation string, at time.Time) string {
	return fmt.Sprintf("%s\r\nTrace ID: %s\r\nCorrelation ID: %s\r\nTimestamp: %s",
		e.Error(), trace, correlation, at.UTC().Format("2006-01-02 15:04:05Z"))
}

// correlationID is the caller's own id for the request, or a new one.
func correlationID(r *http.Request) string {
	if id := r.Header.Get("client-request-id"); id != "" {
		return id
	}
	return newID()
}

func (s *Server) writeOAuthError(w http.ResponseWriter, r *http.Request, e *oauthError) {
	s.writeOAuthErrorAs(w, r, e, e.status())
}

func (s *Server) writeOAuthErrorAs(w http.ResponseWriter, r *http.Request, e *oauthError, status int) {
	trace, correlation, at := newID(), correlationID(r), s.now()
	body := map[string]any{
		"error":             e.code,
		"error_description": e.description(trace, correlation, at),
		"error_codes":       []int{e.number},
		"timestamp":         at.UTC().Format("2006-01-02 15:04:05Z"),
		"trace_id":          trace,
		"correlation_id":    correlation,
		"error_uri":         fmt.Sprintf("%s/error?code=%d", baseURL(r), e.number),
	}
	if e.suberror != "" {
		body["suberror"] = e.suberror
	}
	s.writeLoginJSON(w, status, body)
}

func (s *Server) writeLoginJSON(w http.ResponseWriter, status int, body any) {
	h := w.Header()
	h.Set("Content-Type", "application/json; charset=utf-8")
	h.Set("Cache-Control", "no-store, no-cache")
	h.Set("Pragma", "no-cache")
	h.Set("x-ms-request-id", newID())
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body) // the caller has gone if this fails
}
