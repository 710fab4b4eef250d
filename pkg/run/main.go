// Package run is the life of a process: one start, one end, and servers that
// stop in order.
package run

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/KimMachineGun/automemlimit/memlimit"
)

// Main runs a process until f returns or a signal (SIGINT, SIGTERM) ends ctx,
// prints f's error once and exits with 0 or 1. It is the one exit: f must not
// exit. A second signal kills at once.
func Main(name string, f func(ctx context.Context) error) {
	_, _ = memlimit.Set() // GOMEMLIMIT: 90 % of the container's memory; none outside of a container
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := finish(ctx, os.Stderr, name, func(ctx context.Context) error {
		context.AfterFunc(ctx, stop) // from now on a signal has its default effect
		return f(ctx)
	})
	stop()
	os.Exit(code)
}

// Operate runs a command of operators, as Main does, where the program was given arguments; else
// it returns at once.
func Operate(name string, command func(ctx context.Context, arguments []string, out io.Writer) error) {
	if len(os.Args) > 1 {
		Main(name, func(ctx context.Context) error { return command(ctx, os.Args[1:], os.Stdout) })
	}
}

// finish runs f and says what to exit with.
func finish(ctx context.Context, w io.Writer, name string, f func(context.Context) error) int {
	err := f(ctx)
	if err == nil || (ctx.Err() != nil && errors.Is(err, context.Canceled)) {
		return 0
	}
	_, _ = fmt.Fprintf(w, "%s: %v\n", name, err)
	return 1
}
