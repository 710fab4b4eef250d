package main

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/entrasync/entrasync/deploy/local/internal/layout"
)

var errUsage = errors.New("wrong usage")

// verb is one thing the program does; it returns the exit code.
type verb func(ctx context.Context, where layout.Layout, args []string) (int, error)

// verbs lists what a person may type; internal ones start with an underscore.
var verbs = map[string]verb{
	"up":         up,
	"down":       down,
	"reset":      reset,
	"status":     showStatus,
	"logs":       logs,
	"test":       check,
	"generate":   generate,
	"fmt":        reformat,
	"lint":       lint,
	"fuzz":       fuzz,
	"bench":      bench,
	"testenv":    testEnvironment,
	"_supervise": supervise,
	"_testenv":   serveTestEnvironment,
}

const usage = `usage: local <verb>

  up [-without a,b]     start everything, run the main job once, say where to look
  down                  end everything; the data stays
  reset                 end everything and delete the data
  status                say how every process is
  logs [-f] [process]   show the last lines of the logs

  test                  run everything that CI runs
  generate              make the code from the contracts and the queries again
  fmt                   format every file
  lint                  look for mistakes
  fuzz [-each 10m] [-jobs n] [-resume=false]
                        fuzz every target; an interrupted run goes on where it was
  bench [pattern]       measure; one line of JSON for each benchmark

  testenv -- command…   run a command with a throw-away PostgreSQL and Temporal
  testenv -detach       start them in the background and print their variables
  testenv -stop         end them
`

func run(ctx context.Context, args []string) (int, error) {
	if len(args) == 0 {
		fmt.Fprint(os.Stderr, usage)
		return 2, errUsage
	}
	v, ok := verbs[args[0]]
	if !ok {
		fmt.Fprint(os.Stderr, usage)
		return 2, errUsage
	}
	dir, err := os.Getwd()
	if err != nil {
		return 1, err
	}
	root, err := layout.FindRoot(dir)
	if err != nil {
		return 1, err
	}
	return v(ctx, layout.Default(root), args[1:])
}

func exit(err error) (int, error) {
	if err != nil {
		return 1, err
	}
	return 0, nil
}
