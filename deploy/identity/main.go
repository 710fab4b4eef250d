// Command identity is a development issuer of the host application's users: an
// OpenID provider with three people to click on, and a shortcut that makes
// tokens for scripts. It asks for no password, so it listens on the loopback
// address alone and belongs in no deployment.
package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/entrasync/entrasync/deploy/identity/internal/issuer"
	"github.com/entrasync/entrasync/deploy/internal/program"
)

// config is the issuer's environment.
type config struct {
	Listen string `env:"LISTEN" envDefault:"127.0.0.1:9500"`
	Issuer string `env:"ISSUER" envDefault:"http://localhost:9500"`
	// Audience is what the gateway expects in "aud".
	Audience string `env:"AUDIENCE" envDefault:"entrasync"`
	// Tenant is the MSP that the three people belong to.
	Tenant string `env:"TENANT" envDefault:"msp-demo"`
	// KeyFile keeps the signing key, so that tokens outlive a restart. Empty
	// makes a key for this run.
	KeyFile      string        `env:"KEY_FILE"`
	ClientID     string        `env:"CLIENT_ID" envDefault:"entrasync-console"`
	RedirectURIs []string      `env:"REDIRECT_URIS" envDefault:"http://localhost:8080/auth/callback"`
	Lifetime     time.Duration `env:"TOKEN_LIFETIME" envDefault:"1h"`
}

func main() { program.Main("identity", "ENTRASYNC_IDENTITY_", run) }

// run serves until ctx ends.
func run(ctx context.Context, cfg config) error {
	key, err := issuer.LoadKey(cfg.KeyFile)
	if err != nil {
		return err
	}
	handler, err := issuer.New(issuer.Config{
		URL: cfg.Issuer, Audience: cfg.Audience, People: issuer.Demonstration(cfg.Tenant), Key: key,
		ClientID: cfg.ClientID, RedirectURIs: cfg.RedirectURIs, Lifetime: cfg.Lifetime, Now: time.Now,
	})
	if err != nil {
		return err
	}
	listener, err := listenLoopback(cfg.Listen)
	if err != nil {
		return err
	}
	fmt.Printf("issuer %s listens on %s\n", cfg.Issuer, listener.Addr())
	return program.Serve(ctx, listener, handler)
}

// listenLoopback refuses any address that others could reach.
func listenLoopback(address string) (net.Listener, error) {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return nil, fmt.Errorf("ENTRASYNC_IDENTITY_LISTEN: %w", err)
	}
	if ip := net.ParseIP(host); host != "localhost" && (ip == nil || !ip.IsLoopback()) {
		return nil, errors.New("ENTRASYNC_IDENTITY_LISTEN must be a loopback address: this issuer asks for no password")
	}
	return net.Listen("tcp", address)
}
