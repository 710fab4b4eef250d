package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"

	"github.com/entrasync/entrasync/deploy/internal/layout"
	"github.com/entrasync/entrasync/deploy/local/internal/build"
	"github.com/entrasync/entrasync/deploy/local/internal/testenv"
	"github.com/entrasync/entrasync/deploy/local/stack"
)

func testEnvironment(ctx context.Context, where layout.Layout, args []string) (int, error) {
	flags := flag.NewFlagSet("testenv", flag.ContinueOnError)
	detach := flags.Bool("detach", false, "start it in the background and print its variables")
	only := flags.Bool("build", false, "build what it needs and end")
	stop := flags.Bool("stop", false, "end the one in the background")
	if err := flags.Parse(args); err != nil {
		return 2, errUsage
	}
	if *stop {
		return exit(testenv.StopDetached(ctx, testEnvironmentFile(where)))
	}
	if err := buildTemporal(ctx, where); err != nil {
		return 1, err
	}
	if *only {
		return 0, nil
	}
	if *detach {
		self, err := os.Executable()
		if err != nil {
			return 1, err
		}
		return exit(testenv.Detach(ctx, os.Stdout, testEnvironmentFile(where), []string{self, "_testenv"}))
	}
	if flags.NArg() == 0 {
		fmt.Fprint(os.Stderr, usage)
		return 2, errUsage
	}
	return testenv.Run(ctx, testEnvironmentOptions(where), flags.Args())
}

// serveTestEnvironment is the process in the background.
func serveTestEnvironment(ctx context.Context, where layout.Layout, _ []string) (int, error) {
	return exit(testenv.Serve(ctx, testEnvironmentOptions(where), testEnvironmentFile(where)))
}

func testEnvironmentFile(where layout.Layout) string {
	return filepath.Join(where.State, "testenv.json")
}

func testEnvironmentOptions(where layout.Layout) testenv.Options {
	return testenv.Options{NPMDir: stack.NPMDir(where), TemporalBin: where.TemporalBin()}
}

func buildTemporal(ctx context.Context, where layout.Layout) error {
	return build.Temporal(ctx, where.Root, where.TemporalBin(), os.Stderr)
}
