// Command simulator serves a made-up Microsoft: the identity platform, Graph
// and the Partner Center, for the directories of a fleet.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/caarlos0/env/v11"

	"github.com/entrasync/entrasync/deploy/simulator/fleet"
	"github.com/entrasync/entrasync/deploy/simulator/server"
)

// config is the simulator's environment.
type config struct {
	Listen       string   `env:"LISTEN"        envDefault:"127.0.0.1:9400"`
	Fleet        string   `env:"FLEET"         envDefault:"small"`
	Seed         uint64   `env:"SEED"          envDefault:"1"`
	ClientID     string   `env:"CLIENT_ID"     envDefault:"5e11aa00-0000-4000-8000-000000000001"`
	ClientSecret string   `env:"CLIENT_SECRET" envDefault:"simulated-client-secret"`
	RedirectURIs []string `env:"REDIRECT_URIS" envDefault:"http://localhost:8080/api/auth/microsoft/entra/callback"`
	AutoConsent  bool     `env:"AUTO_CONSENT"  envDefault:"true"`
	State        string   `env:"STATE"`
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	if err := start(ctx, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "simulator:", err)
		os.Exit(1)
	}
}

func start(ctx context.Context, out io.Writer) error {
	cfg, err := env.ParseAsWithOptions[config](env.Options{Prefix: "ENTRASYNC_SIMULATOR_"})
	if err != nil {
		return err
	}
	return run(ctx, cfg, out)
}

// run serves until the context ends.
func run(ctx context.Context, cfg config, out io.Writer) (err error) {
	people, err := fleet.New(fleet.Config{Size: fleet.Size(cfg.Fleet), Seed: cfg.Seed, Year: time.Now().UTC().Year()})
	if err != nil {
		return err
	}
	handler, err := server.New(server.Config{
		Fleet: people, AutoConsent: cfg.AutoConsent, StateFile: cfg.State,
		Apps: []server.App{{ID: cfg.ClientID, Name: "entrasync", Secret: cfg.ClientSecret, RedirectURIs: cfg.RedirectURIs}},
	})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, handler.Close()) }()
	listener, err := net.Listen("tcp", cfg.Listen)
	if err != nil {
		return err
	}
	if _, err := fmt.Fprintf(out, "listening on %s\n", listener.Addr()); err != nil {
		return err
	}
	web := &http.Server{Handler: handler, ReadHeaderTimeout: 10 * time.Second}
	served := make(chan error, 1)
	go func() { served <- web.Serve(listener) }()
	select {
	case err := <-served:
		return err
	case <-ctx.Done():
	}
	stopping, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	if err := web.Shutdown(stopping); err != nil {
		return web.Close() // somebody holds a connection; let go of it
	}
	return nil
}
