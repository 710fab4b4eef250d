package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"text/tabwriter"
	"time"

	"github.com/entrasync/entrasync/deploy/internal/layout"
	"github.com/entrasync/entrasync/deploy/local/internal/demo"
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
	return printPlaces(os.Stdout, urls, options)
}

func demonstration(urls stack.URLs, options stack.Options) demo.Options {
	return demo.Options{
		Gateway: urls.Gateway, Identity: urls.Identity, PlatformKey: urls.PlatformKey,
		Fleet: options.FleetConfig(), Out: os.Stdout, Now: time.Now,
	}
}

// printPlaces says where things are and how to ask the first question.
func printPlaces(out io.Writer, urls stack.URLs, options stack.Options) error {
	places, err := stack.Places(options)
	if err != nil {
		return err
	}
	fmt.Fprintln(out, "\nentrasync runs. Look at:")
	w := tabwriter.NewWriter(out, 0, 4, 3, ' ', 0)
	for _, p := range places {
		fmt.Fprintf(w, "  %s\t%s\n", p.Address, p.Shows)
	}
	if options.PlatformKey == "" {
		fmt.Fprintf(w, "  %s\t%s\n", filepath.Join(options.State, "platform-key"), "the platform key, which makes and assigns feature flags")
	}
	fmt.Fprintf(w, "  %s\t%s\n", urls.Logs, "one log for each process")
	if err := w.Flush(); err != nil {
		return err
	}
	if options.OwnIssuer() && !slices.Contains(options.Without, "gateway") {
		fmt.Fprintf(out, "\nA first call, as a person of the MSP %s:\n%s", demo.Tenant, urls.FirstCall(demo.Tenant))
	}
	fmt.Fprintln(out, "\n\"make status\" lists the processes, \"make logs\" shows their logs, \"make down\" ends them and keeps the data,\n\"make reset\" ends them and deletes it. docs/guide/setup.md goes on from here.")
	return nil
}
