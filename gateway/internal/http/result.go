package http

import (
	"bytes"
	_ "embed"
	"html/template"
	"log/slog"
	"net/http"

	"github.com/entrasync/entrasync/gateway/internal/access"
	"github.com/entrasync/entrasync/pkg/errs"
	"github.com/entrasync/entrasync/proto/entrasync/reason"
)

//go:embed notice.html
var noticeSource string

var noticeTemplate = template.Must(template.New("notice").Parse(noticeSource))

// Notice is a page that says how something in the browser ended. Empty parts are left out.
type Notice struct {
	Title, Text string
	Code        string // of the failure
	Completion  string // the code to hand over
	SignIn      string // the address to sign in again at
}

// WriteNotice writes the page.
func WriteNotice(w http.ResponseWriter, r *http.Request, in *access.Request, status int, n Notice) {
	var body bytes.Buffer
	if err := noticeTemplate.Execute(&body, n); err != nil {
		slog.ErrorContext(r.Context(), "writing a page", "error", err)
		WriteProblem(w, r, in, errs.Of(reason.Internal))
		return
	}
	WritePage(w, status, body.Bytes())
}

// failures explains the codes that a flow can end with.
var failures = map[string]string{
	reason.MissingParams:       reason.Text(reason.MissingParams),
	reason.InvalidState:        reason.Text(reason.InvalidState),
	reason.ExpiredState:        reason.Text(reason.ExpiredState),
	reason.SessionMismatch:     reason.Text(reason.SessionMismatch),
	reason.MissingCredentials:  "No app credentials are configured.",
	reason.TokenExchangeFailed: reason.Text(reason.TokenExchangeFailed),
	reason.ConsentMissing:      "The consent that the app needs was not given.",
	reason.ProbeFailed:         reason.Text(reason.ProbeFailed),
	"access_denied":            "The sign-in was cancelled, or the consent was refused.",
	reason.FeatureDisabled:     "The integration is not enabled.",
	reason.RateLimited:         "Too many sign-ins came from this network. Start it again in a minute.",
}

// result shows how a flow ended. Everything on it comes from its address, so it
// proves nothing and offers no link but what it explains.
func result(w http.ResponseWriter, r *http.Request, in *access.Request) {
	query := r.URL.Query()
	var n Notice
	switch query.Get("entra_status") {
	case "success":
		n = Notice{Title: "Connected", Text: "Microsoft is connected. You can close this page."}
	case "pending":
		n = Notice{
			Title: "One step left", Text: "Hand this completion code to the system that started the sign-in. It is valid for five minutes and once.",
			Completion: query.Get("completion_code"),
		}
	default:
		n = Notice{Title: "Not connected", Code: query.Get("error"), Text: failures[query.Get("error")]}
		if n.Text == "" {
			n.Text = "The sign-in did not succeed. Nothing was changed; start it again."
		}
	}
	WriteNotice(w, r, in, http.StatusOK, n)
}
