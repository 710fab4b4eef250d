package http

import (
	"encoding/json"
	"log/slog"
	"net/http"
	"time"

	"github.com/entrasync/entrasync/gateway/internal/access"
	"github.com/entrasync/entrasync/gateway/internal/audit"
	"github.com/entrasync/entrasync/gateway/internal/core"
	"github.com/entrasync/entrasync/gateway/internal/identity"
	"github.com/entrasync/entrasync/pkg/tenant"
	policyv1 "github.com/entrasync/entrasync/proto/gen/go/entrasync/policy/v1"
)

// The addresses of the sign-in.
const (
	configPath         = "/auth/config"
	signInPath         = "/auth/sign-in"
	SignInCallbackPath = "/auth/callback"
	sessionPath        = "/auth/session"
	signOutPath        = "/auth/sign-out"
)

// SignInParts are what the handlers of the sign-in need.
type SignInParts struct {
	Gate         *access.Gate
	Sessions     *identity.Sessions
	SignIn       *identity.SignIn // nil: not offered
	Box          identity.Box
	Audit        *audit.Log
	PublicURL    string
	EmbedOrigins []string // pages that may show the console in a frame
	WorkflowsURL string   // where operators look at workflows; may be empty
	Now          func() time.Time
}

// SignInHandlers let people sign in to the console with a browser: the handlers under
// /auth/, a closed list as well.
func SignInHandlers(p SignInParts) []Handler {
	state := &policyv1.Rule{Auth: policyv1.Auth_AUTH_OAUTH_STATE}
	return []Handler{
		{Verb: http.MethodGet, Path: configPath, Open: "says how to sign in, and holds no data", Serve: p.config},
		{Verb: http.MethodGet, Path: signInPath, Open: "sends the browser to the identity provider", Serve: p.begin},
		{Verb: http.MethodGet, Path: SignInCallbackPath, Rule: state, Serve: p.callback},
		{Verb: http.MethodGet, Path: sessionPath, Open: "answers callers about themselves alone, and refuses unknown ones", Serve: p.whoAmI},
		{Verb: http.MethodPost, Path: signOutPath, Open: "ends the caller's own session; without one there is nothing to end", Serve: p.signOut},
	}
}

func (p SignInParts) config(w http.ResponseWriter, r *http.Request, _ *access.Request) {
	answer(w, r, map[string]any{"signIn": p.SignIn != nil, "embedOrigins": append([]string{}, p.EmbedOrigins...), "workflowsUrl": p.WorkflowsURL})
}

// who describes the caller to themselves.
type who struct {
	TenantID    string          `json:"tenantId"`
	UserID      string          `json:"userId"`
	Name        string          `json:"name"`
	Email       string          `json:"email"`
	UserType    string          `json:"userType"`
	Permissions []string        `json:"permissions"`
	Flags       map[string]bool `json:"flags"`
	// What follows is said of sessions alone.
	CSRFToken     string     `json:"csrfToken,omitempty"`     // for the header X-CSRF-Token
	ExpiresAt     *time.Time `json:"expiresAt,omitempty"`     // whatever it is used for
	IdleExpiresAt *time.Time `json:"idleExpiresAt,omitempty"` // unless it is used
}

// whoAmI answers people of every type, and replaces a session's token that is old.
func (p SignInParts) whoAmI(w http.ResponseWriter, r *http.Request, in *access.Request) {
	ctx := r.Context()
	caller, err := p.Gate.Identify(ctx, in)
	if err != nil {
		WriteProblem(w, r, in, core.Public(err))
		return
	}
	in.Tenant = string(caller.Person.Tenant)
	flags, err := p.Gate.FlagsOf(ctx, caller)
	if err != nil {
		WriteProblem(w, r, in, core.Public(err))
		return
	}
	said := who{
		TenantID: string(caller.Person.Tenant), UserID: caller.Person.Subject, Name: caller.Person.Name, Email: caller.Person.Email,
		UserType: caller.Person.Type, Permissions: append([]string{}, caller.Person.Permissions...), Flags: flags,
	}
	if s := caller.Session; s != nil {
		token, err := p.Sessions.Rotate(ctx, *s)
		if err != nil {
			WriteProblem(w, r, in, core.Public(err))
			return
		}
		if token != "" && r.Method == http.MethodGet {
			setSession(w, token, s.ExpiresAt.Sub(p.Now()))
		}
		idle := p.Sessions.IdleAt(*s)
		said.CSRFToken, said.ExpiresAt, said.IdleExpiresAt = s.CSRF, &s.ExpiresAt, &idle
	}
	answer(w, r, said)
}

// signOut ends the session of the browser, or all of the person's, and says where
// the issuer's own session is ended. Without a session there is nothing to end.
func (p SignInParts) signOut(w http.ResponseWriter, r *http.Request, in *access.Request) {
	ctx := r.Context()
	var asked struct {
		Everywhere bool `json:"everywhere"`
	}
	if err := readBody(r, &asked); err != nil {
		WriteProblem(w, r, in, core.Public(err))
		return
	}
	in.Authorization = "" // a token has no session
	if in.Session != "" && p.Gate.SessionID(ctx, in) != "" {
		caller, err := p.Gate.Identify(ctx, in)
		if err == nil {
			in.Tenant = string(caller.Person.Tenant)
			end, action := p.Sessions.Close, "sign_out"
			if asked.Everywhere {
				end, action = p.Sessions.CloseAll, "sign_out_everywhere"
			}
			err = end(ctx, *caller.Session)
			p.record(r, in, caller.Person, action, err)
		}
		if err != nil {
			WriteProblem(w, r, in, core.Public(err))
			return
		}
	}
	setSession(w, "", -1)
	out := map[string]string{}
	if p.SignIn != nil {
		if target := p.SignIn.EndSessionURL(ctx, p.PublicURL); target != "" {
			out["endSessionUrl"] = target
		}
	}
	answer(w, r, out)
}

// record writes to the audit trail who signed in or out.
func (p SignInParts) record(r *http.Request, in *access.Request, person identity.Person, action string, err error) {
	outcome := audit.OK
	if err != nil {
		outcome = core.Public(err).Reason()
	}
	ctx := tenant.With(r.Context(), tenant.Call{Tenant: person.Tenant, Actor: tenant.Actor{ID: person.Subject, Type: audit.User}})
	p.Audit.Enter(audit.Event{
		Tenant: person.Tenant, ActorID: person.Subject, ActorType: audit.User, Action: "session." + action,
		RequestID: in.ID, RemoteAddr: in.RemoteAddr,
	}).End(ctx, outcome)
}

// setSession sets the cookie for so long; a negative time takes it away. SameSite
// Lax still lets it come with the identity provider's and Microsoft's redirects.
func setSession(w http.ResponseWriter, token string, lasts time.Duration) {
	setCookie(w, identity.SessionCookie, token, lasts)
}

func setCookie(w http.ResponseWriter, name, value string, lasts time.Duration) {
	seconds := -1
	if lasts > 0 {
		seconds = max(int(lasts/time.Second), 1)
	}
	http.SetCookie(w, &http.Cookie{
		Name: name, Value: value, Path: "/", MaxAge: seconds, Secure: true, HttpOnly: true, SameSite: http.SameSiteLaxMode,
	})
}

func answer(w http.ResponseWriter, r *http.Request, body any) {
	w.Header().Set("Content-Type", "application/json")
	if err := json.NewEncoder(w).Encode(body); err != nil {
		slog.DebugContext(r.Context(), "answering", "error", err)
	}
}
