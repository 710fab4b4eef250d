package http

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"encoding/json"
	"io"
	"log/slog"
	"mime"
	"net/http"
	"net/url"
	"strings"
	"time"

	"golang.org/x/oauth2"

	"github.com/entrasync/entrasync/gateway/internal/access"
	"github.com/entrasync/entrasync/gateway/internal/core"
	"github.com/entrasync/entrasync/gateway/internal/identity"
	"github.com/entrasync/entrasync/pkg/errs"
	"github.com/entrasync/entrasync/proto/entrasync/reason"
)

const (
	// flowCookie begins the names of the cookies of sign-ins under way. Each has its
	// own, so that two tabs do not end each other's.
	flowCookie = "__Host-entrasync-sign-in-"
	// flowLife is how long a sign-in may take.
	flowLife = 10 * time.Minute
	maxParam = 8192
	maxBody  = 4 << 10
)

// flow is a sign-in under way. Nothing of it is stored here: the browser keeps it,
// sealed.
type flow struct {
	State     string    `json:"state"`
	Nonce     string    `json:"nonce"`
	Verifier  string    `json:"verifier"`
	ReturnTo  string    `json:"returnTo"`
	ExpiresAt time.Time `json:"expiresAt"`
}

func (f flow) secrets() identity.Flow {
	return identity.Flow{State: f.State, Nonce: f.Nonce, Verifier: f.Verifier}
}

// cookieOf is the name of the cookie of a state.
func cookieOf(state string) string { return flowCookie + state[:8] }

// begin sends the browser to the identity provider.
func (p SignInParts) begin(w http.ResponseWriter, r *http.Request, in *access.Request) {
	back := ownPath(r.URL.Query().Get("returnTo"))
	if p.SignIn == nil {
		p.failed(w, r, in, back, errs.New(errs.Unimplemented, reason.Unimplemented, "Signing in with a browser is not set up here."))
		return
	}
	f := flow{State: rand.Text(), Nonce: rand.Text(), Verifier: oauth2.GenerateVerifier(), ReturnTo: back, ExpiresAt: p.Now().Add(flowLife)}
	target, err := p.SignIn.AuthorizeURL(r.Context(), f.secrets())
	if err != nil {
		p.failed(w, r, in, back, err)
		return
	}
	sealed, err := p.seal(f)
	if err != nil {
		p.failed(w, r, in, back, err)
		return
	}
	setCookie(w, cookieOf(f.State), sealed, flowLife)
	w.Header().Set("Location", target)
	w.WriteHeader(http.StatusFound)
}

func (p SignInParts) seal(f flow) (string, error) {
	plain, err := json.Marshal(f)
	if err != nil {
		return "", err
	}
	sealed, err := p.Box.Seal(plain, flowCookie+f.State)
	return base64.RawURLEncoding.EncodeToString(sealed), err
}

// errFlow refuses an answer that belongs to no sign-in of this browser.
var errFlow = errs.New(errs.NotFound, reason.InvalidState, "This sign-in was not started in this browser, took too long, or was used before.")

// open gives the flow of a state, as the browser kept it.
func (p SignInParts) open(r *http.Request, state string) (flow, error) {
	var f flow
	if len(state) != len(rand.Text()) {
		return f, errFlow
	}
	cookie, err := r.Cookie(cookieOf(state))
	if err != nil || len(cookie.Value) > maxParam {
		return f, errFlow
	}
	sealed, err := base64.RawURLEncoding.DecodeString(cookie.Value)
	if err != nil {
		return f, errFlow
	}
	plain, err := p.Box.Open(sealed, flowCookie+state)
	if err != nil {
		return f, errFlow
	}
	if json.Unmarshal(plain, &f) != nil || subtle.ConstantTimeCompare([]byte(f.State), []byte(state)) != 1 || !p.Now().Before(f.ExpiresAt) {
		return flow{}, errFlow
	}
	return f, nil
}

// callback takes the identity provider's answer and opens a session. What is
// refused is counted for the address that it came from.
func (p SignInParts) callback(w http.ResponseWriter, r *http.Request, in *access.Request) {
	ctx := r.Context()
	done, err := p.Gate.AdmitState(ctx, in)
	if err != nil {
		p.failed(w, r, in, "/", err)
		return
	}
	back, token, err := p.complete(ctx, w, r, in)
	kind := errs.KindOf(err)
	done(err != nil && (kind == errs.NotFound || kind == errs.Unauthenticated))
	if err != nil {
		p.failed(w, r, in, back, err)
		return
	}
	setSession(w, token, p.Sessions.Lifetime())
	w.Header().Set("Location", back)
	w.WriteHeader(http.StatusFound)
}

// complete gives the token of a new session and where the browser goes with it.
func (p SignInParts) complete(ctx context.Context, w http.ResponseWriter, r *http.Request, in *access.Request) (back, token string, err error) {
	query := r.URL.Query()
	if p.SignIn == nil {
		return "/", "", errFlow
	}
	f, err := p.open(r, query.Get("state"))
	if err != nil {
		return "/", "", err
	}
	setCookie(w, cookieOf(f.State), "", -1)
	code := query.Get("code")
	if refused := query.Get("error"); refused != "" || code == "" || len(code) > maxParam {
		return f.ReturnTo, "", errs.Of(reason.SignInRefused)
	}
	person, err := p.SignIn.Redeem(ctx, f.secrets(), code)
	if err != nil {
		return f.ReturnTo, "", err
	}
	in.Tenant = string(person.Tenant)
	token, err = p.Sessions.Open(ctx, person)
	p.record(r, in, person, "sign_in", err)
	if err == nil {
		p.replaced(ctx, in)
	}
	return f.ReturnTo, token, err
}

// replaced ends the session that the browser had before: its cookie is about to be
// overwritten, so that nobody could end it any more.
func (p SignInParts) replaced(ctx context.Context, in *access.Request) {
	if in.Session == "" {
		return
	}
	before, err := p.Sessions.Find(ctx, in.Session)
	if err == nil {
		err = p.Sessions.Close(ctx, before)
	}
	if err != nil && errs.KindOf(err) != errs.Unauthenticated {
		slog.WarnContext(ctx, "the session before a sign-in goes on until it expires", "error", err)
	}
}

// failed says on a page of its own why somebody is not signed in: the console may
// not be opened again at once, or it would try again at once.
func (p SignInParts) failed(w http.ResponseWriter, r *http.Request, in *access.Request, back string, err error) {
	public := core.Public(err)
	level := slog.LevelInfo
	switch public.Kind() {
	case errs.Internal:
		level = slog.LevelError
	case errs.Unavailable:
		level = slog.LevelWarn
	}
	slog.Log(r.Context(), level, "sign-in failed", "code", public.Reason(), "error", err)
	in.Code = public.Reason()
	WriteNotice(w, r, in, Status(public), Notice{
		Title: "Not signed in", Text: public.Public(), Code: public.Reason(), SignIn: signInPath + "?" + url.Values{"returnTo": {back}}.Encode(),
	})
}

// ownPath is a path of our own to return to; anything else, such as another site
// in disguise, is the console's first page.
func ownPath(path string) string {
	u, err := url.Parse(path)
	switch {
	case err != nil, u.Scheme != "", u.Host != "", u.User != nil, u.Opaque != "", len(path) > 2048,
		!strings.HasPrefix(path, "/"), strings.HasPrefix(path, "//"), strings.ContainsAny(path, "\\\r\n\t"),
		strings.HasPrefix(path, "/auth/"):
		return "/"
	}
	return path
}

// readBody reads an optional JSON body.
func readBody(r *http.Request, into any) error {
	raw, err := io.ReadAll(io.LimitReader(r.Body, maxBody+1))
	if err != nil || len(raw) > maxBody {
		return errs.Of(reason.RequestTooLarge)
	}
	if len(raw) == 0 {
		return nil
	}
	if media, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || media != "application/json" {
		return errs.New(errs.Invalid, reason.UnsupportedMediaType, "The request's body must be application/json in UTF-8.")
	}
	d := json.NewDecoder(bytes.NewReader(raw))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		return errs.Of(reason.InvalidArgument, errs.WithCause(err))
	}
	return nil
}
