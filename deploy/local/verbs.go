package main

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/entrasync/entrasync/deploy/internal/layout"
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

  testenv -- command…   run a command with a throw-away PostgreSQL and Temporal
  testenv -detach       start them in the background and print their variables
  testenv -stop         end them
  testenv -build        build what they need, and nothing more
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
