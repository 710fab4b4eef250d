package http

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/url"
	"strings"

	"google.golang.org/grpc"

	"github.com/entrasync/entrasync/gateway/internal/access"
	"github.com/entrasync/entrasync/gateway/internal/core"
	"github.com/entrasync/entrasync/gateway/internal/flags"
	"github.com/entrasync/entrasync/pkg/errs"
	"github.com/entrasync/entrasync/pkg/tenant"
	"github.com/entrasync/entrasync/proto/entrasync/reason"
	connectionv1 "github.com/entrasync/entrasync/proto/gen/go/entrasync/connection/v1"
	policyv1 "github.com/entrasync/entrasync/proto/gen/go/entrasync/policy/v1"
)

// The addresses of the OAuth flow.
const (
	CallbackPath = "/api/auth/microsoft/entra/callback"
	ResultPath   = "/integrations/entra/result"
)

// Handle serves one request.
type Handle func(w http.ResponseWriter, r *http.Request, in *access.Request)

// Handler is an HTTP handler that is no method of a contract. It has a rule, or
// says why it is open to anyone.
type Handler struct {
	Verb  string
	Path  string
	Rule  *policyv1.Rule
	Open  string // why anyone may call it; empty where there is a rule
	Serve Handle
}

// Parts are what the handlers need.
type Parts struct {
	Gate       *access.Gate
	Connection grpc.ClientConnInterface
	OpenAPI    []byte // the description of the interface
	Docs       []byte // the page that shows it
	DocsScript []byte // what the page loads
	PublicURL  string
	Ready      func(ctx context.Context) error
}

// Handlers is the closed list of them.
func Handlers(p Parts) []Handler {
	callback := &policyv1.Rule{Auth: policyv1.Auth_AUTH_OAUTH_STATE, Flags: []string{flags.UI}, Enterprise: true}
	return []Handler{
		{Verb: http.MethodGet, Path: CallbackPath, Rule: callback, Serve: p.callback(callback)},
		{Verb: http.MethodGet, Path: ResultPath, Open: "a page that says how the flow ended, from its own address", Serve: result},
		{Verb: http.MethodGet, Path: "/openapi.json", Open: "describes the interface and holds no data", Serve: serve("application/json", p.OpenAPI)},
		{Verb: http.MethodGet, Path: "/docs", Open: "describes the interface and holds no data", Serve: docs(p.Docs)},
		{Verb: http.MethodGet, Path: "/docs/redoc.js", Open: "shows the description of the interface, and holds no data", Serve: script(p.DocsScript)},
		{Verb: http.MethodGet, Path: "/healthz", Open: "says that the process runs", Serve: healthy},
		{Verb: http.MethodGet, Path: "/readyz", Open: "says whether requests can be served", Serve: p.ready},
	}
}

// maxStateParam bounds what of the callback's address goes further in.
const maxStateParam = 4096

// callback takes Microsoft's answer. The tenant and the person come from the
// state alone, which the connection knows. A browser stands before it, so
// whatever went wrong it is sent on to a page that says so.
func (p Parts) callback(rule *policyv1.Rule) Handle {
	client := connectionv1.NewConnectionInternalServiceClient(p.Connection)
	return func(w http.ResponseWriter, r *http.Request, in *access.Request) {
		if err := p.Gate.Edition(rule); err != nil {
			WriteProblem(w, r, in, core.Public(err))
			return
		}
		query := r.URL.Query()
		target := p.complete(r.Context(), in, client, rule, &connectionv1.CompleteCallbackRequest{
			State: cut(query.Get("state"), maxStateParam), Code: cut(query.Get("code"), 2*maxStateParam),
			Error: cut(query.Get("error"), 256), ErrorDescription: cut(query.Get("error_description"), maxStateParam),
			AdminConsent: strings.EqualFold(query.Get("admin_consent"), "true"),
			Session:      p.Gate.SessionID(r.Context(), in),
		})
		w.Header().Set("Location", target)
		w.Header().Set("Referrer-Policy", "no-referrer")
		w.Header().Set("Cache-Control", "no-store")
		w.WriteHeader(http.StatusFound)
	}
}

// complete gives the address that the browser is sent to. What failed is counted
// for the address that it came from.
func (p Parts) complete(ctx context.Context, in *access.Request, client connectionv1.ConnectionInternalServiceClient, rule *policyv1.Rule, request *connectionv1.CompleteCallbackRequest) string {
	done, err := p.Gate.AdmitState(ctx, in)
	if err != nil {
		return p.failed(ctx, err)
	}
	refused := false // by what the browser brought, not by a failure of ours
	defer func() { done(refused) }()
	if err = p.askFlags(ctx, client, rule, request); err != nil {
		refused = errors.Is(err, errState)
		return p.failed(ctx, err)
	}
	answer, err := client.CompleteCallback(ctx, request)
	if err != nil {
		return p.failed(ctx, err)
	}
	target, err := url.Parse(answer.GetRedirectUrl())
	refused = err == nil && target.Query().Get("entra_status") == "failure"
	return answer.GetRedirectUrl()
}

// failed is the page that says why a callback failed.
func (p Parts) failed(ctx context.Context, err error) string {
	public := core.Public(err)
	level := slog.LevelWarn
	switch public.Kind() {
	case errs.Internal:
		level = slog.LevelError
	case errs.NotFound, errs.Exhausted:
		level = slog.LevelInfo // anybody can send these
	}
	slog.Log(ctx, level, "callback failed", "code", public.Reason(), "error", err)
	return strings.TrimSuffix(p.PublicURL, "/") + ResultPath + "?" +
		url.Values{"entra_status": {"failure"}, "error": {public.Reason()}}.Encode()
}

// errState refuses a state that nobody knows: it was made up, or long ago.
var errState = errs.Of(reason.InvalidState)

// askFlags marks the request as refused when a flag is off for the flow's tenant.
// A state that nobody knows ends here; a request without one, or without an
// answer, is for the connection to refuse.
func (p Parts) askFlags(ctx context.Context, client connectionv1.ConnectionInternalServiceClient, rule *policyv1.Rule, request *connectionv1.CompleteCallbackRequest) error {
	if request.GetState() == "" {
		return nil
	}
	flow, err := client.FindFlow(ctx, &connectionv1.FindFlowRequest{State: request.GetState()})
	if err != nil {
		return err
	}
	if flow.GetTenantId() == "" {
		return errState
	}
	id, err := tenant.Parse(flow.GetTenantId())
	if err != nil {
		return err
	}
	on, err := p.Gate.Flags.For(ctx, id)
	if err != nil {
		return err
	}
	for _, flag := range rule.GetFlags() {
		if !on.On(flag) {
			request.Refusal = reason.FeatureDisabled
		}
	}
	return nil
}

// cut keeps an over-long value from failing the contract's rules: it then simply
// fits nothing that is known.
func cut(s string, n int) string {
	if len(s) > n {
		return ""
	}
	return strings.ToValidUTF8(s, "")
}

func serve(contentType string, body []byte) Handle {
	return func(w http.ResponseWriter, _ *http.Request, _ *access.Request) {
		w.Header().Set("Content-Type", contentType)
		_, _ = w.Write(body)
	}
}

// docs serves the page of the description. Its script sets styles, draws pictures of
// its own and searches in a worker that it makes of itself.
func docs(body []byte) Handle {
	return func(w http.ResponseWriter, _ *http.Request, _ *access.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.Header().Set("Content-Security-Policy", "default-src 'none'; script-src 'self'; connect-src 'self'; worker-src blob:; "+
			"style-src 'unsafe-inline'; img-src 'self' data:; base-uri 'none'; frame-ancestors 'none'")
		_, _ = w.Write(body)
	}
}

// script serves what a page loads; it changes with the gateway alone.
func script(body []byte) Handle {
	return func(w http.ResponseWriter, _ *http.Request, _ *access.Request) {
		w.Header().Set("Content-Type", "text/javascript; charset=utf-8")
		w.Header().Set("Cache-Control", "public, max-age=3600")
		_, _ = w.Write(body)
	}
}

// WritePage answers with HTML that has styles of its own and nothing from elsewhere.
func WritePage(w http.ResponseWriter, status int, body []byte) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; frame-ancestors 'none'")
	w.WriteHeader(status)
	_, _ = w.Write(body)
}

func healthy(w http.ResponseWriter, _ *http.Request, _ *access.Request) {
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write([]byte(`{"status":"ok"}` + "\n"))
}

func (p Parts) ready(w http.ResponseWriter, r *http.Request, in *access.Request) {
	if p.Ready != nil {
		if err := p.Ready(r.Context()); err != nil {
			slog.WarnContext(r.Context(), "not ready", "error", err)
			WriteProblem(w, r, in, errs.Of(reason.NotReady))
			return
		}
	}
	healthy(w, r, in)
}
