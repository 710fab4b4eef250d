package main

import (
	"context"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"

	"github.com/entrasync/entrasync/deploy/ci/internal/checks"
	"github.com/entrasync/entrasync/deploy/internal/layout"
)

// test runs every test.
func test(ctx context.Context, where layout.Layout, _ []string) error {
	return newSuite(where).Test(ctx)
}

// lint looks for what is wrong without running anything.
func lint(ctx context.Context, where layout.Layout, _ []string) error {
	return newSuite(where).Lint(ctx)
}

// all is what a CI machine runs.
func all(ctx context.Context, where layout.Layout, _ []string) error {
	return newSuite(where).All(ctx)
}

// generate makes the code from the contracts and the queries again.
func generate(ctx context.Context, where layout.Layout, _ []string) error {
	suite := newSuite(where)
	if err := suite.Tools(ctx, os.Stdout); err != nil {
		return err
	}
	return suite.Generate(ctx, os.Stdout)
}

// reformat writes every file as its formatter would.
func reformat(ctx context.Context, where layout.Layout, _ []string) error {
	suite := newSuite(where)
	if err := suite.Tools(ctx, os.Stdout); err != nil {
		return err
	}
	return suite.Reformat(ctx, os.Stdout)
}

// console tests the console in a browser.
func console(ctx context.Context, where layout.Layout, _ []string) error {
	return newSuite(where).Browse(ctx, os.Stdout)
}

func newSuite(where layout.Layout) *checks.Suite {
	local := filepath.Join(where.Bin(), "entrasync-local")
	return &checks.Suite{
		Root: where.Root, State: where.State, TestEnv: []string{local, "testenv", "--"}, Out: os.Stdout, Now: time.Now,
		Compiles: checks.CompilesC,
		Servers:  func(ctx context.Context, log io.Writer) error { return servers(ctx, where, local, log) },
	}
}

// servers builds the program that starts PostgreSQL and Temporal, and lets it build what it needs.
func servers(ctx context.Context, where layout.Layout, local string, log io.Writer) error {
	for _, words := range [][]string{{"go", "build", "-o", local, "./deploy/local"}, {local, "testenv", "-build"}} {
		cmd := exec.CommandContext(ctx, words[0], words[1:]...)
		cmd.Dir = where.Root
		cmd.Stdout, cmd.Stderr = log, log
		cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
		if err := cmd.Run(); err != nil {
			return err
		}
	}
	return nil
}
