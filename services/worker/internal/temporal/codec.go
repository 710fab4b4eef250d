package temporal

import (
	"context"
	"crypto/subtle"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"go.temporal.io/sdk/converter"

	"github.com/entrasync/entrasync/pkg/publicnet"
	"github.com/entrasync/entrasync/pkg/run"
)

const (
	// shortestToken is how many characters a codec's token has at least.
	shortestToken = 32
	// largestSealed bounds what is opened with one request, in bytes.
	largestSealed = 8 << 20
	codecTimeout  = 30 * time.Second
)

// Codec says how operators read what Temporal keeps sealed: Temporal's UI and its command line send
// payloads here to be opened. It listens on this machine alone, for it answers in clear text.
type Codec struct {
	Listen    string `env:"ENTRASYNC_TEMPORAL_CODEC_LISTEN"`     // host:port on this machine; empty: nothing is opened
	TokenFile string `env:"ENTRASYNC_TEMPORAL_CODEC_TOKEN_FILE"` // holds what callers present; read for each request
	Origin    string `env:"ENTRASYNC_TEMPORAL_CODEC_ORIGIN"`     // of the UI, such as http://localhost:8233; empty: no page may ask
}

// On reports whether there is one.
func (c Codec) On() bool { return c.Listen != "" }

// Server is the codec as a server of the process, which opens what the connection seals.
func (c Codec) Server(ctx context.Context, connection Connection) (run.Server, error) {
	if err := c.check(); err != nil {
		return run.Server{}, err
	}
	if connection.PayloadKeyFile == "" {
		return run.Server{}, errors.New("ENTRASYNC_TEMPORAL_CODEC_LISTEN is set without ENTRASYNC_TEMPORAL_PAYLOAD_KEY_FILE: nothing is sealed")
	}
	box, err := connection.box()
	if err != nil {
		return run.Server{}, err
	}
	server, _, err := run.HTTP(ctx, "codec", c.Listen, c.handler(newSealing(box, connection.Namespace)), codecTimeout)
	return server, err
}

// check refuses a codec that could be reached from other machines, or that no caller could use.
func (c Codec) check() error {
	host, _, err := net.SplitHostPort(c.Listen)
	if err != nil {
		return fmt.Errorf("ENTRASYNC_TEMPORAL_CODEC_LISTEN: %w", err)
	}
	if !publicnet.Loopback(host) {
		return fmt.Errorf("ENTRASYNC_TEMPORAL_CODEC_LISTEN: %s is not on this machine; let operators come through a tunnel", c.Listen)
	}
	if _, err := c.token(); err != nil {
		return err
	}
	if c.Origin == "" {
		return nil
	}
	if origin, err := url.Parse(c.Origin); err != nil || origin.Host == "" || origin.Scheme+"://"+origin.Host != c.Origin {
		return fmt.Errorf("ENTRASYNC_TEMPORAL_CODEC_ORIGIN: %q is no origin such as http://localhost:8233", c.Origin)
	}
	return nil
}

func (c Codec) token() (string, error) {
	text, err := os.ReadFile(c.TokenFile)
	if err != nil {
		return "", fmt.Errorf("ENTRASYNC_TEMPORAL_CODEC_TOKEN_FILE: %w", err)
	}
	if token := strings.TrimSpace(string(text)); len(token) >= shortestToken {
		return token, nil
	}
	return "", fmt.Errorf("ENTRASYNC_TEMPORAL_CODEC_TOKEN_FILE: %s holds fewer than %d characters", c.TokenFile, shortestToken)
}

// handler opens payloads and seals none: a caller that could seal could also write the inputs of workflows.
func (c Codec) handler(sealing converter.PayloadCodec) http.Handler {
	open := http.MaxBytesHandler(converter.NewPayloadCodecHTTPHandler(sealing), largestSealed)
	mux := http.NewServeMux()
	mux.HandleFunc("POST /decode", func(w http.ResponseWriter, r *http.Request) {
		token, _ := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
		c.admit(w, r, token, open)
	})
	// The UI has no header to set: for a browser the token is part of the codec's address.
	mux.HandleFunc("POST /{token}/decode", func(w http.ResponseWriter, r *http.Request) {
		c.admit(w, r, r.PathValue("token"), open)
	})
	mux.HandleFunc("OPTIONS /{path...}", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Access-Control-Allow-Methods", http.MethodPost)
		w.Header().Set("Access-Control-Allow-Headers", "Authorization, Content-Type, X-Namespace")
		w.WriteHeader(http.StatusNoContent)
	})
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "no-store")
		w.Header().Set("Vary", "Origin")
		if origin := r.Header.Get("Origin"); origin != "" {
			if origin != c.Origin {
				http.Error(w, "this page may not ask", http.StatusForbidden)
				return
			}
			w.Header().Set("Access-Control-Allow-Origin", origin)
		}
		mux.ServeHTTP(w, r)
	})
}

// admit serves callers that present the token.
func (c Codec) admit(w http.ResponseWriter, r *http.Request, shown string, next http.Handler) {
	token, err := c.token()
	switch {
	case err != nil:
		slog.ErrorContext(r.Context(), "opening payloads for an operator", "error", err)
		http.Error(w, "the codec has no token", http.StatusServiceUnavailable)
	case subtle.ConstantTimeCompare([]byte(shown), []byte(token)) != 1:
		http.Error(w, "show the codec's token", http.StatusUnauthorized)
	default:
		next.ServeHTTP(w, r)
	}
}
