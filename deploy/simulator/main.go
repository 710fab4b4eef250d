// Command simulator serves a made-up Microsoft: the identity platform, Graph
// and the Partner Center, for the directories of a fleet.
package main

import (
	"context"
	"errors"
	"io"
	"os"
	"time"

	"github.com/entrasync/entrasync/deploy/internal/program"
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
	// Control is where simulators are started and ended, many in this process; see
	// instances. Nothing else is served then.
	Control string `env:"CONTROL"`

	CIPPClientID     string `env:"CIPP_CLIENT_ID"     envDefault:"c1bb0000-0000-4000-8000-000000000001"`
	CIPPClientSecret string `env:"CIPP_CLIENT_SECRET" envDefault:"simulated-cipp-secret"`
	// CIPPListen gives CIPP a listener of its own beside /cipp; with the files
	// of a certificate and its key it speaks TLS.
	CIPPListen  string `env:"CIPP_LISTEN"`
	CIPPTLSCert string `env:"CIPP_TLS_CERT"`
	CIPPTLSKey  string `env:"CIPP_TLS_KEY"`
}

func main() {
	program.Main("simulator", "ENTRASYNC_SIMULATOR_", func(ctx context.Context, c config) error {
		if c.Control != "" {
			many := newInstances(ctx)
			defer many.wait()
			return serve(ctx, []service{{name: "control listening", address: c.Control, handler: many}}, os.Stdout)
		}
		return run(ctx, c, new(server.Keys), os.Stdout)
	})
}

// run serves until the context ends.
func run(ctx context.Context, cfg config, keys *server.Keys, out io.Writer) (err error) {
	people, err := fleet.New(fleet.Config{Size: fleet.Size(cfg.Fleet), Seed: cfg.Seed, Year: time.Now().UTC().Year()})
	if err != nil {
		return err
	}
	handler, err := server.New(server.Config{
		Fleet: people, AutoConsent: cfg.AutoConsent, StateFile: cfg.State, Keys: keys,
		Apps: []server.App{{ID: cfg.ClientID, Name: "entrasync", Secret: cfg.ClientSecret, RedirectURIs: cfg.RedirectURIs}},
		CIPP: server.App{ID: cfg.CIPPClientID, Name: "CIPP-API", Secret: cfg.CIPPClientSecret},
	})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, handler.Close()) }()
	services := []service{{name: "listening", address: cfg.Listen, handler: handler}}
	if cfg.CIPPListen != "" {
		services = append(services, service{name: "cipp listening", address: cfg.CIPPListen, handler: handler.CIPP(), cert: cfg.CIPPTLSCert, key: cfg.CIPPTLSKey})
	}
	return serve(ctx, services, out)
}
