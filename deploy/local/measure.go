package main

import (
	"context"
	"flag"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/entrasync/entrasync/deploy/local/internal/checks"
	"github.com/entrasync/entrasync/deploy/local/internal/layout"
)

// fuzz runs every fuzz target at length.
func fuzz(ctx context.Context, where layout.Layout, args []string) (int, error) {
	flags := flag.NewFlagSet("fuzz", flag.ContinueOnError)
	each := flags.Duration("each", 10*time.Minute, "time for each target")
	jobs := flags.Int("jobs", 0, "targets at once; 0 is one for each processor")
	resume := flags.Bool("resume", true, "leave out what an interrupted run has done")
	if err := flags.Parse(args); err != nil {
		return 2, errUsage
	}
	suite, err := newSuite(where, os.Stdout)
	if err != nil {
		return 1, err
	}
	return exit(suite.Fuzz(ctx, checks.FuzzOptions{Each: *each, Jobs: *jobs, Resume: *resume}))
}

// bench runs the benchmarks; what Go prints beside their results is kept in a log.
func bench(ctx context.Context, where layout.Layout, args []string) (int, error) {
	pattern := ""
	if len(args) > 0 {
		pattern = args[0]
	}
	if err := os.MkdirAll(where.Logs(), 0o755); err != nil {
		return 1, err
	}
	log, err := os.Create(filepath.Join(where.Logs(), "bench.log"))
	if err != nil {
		return 1, err
	}
	defer log.Close()
	suite, err := newSuite(where, os.Stdout)
	if err != nil {
		return 1, err
	}
	if err := suite.Temporal(ctx, io.Discard); err != nil {
		return 1, err
	}
	return exit(suite.Bench(ctx, log, pattern))
}
