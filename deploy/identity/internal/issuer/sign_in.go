package issuer

import (
	"context"
	"html/template"
	"net/http"
)

const loginPath = "/sign-in"

// signIn is the page on which one of the people is chosen.
type signIn struct {
	store    *storage
	people   []Person
	callback func(context.Context, string) string
}

type pageData struct {
	Title, Note string
	Request     string
	People      []Person
	// Organisation is whose people they are.
	Organisation string
}

var pageTemplate = template.Must(template.New("page").Parse(`<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>{{.Title}}</title>
<style>
  body { font: 16px/1.5 system-ui, sans-serif; max-width: 34rem; margin: 4rem auto; padding: 0 1rem; color: #1b1f24; }
  button { display: block; width: 100%; text-align: left; margin: .75rem 0; padding: .9rem 1rem; font: inherit; background: #fff; border: 1px solid #8a939d; border-radius: .5rem; cursor: pointer; }
  button:hover, button:focus-visible { border-color: #0b57d0; outline: 2px solid #0b57d0; outline-offset: -1px; }
  small { display: block; color: #4d5761; }
  label { display: block; margin-top: 1.5rem; }
  input { display: block; box-sizing: border-box; width: 100%; padding: .6rem .75rem; font: inherit; border: 1px solid #8a939d; border-radius: .5rem; }
</style>
<h1>{{.Title}}</h1>
<p>{{.Note}}</p>
{{if .Request}}<form method="post" action="` + loginPath + `">
<input type="hidden" name="request" value="{{.Request}}">
{{range .People}}<button name="person" value="{{.Subject}}">{{.Name}}<small>{{.Role}}</small></button>
{{end}}<label>Organisation<input name="organisation" value="{{.Organisation}}" pattern="[A-Za-z0-9_\-]+" maxlength="64" required></label>
<small>Another name is another organisation, empty until somebody fills it. Its feature flags are off.</small>
</form>{{end}}
</html>
`))

func write(w http.ResponseWriter, status int, data pageData) {
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Cache-Control", "no-store")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'")
	w.WriteHeader(status)
	// An error means that the browser is gone.
	_ = pageTemplate.Execute(w, data)
}

func (s *signIn) page(w http.ResponseWriter, r *http.Request) {
	id := r.FormValue("request")
	if _, err := s.store.AuthRequestByID(r.Context(), id); err != nil {
		write(w, http.StatusBadRequest, pageData{Title: "Nothing to sign in to", Note: "This sign-in is not under way any more. Start again where you came from."})
		return
	}
	write(w, http.StatusOK, pageData{
		Title: "Who are you?", Note: "This is the development issuer: choose somebody, there are no passwords.",
		Request: id, People: s.people, Organisation: s.people[0].Tenant,
	})
}

func (s *signIn) choose(w http.ResponseWriter, r *http.Request) {
	id := r.PostFormValue("request")
	if err := s.store.choose(id, r.PostFormValue("person"), r.PostFormValue("organisation")); err != nil {
		write(w, http.StatusBadRequest, pageData{Title: "That did not work", Note: err.Error()})
		return
	}
	http.Redirect(w, r, s.callback(r.Context(), id), http.StatusSeeOther)
}

func (s *signIn) welcome(w http.ResponseWriter, _ *http.Request) {
	write(w, http.StatusOK, pageData{
		Title: "entrasync's development issuer",
		Note:  "It signs people in to the local stack. Discovery is at /.well-known/openid-configuration; POST /token makes a token for a script.",
	})
}

func signedOut(w http.ResponseWriter, _ *http.Request) {
	write(w, http.StatusOK, pageData{Title: "Signed out", Note: "You can close this page."})
}
