package stack

import (
	"context"
	"io"
	"slices"

	"github.com/entrasync/entrasync/deploy/internal/layout"
	"github.com/entrasync/entrasync/deploy/local/internal/build"
)

// Build makes the programs that a stack with these options runs, as far as
// their sources have changed. What it takes time for is told on out.
func Build(ctx context.Context, options Options, out io.Writer) error {
	options, err := options.complete()
	if err != nil {
		return err
	}
	where := layout.Default(options.Root)
	if !slices.Contains(options.Without, "temporal") {
		if err := build.Temporal(ctx, where.Root, where.TemporalBin(), out); err != nil {
			return err
		}
	}
	if options.Console {
		if err := build.Console(ctx, where.Root, where.Bin(), out); err != nil {
			return err
		}
	}
	return build.Programs(ctx, where.Root, where.Bin(), options.packages())
}

// packages are the commands to build, as paths in the checkout. The last part
// of each is the program's name.
func (o Options) packages() []string {
	wanted := map[string]bool{"migrate": true, "simulator": o.OwnDirectory(), "identity": o.OwnIssuer()}
	paths := map[string]string{"migrate": "./migrations/cmd/migrate", "simulator": "./deploy/simulator", "identity": "./deploy/identity"}
	for _, s := range services {
		wanted[s.name] = true
		paths[s.name] = "./services/" + s.name
	}
	paths["gateway"] = "./gateway"
	var list []string
	for _, name := range Names() {
		unused := slices.Contains(o.Without, name)
		if name == "worker" { // one of its commands is a task of the stack
			unused = unused && slices.Contains(o.Without, "temporal-attributes")
		}
		if wanted[name] && !unused {
			list = append(list, paths[name])
		}
	}
	return list
}
