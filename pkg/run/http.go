package run

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"
)

// readyTimeout bounds all readiness checks together.
const readyTimeout = 5 * time.Second

// Check reports whether something the process needs works; nil when it does.
type Check struct {
	Name string
	Test func(ctx context.Context) error
	// Degrades is set where the process still serves its callers better than no process
	// does: then a failure is shown, and the process stays ready.
	Degrades bool
}

// Admin serves /healthz (the process runs), /readyz (200 when every check passes or
// merely degrades; 503 otherwise; it names the checks that fail and not why) and
// /metrics.
func Admin(metrics http.Handler, checks ...Check) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, r *http.Request) {
		answer(r.Context(), w, http.StatusOK, map[string]string{"status": "ok"})
	})
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(r.Context(), readyTimeout)
		defer cancel()
		status, states := http.StatusOK, map[string]string{}
		for _, check := range checks {
			states[check.Name] = "ok"
			switch err := check.Test(ctx); {
			case err == nil:
			case check.Degrades: // what it tests logs it
				states[check.Name] = "degraded"
			default:
				status, states[check.Name] = http.StatusServiceUnavailable, "failing"
				slog.WarnContext(ctx, "not ready", "check", check.Name, "error", err)
			}
		}
		answer(ctx, w, status, states)
	})
	if metrics != nil {
		mux.Handle("GET /metrics", metrics)
	}
	return mux
}

func answer(ctx context.Context, w http.ResponseWriter, status int, body map[string]string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	if err := json.NewEncoder(w).Encode(body); err != nil {
		slog.DebugContext(ctx, "answering the admin listener", "error", err)
	}
}

// HTTP opens the address at once, so that a port in use fails the start, and
// serves the handler on it. A zero writeTimeout means none, for streams.
func HTTP(ctx context.Context, name, address string, handler http.Handler, writeTimeout time.Duration) (Server, net.Addr, error) {
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", address)
	if err != nil {
		return Server{}, nil, fmt.Errorf("listening for %s: %w", name, err)
	}
	server := &http.Server{
		Handler: handler, ReadHeaderTimeout: 10 * time.Second, IdleTimeout: 2 * time.Minute,
		WriteTimeout: writeTimeout, MaxHeaderBytes: 64 << 10,
	}
	return Serving(name, listener, server), listener.Addr(), nil
}

// Serving is an HTTP server on its listener as a server of a group.
func Serving(name string, listener net.Listener, server *http.Server) Server {
	return Server{
		Name: name,
		Serve: func(context.Context) error {
			if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
				return err
			}
			return nil
		},
		Stop: func(ctx context.Context) error {
			if err := server.Shutdown(ctx); err != nil {
				return errors.Join(err, server.Close())
			}
			return nil
		},
	}
}

// AdminServer is the admin listener as a server of a group.
func AdminServer(ctx context.Context, address string, metrics http.Handler, checks ...Check) (Server, error) {
	server, _, err := HTTP(ctx, "admin", address, Admin(metrics, checks...), 30*time.Second)
	return server, err
}
