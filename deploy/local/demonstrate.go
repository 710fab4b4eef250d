package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/entrasync/entrasync/deploy/local/internal/demo"
	"github.com/entrasync/entrasync/deploy/local/internal/layout"
	"github.com/entrasync/entrasync/deploy/local/stack"
)

// demonstrate runs the main job once on the simulated MSP and says where to
// look. With another directory, issuer or an incomplete stack it only says
// where to look.
func demonstrate(ctx context.Context, where layout.Layout, options stack.Options) error {
	urls, err := stack.Endpoints(options)
	if err != nil {
		return err
	}
	// Beside the data, so that it goes with it.
	marker := filepath.Join(where.Data(), "demonstrated")
	_, statErr := os.Stat(marker)
	possible := options.OwnDirectory() && options.OwnIssuer() && len(options.Without) == 0
	if possible && errors.Is(statErr, os.ErrNotExist) {
		say("the main job, once, on a simulated MSP")
		if err := demo.Run(ctx, demonstration(urls, options)); err != nil {
			return fmt.Errorf("the demonstration failed: %w\nThe stack runs; the logs are in %s. \"make up\" tries again, \"make reset\" starts afresh", err, urls.Logs)
		}
		if err := os.MkdirAll(where.Data(), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(marker, nil, 0o644); err != nil {
			return err
		}
	}
	return printPlaces(urls, options)
}

func demonstration(urls stack.URLs, options stack.Options) demo.Options {
	return demo.Options{
		Gateway: urls.Gateway, Identity: urls.Identity, PlatformKey: urls.PlatformKey,
		Fleet: options.FleetConfig(), Out: os.Stdout, Now: time.Now,
	}
}

// printPlaces says where things are.
func printPlaces(urls stack.URLs, options stack.Options) error {
	place := func(name, what string) {
		if what != "" {
			fmt.Printf("  %-14s %s\n", name, what)
		}
	}
	runs := func(name string) bool { return !slices.Contains(options.Without, name) }
	fmt.Println("\nentrasync runs:")
	if runs("gateway") {
		place("API", urls.Gateway)
		place("API docs", urls.Gateway+"/docs")
	}
	if runs("temporal-ui") {
		place("Temporal UI", urls.TemporalUI)
	}
	if runs("simulator") {
		place("Microsoft", urls.Simulator)
	}
	if runs("identity") {
		place("identity", urls.Identity)
	}
	place("logs", urls.Logs)
	place("platform key", filepath.Join(options.State, "platform-key"))
	fmt.Println("  \"make status\" shows the processes, \"make down\" ends them.")
	return nil
}
