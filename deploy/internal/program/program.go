// Package program is the shell of a small program for development: its environment, its end by a
// signal, its listener.
package program

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/caarlos0/env/v11"
)

const (
	headerTimeout = 10 * time.Second
	// stopTimeout is how long requests may take to end.
	stopTimeout = 5 * time.Second
)

// Main reads the environment, whose variables begin with the prefix, and runs a program until a
// signal ends it. It exits with 1 on an error.
func Main[C any](name, prefix string, run func(ctx context.Context, c C) error) {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	c, err := env.ParseAsWithOptions[C](env.Options{Prefix: prefix})
	if err == nil {
		err = run(ctx, c)
	}
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, name+":", err)
		os.Exit(1)
	}
}

// Serve answers requests on the listener until ctx ends.
func Serve(ctx context.Context, listener net.Listener, handler http.Handler) error {
	server := &http.Server{Handler: handler, ReadHeaderTimeout: headerTimeout}
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	select {
	case err := <-served:
		return err
	case <-ctx.Done():
	}
	stopping, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopTimeout)
	defer cancel()
	if err := server.Shutdown(stopping); err != nil {
		return server.Close() // some connections are still in use; close them
	}
	return nil
}
