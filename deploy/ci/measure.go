package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/entrasync/entrasync/deploy/ci/internal/checks"
	"github.com/entrasync/entrasync/deploy/internal/layout"
)

// fuzz runs every fuzz target at length.
func fuzz(ctx context.Context, where layout.Layout, args []string) error {
	flags := flag.NewFlagSet("fuzz", flag.ContinueOnError)
	each := flags.Duration("each", 10*time.Minute, "time for each target")
	jobs := flags.Int("jobs", 0, "targets at once; 0 is one for each processor")
	resume := flags.Bool("resume", true, "leave out what an interrupted run has done")
	if err := flags.Parse(args); err != nil {
		return errUsage
	}
	return newSuite(where).Fuzz(ctx, checks.FuzzOptions{Each: *each, Jobs: *jobs, Resume: *resume})
}

// soak does the random histories of tests at length.
func soak(ctx context.Context, where layout.Layout, args []string) error {
	flags := flag.NewFlagSet("soak", flag.ContinueOnError)
	histories := flags.Int("histories", 10_000, "for each test, in all")
	batch := flags.Int("batch", 100, "histories of one run of the tests")
	resume := flags.Bool("resume", true, "go on from what an interrupted run has done")
	if err := flags.Parse(args); err != nil || *histories < 1 || *batch < 1 {
		return errUsage
	}
	return newSuite(where).Soak(ctx, checks.SoakOptions{Histories: *histories, Batch: *batch, Resume: *resume})
}

// rolling replaces the programs of an earlier version one by one.
func rolling(ctx context.Context, where layout.Layout, args []string) error {
	flags := flag.NewFlagSet("rolling", flag.ContinueOnError)
	from := flags.String("from", "", "revision of the earlier version; that which is recorded when empty")
	if err := flags.Parse(args); err != nil {
		return errUsage
	}
	return newSuite(where).Rolling(ctx, *from)
}

// bench runs the benchmarks; what Go prints beside their results is kept in a log.
func bench(ctx context.Context, where layout.Layout, args []string) error {
	pattern := ""
	if len(args) > 0 {
		pattern = args[0]
	}
	if err := os.MkdirAll(where.Logs(), 0o755); err != nil {
		return err
	}
	log, err := os.Create(filepath.Join(where.Logs(), "bench.log"))
	if err != nil {
		return err
	}
	defer log.Close()
	suite := newSuite(where)
	if err := suite.Servers(ctx, log); err != nil {
		return err
	}
	if err := suite.Bench(ctx, log, pattern); err != nil {
		return fmt.Errorf("%w; what each benchmark said stands in %s", err, log.Name())
	}
	return nil
}
