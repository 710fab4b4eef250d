package progress

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/entrasync/entrasync/gateway/internal/access"
	"github.com/entrasync/entrasync/gateway/internal/core"
	"github.com/entrasync/entrasync/gateway/internal/flags"
	gwhttp "github.com/entrasync/entrasync/gateway/internal/http"
	policyv1 "github.com/entrasync/entrasync/proto/gen/go/entrasync/policy/v1"
)

// Path is the route of a run's events.
const Path = "/api/integrations/entra/sync/runs/{runId}/events"

const (
	// quiet is how long nothing is sent; then a comment is sent, so that proxies and
	// browsers do not take the connection for dead.
	quiet = 15 * time.Second
	// longest is how long one stream lasts. The browser then connects again, and
	// its session and permissions are checked anew.
	longest = 5 * time.Minute
	// writing bounds the sending of one event.
	writing = 30 * time.Second
	maxID   = 64
)

// Rule is that of reading runs: those who may read one may follow it.
func Rule() *policyv1.Rule {
	return &policyv1.Rule{Auth: policyv1.Auth_AUTH_USER, Permission: access.Read, Flags: []string{flags.UI}, Enterprise: true}
}

// Handler serves the events of a run as server-sent events (text/event-stream).
func Handler(gate *access.Gate, hub *Hub) gwhttp.Handler {
	rule := Rule()
	return gwhttp.Handler{Verb: http.MethodGet, Path: Path, Rule: rule, Serve: func(w http.ResponseWriter, r *http.Request, in *access.Request) {
		if err := serve(gate, hub, rule, w, r, in); err != nil {
			gwhttp.WriteProblem(w, r, in, core.Public(err))
		}
	}}
}

// serve answers with events. Its error is for an answer that has not begun.
func serve(gate *access.Gate, hub *Hub, rule *policyv1.Rule, w http.ResponseWriter, r *http.Request, in *access.Request) error {
	ctx, cancel := context.WithTimeout(r.Context(), longest)
	defer cancel()
	caller, err := gate.Admit(ctx, rule, in)
	if caller != nil {
		in.Tenant = string(caller.Call().Tenant)
	}
	if err != nil {
		return err
	}
	last := r.Header.Get("Last-Event-ID")
	if last == ended { // by this a browser stops coming again
		w.WriteHeader(http.StatusNoContent)
		return nil
	}
	if len(last) > maxID || !utf8.ValidString(last) {
		last = ""
	}
	run := runID(r.URL.Path)
	if !utf8.ValidString(run) {
		return core.NotText("runId", core.NotUTF8)
	}
	listener, err := hub.Listen(caller.Call(), run, last)
	if err != nil {
		return err
	}
	defer listener.Close()
	event, err := listener.Next(ctx, nil) // a run that is not there is refused before the answer begins
	if err != nil {
		return err
	}
	send(ctx, w, listener, event)
	return nil
}

// runID is the one variable of the route.
func runID(path string) string {
	segments := strings.Split(path, "/")
	return segments[len(segments)-2]
}

// send writes events until the last one, or until somebody ends the stream.
func send(ctx context.Context, w http.ResponseWriter, listener *Listener, event *Event) {
	control := http.NewResponseController(w)
	_ = control.SetReadDeadline(time.Time{}) // the request was read
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("X-Accel-Buffering", "no") // proxies hand on what they get
	timer := time.NewTimer(quiet)
	defer timer.Stop()
	for {
		if err := control.SetWriteDeadline(time.Now().Add(writing)); err != nil && ctx.Err() != nil {
			return
		}
		if event == nil {
			_, _ = w.Write([]byte(": still here\n\n"))
		} else {
			_, _ = fmt.Fprintf(w, "id: %s\nevent: progress\ndata: %s\n\n", event.ID, event.Data)
		}
		if err := control.Flush(); err != nil || event != nil && event.Last {
			return
		}
		timer.Reset(quiet)
		var err error
		if event, err = listener.Next(ctx, timer.C); err != nil {
			return
		}
	}
}
