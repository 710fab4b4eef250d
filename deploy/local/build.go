package main

import (
	"context"
	"os"

	"github.com/entrasync/entrasync/deploy/local/internal/build"
	"github.com/entrasync/entrasync/deploy/local/internal/layout"
)

func buildTemporal(ctx context.Context, where layout.Layout) error {
	return build.Temporal(ctx, where.Root, where.TemporalBin(), os.Stderr)
}
