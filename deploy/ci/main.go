// Command ci runs what decides whether the tree is good: the tests, the linters, the fuzz targets
// and the benchmarks. Without a verb it says which there are.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/entrasync/entrasync/deploy/ci/internal/checks"
	"github.com/entrasync/entrasync/deploy/internal/layout"
)

var errUsage = errors.New("wrong usage")

// verb is one thing that the program does.
type verb func(ctx context.Context, where layout.Layout, args []string) error

var verbs = map[string]verb{
	"test":     test,
	"lint":     lint,
	"all":      all,
	"generate": generate,
	"fmt":      reformat,
	"fuzz":     fuzz,
	"bench":    bench,
	"soak":     soak,
	"rolling":  rolling,
	"console":  console,
}

const usage = `usage: ci <verb>

  test                  run every test: unit, property, store, acceptance
  lint                  check formatting, contracts, generated code, modules and stand-alone
                        builds, and run the linters
  all                   lint, fuzz for a moment, test
  generate              make the code from the contracts and the queries again
  fmt                   format every file
  fuzz [-each 10m] [-jobs n] [-resume=false]
                        fuzz every target; an interrupted run goes on where it was
  bench [pattern]       measure; one line of JSON for each benchmark
  soak [-histories 10000] [-batch 100] [-resume=false]
                        random histories and cut connections at length; an interrupted
                        run goes on where it was
  rolling [-from revision]
                        replace the programs of an earlier version one by one, on the
                        schema of this one
  console               test the console in Chromium, against the stack that "make up" has started
`

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second interrupt ends it at once
	err := run(ctx, os.Args[1:])
	stop()
	switch {
	case errors.Is(err, errUsage):
		fmt.Fprint(os.Stderr, usage)
		os.Exit(2)
	case errors.Is(err, checks.ErrFailed):
		os.Exit(1)
	case err != nil:
		fmt.Fprintln(os.Stderr, "ci:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	if len(args) == 0 || verbs[args[0]] == nil {
		return errUsage
	}
	dir, err := os.Getwd()
	if err != nil {
		return err
	}
	root, err := layout.FindRoot(dir)
	if err != nil {
		return err
	}
	return verbs[args[0]](ctx, layout.Default(root), args[1:])
}
