// Package service is the shell of a process: its configuration from the
// environment, logs, traces and metrics, its certificate, connections to peers,
// background work, readiness, and an orderly end. What a process does is the
// start function that it hands to Main.
package service

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/caarlos0/env/v11"
	"google.golang.org/grpc"

	"github.com/entrasync/entrasync/pkg/rpc"
	"github.com/entrasync/entrasync/pkg/run"
	"github.com/entrasync/entrasync/pkg/telemetry"
)

// Main runs a process until a signal ends it, and exits; see run.Main. It reads
// the environment into defaults, which keep what no variable sets, and hands the
// result to start; see Run.
func Main[C Configured](name string, defaults C, start func(ctx context.Context, s *Service, c C) error) {
	run.Main(name, func(ctx context.Context) error {
		c := defaults
		if err := env.Parse(&c); err != nil {
			return fmt.Errorf("reading the environment: %w", err)
		}
		return Run(ctx, name, c, start)
	})
}

// Run calls start, which wires the process together, and serves what it added
// until ctx ends. The error is that of start, or of the first part that failed.
func Run[C Configured](ctx context.Context, name string, c C, start func(ctx context.Context, s *Service, c C) error) (err error) {
	config := c.config()
	stop, err := telemetry.Start(ctx, telemetry.LogOptions{Service: name, Level: config.LogLevel, Format: config.LogFormat})
	if err != nil {
		return err
	}
	defer stop()
	s, err := newService(config)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.close()) }()
	if err := errors.Join(start(ctx, s, c), s.failed); err != nil {
		return err
	}
	return s.run(ctx)
}

// Service is a process under construction. It serves one goroutine.
type Service struct {
	// Metrics is the registry that the admin listener shows.
	Metrics *telemetry.Metrics

	config     Config
	identity   *rpc.Identity
	server     *rpc.Server
	served     bool // the server has methods
	background []run.Server
	front      []run.Server
	checks     []run.Check
	closers    []func() error
	failed     error // the first error of Dial
	draining   atomic.Bool
}

func newService(config Config) (*Service, error) {
	identity, err := rpc.LoadIdentity(config.TLSDir)
	if err != nil {
		return nil, err
	}
	s := &Service{config: config, identity: identity, Metrics: telemetry.NewMetrics()}
	s.server = rpc.NewServer(identity, rpc.WithReflection(config.Reflection), rpc.WithMetrics(s.Metrics))
	s.checks = []run.Check{{Name: "accepting", Test: s.accepting}}
	return s, nil
}

// Server is the process's gRPC server, to register methods on. A process that
// calls it serves the methods on Config.Listen.
func (s *Service) Server() *rpc.Server {
	s.served = true
	return s.server
}

// ServerOn is Server for a process that listens on Config.Listen itself: the
// methods are served on another address.
func (s *Service) ServerOn(address string) *rpc.Server {
	s.config.Listen = address
	return s.Server()
}

// Dial makes a connection to another service; see rpc.Dial. It is closed at the
// end of the process. An error makes Run fail after start, so callers need not
// check for one.
func (s *Service) Dial(service, address string, opts ...rpc.ClientOption) *grpc.ClientConn {
	conn, err := rpc.Dial(s.identity, service, address, opts...)
	if err != nil {
		s.failed = errors.Join(s.failed, fmt.Errorf("reaching %s: %w", service, err))
		return nil
	}
	s.closers = append(s.closers, conn.Close)
	return conn
}

// Uses names something that the process needs, such as its database: while ready
// returns an error the process is not ready. end is called as by AtEnd.
func (s *Service) Uses(name string, ready func(context.Context) error, end func()) {
	s.Check(run.Check{Name: name, Test: ready})
	s.AtEnd(end)
}

// AtEnd calls end after everything has stopped, also when the start fails. What
// was added last is called first.
func (s *Service) AtEnd(end func()) {
	s.closers = append(s.closers, func() error { end(); return nil })
}

// Check adds a check to readiness; see run.Admin.
func (s *Service) Check(check run.Check) { s.checks = append(s.checks, check) }

// Ready returns the error of the first check that fails and does not merely
// degrade, nil while the process takes requests; for a server that answers
// readiness itself.
func (s *Service) Ready(ctx context.Context) error {
	for _, check := range s.checks {
		if check.Degrades {
			continue
		}
		if err := check.Test(ctx); err != nil {
			return fmt.Errorf("%s: %w", check.Name, err)
		}
	}
	return nil
}

// Background adds work that runs beside requests, for the life of the process.
// It stops after what takes requests, the last added first.
func (s *Service) Background(server run.Server) { s.background = append(s.background, server) }

// Go is Background for work that ends with its context.
func (s *Service) Go(name string, work func(context.Context) error) {
	s.Background(run.Server{Name: name, Serve: work})
}

// Serve adds a server that takes requests; it stops before everything else.
func (s *Service) Serve(server run.Server) { s.front = append(s.front, server) }

// run opens the listeners and serves until ctx ends.
func (s *Service) run(ctx context.Context) error {
	if s.served {
		calls, err := s.server.Listen(ctx, s.config.Listen)
		if err != nil {
			return err
		}
		s.Serve(calls)
	}
	admin, err := run.AdminServer(ctx, s.config.AdminListen, s.Metrics.Handler(), s.checks...)
	if err != nil {
		return err
	}
	var group run.Group
	group.Add(admin)
	for _, server := range s.background {
		group.Add(server)
	}
	for _, server := range s.front {
		group.Add(server)
	}
	ctx, cancel := s.drain(ctx)
	defer cancel()
	return group.Run(ctx)
}

var errDraining = errors.New("the process is stopping")

func (s *Service) accepting(context.Context) error {
	if s.draining.Load() {
		return errDraining
	}
	return nil
}

// drain returns a context that ends DrainDelay after ctx. In between the process
// serves as before and says that it is not ready.
func (s *Service) drain(ctx context.Context) (context.Context, context.CancelFunc) {
	serving, end := context.WithCancel(context.WithoutCancel(ctx))
	forget := context.AfterFunc(ctx, func() {
		defer end()
		slog.InfoContext(ctx, "draining", "for", s.config.DrainDelay)
		s.draining.Store(true)
		s.server.Health.Shutdown()
		timer := time.NewTimer(s.config.DrainDelay)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-serving.Done(): // a part failed meanwhile
		}
	})
	return serving, func() { forget(); end() }
}

// close ends connections and what Uses named, the last first.
func (s *Service) close() (err error) {
	for i := len(s.closers) - 1; i >= 0; i-- {
		err = errors.Join(err, s.closers[i]())
	}
	return err
}
