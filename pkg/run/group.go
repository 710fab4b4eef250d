package run

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"
)

// StopTimeout is how long servers have, in all, to finish what is under way.
const StopTimeout = 25 * time.Second

// Server is one thing that runs for the life of the process.
type Server struct {
	Name string
	// Serve works until Stop is called (then it returns nil) or it cannot go on.
	Serve func(ctx context.Context) error
	// Stop asks Serve to end and waits for work under way until ctx ends; then it
	// cuts off. Nil: ending Serve's ctx is enough.
	Stop func(ctx context.Context) error
}

// Group runs servers together. Its zero value is ready to use.
type Group struct {
	servers []Server
	timeout time.Duration
}

// Add appends a server. They stop in the reverse order, each after the one
// before has ended: add first what the others need longest (the admin listener,
// background work), last what takes requests.
func (g *Group) Add(s Server) { g.servers = append(g.servers, s) }

// outcome is how one server's Serve ended.
type outcome struct {
	index int
	err   error
}

// Run serves until ctx ends or a server ends, then stops all. The error is that
// of the first server that failed, nil after an orderly end.
func (g *Group) Run(ctx context.Context) error {
	ended := make(chan outcome, len(g.servers))
	cancels := make([]context.CancelFunc, len(g.servers))
	for i, s := range g.servers {
		// Serving outlives ctx, so that work under way may end in order.
		serveCtx, cancel := context.WithCancel(context.WithoutCancel(ctx))
		cancels[i] = cancel
		go func() { ended <- outcome{index: i, err: s.Serve(serveCtx)} }()
	}
	defer func() {
		for _, cancel := range cancels {
			cancel()
		}
	}()
	done := make([]bool, len(g.servers))
	var failure error
	select {
	case <-ctx.Done():
		slog.InfoContext(ctx, "stopping")
	case first := <-ended:
		done[first.index] = true
		failure = g.failed(first)
		if failure == nil && ctx.Err() == nil {
			failure = fmt.Errorf("%s ended on its own", g.servers[first.index].Name)
		}
	}
	return errors.Join(failure, g.stop(ctx, cancels, ended, done))
}

func (g *Group) stop(ctx context.Context, cancels []context.CancelFunc, ended <-chan outcome, done []bool) (err error) {
	timeout := g.timeout
	if timeout == 0 {
		timeout = StopTimeout
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), timeout)
	defer cancel()
	for i := len(g.servers) - 1; i >= 0; i-- {
		if s := g.servers[i]; s.Stop != nil && !done[i] {
			if stopErr := s.Stop(ctx); stopErr != nil {
				err = errors.Join(err, fmt.Errorf("stopping %s: %w", s.Name, stopErr))
			}
		}
		cancels[i]()
		for !done[i] {
			select {
			case o := <-ended:
				done[o.index] = true
				err = errors.Join(err, g.failed(o))
			case <-ctx.Done():
				return errors.Join(err, fmt.Errorf("%s did not stop in time", g.servers[i].Name))
			}
		}
	}
	return err
}

// failed is the error of a server that ended, nil for an orderly end.
func (g *Group) failed(o outcome) error {
	if o.err == nil || errors.Is(o.err, context.Canceled) {
		return nil
	}
	return fmt.Errorf("%s: %w", g.servers[o.index].Name, o.err)
}
