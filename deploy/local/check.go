package main

import (
	"context"
	"io"
	"os"
	"time"

	"github.com/entrasync/entrasync/deploy/local/internal/build"
	"github.com/entrasync/entrasync/deploy/local/internal/checks"
	"github.com/entrasync/entrasync/deploy/local/internal/layout"
)

// check runs everything that CI runs.
func check(ctx context.Context, where layout.Layout, _ []string) (int, error) {
	suite, err := newSuite(where, os.Stdout)
	if err != nil {
		return 1, err
	}
	return exit(suite.Run(ctx))
}

// generate makes the code from the contracts and the queries again.
func generate(ctx context.Context, where layout.Layout, _ []string) (int, error) {
	suite, err := newSuite(where, os.Stdout)
	if err != nil {
		return 1, err
	}
	if err := suite.Tools(ctx, os.Stdout); err != nil {
		return 1, err
	}
	return exit(suite.Generate(ctx, os.Stdout))
}

// reformat writes every file as its formatter would.
func reformat(ctx context.Context, where layout.Layout, _ []string) (int, error) {
	suite, err := newSuite(where, os.Stdout)
	if err != nil {
		return 1, err
	}
	if err := suite.Tools(ctx, os.Stdout); err != nil {
		return 1, err
	}
	return exit(suite.Reformat(ctx, os.Stdout))
}

// lint looks for mistakes that compile.
func lint(ctx context.Context, where layout.Layout, _ []string) (int, error) {
	suite, err := newSuite(where, os.Stdout)
	if err != nil {
		return 1, err
	}
	if err := suite.Tools(ctx, os.Stdout); err != nil {
		return 1, err
	}
	return exit(suite.Lint(ctx, os.Stdout))
}

func newSuite(where layout.Layout, out io.Writer) (*checks.Suite, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	return &checks.Suite{
		Root: where.Root, State: where.State, TestEnv: []string{self, "testenv", "--"}, Out: out, Now: time.Now,
		Compiles: checks.CompilesC,
		Temporal: func(ctx context.Context, log io.Writer) error {
			return build.Temporal(ctx, where.Root, where.TemporalBin(), log)
		},
	}, nil
}
