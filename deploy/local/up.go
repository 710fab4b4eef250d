package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/entrasync/entrasync/deploy/internal/layout"
	"github.com/entrasync/entrasync/deploy/local/internal/build"
	"github.com/entrasync/entrasync/deploy/local/internal/daemon"
	"github.com/entrasync/entrasync/deploy/local/internal/file"
	"github.com/entrasync/entrasync/deploy/local/internal/postgres"
	"github.com/entrasync/entrasync/deploy/local/stack"
)

// readyTimeout is how long all processes together may take to be ready. It is seconds on a machine
// that is not busy; the first start on a slow disk makes a database and its schemas in it.
const readyTimeout = 3 * time.Minute

// up starts the stack, or brings the running one up to date. It is safe to
// repeat.
func up(ctx context.Context, where layout.Layout, args []string) (int, error) {
	flags := flag.NewFlagSet("up", flag.ContinueOnError)
	without := flags.String("without", "", "processes to leave out, such as gateway,worker, to run them by hand")
	if err := flags.Parse(args); err != nil {
		return 2, errUsage
	}
	options, err := stack.FromEnv(where.Root, os.Environ())
	if err != nil {
		return 1, err
	}
	if *without != "" {
		options.Without = strings.Split(*without, ",")
	}
	unlock, err := daemon.Lock(where)
	if err != nil {
		return 1, err
	}
	defer unlock()
	client := daemon.NewClient(where)
	if err := prepare(ctx, where, client, options); err != nil {
		return 1, err
	}
	if err := start(ctx, where, client, options); err != nil {
		return 1, err
	}
	return exit(demonstrate(ctx, where, options))
}

// prepare does what can fail for the machine's sake, before anything runs.
func prepare(ctx context.Context, where layout.Layout, client *daemon.Client, options stack.Options) error {
	running, err := client.Running()
	if err != nil {
		return err
	}
	if !running {
		if err := options.CheckPorts(); err != nil {
			return err
		}
	}
	if options.OwnDatabase() {
		if _, err := postgres.Find(ctx, stack.NPMDir(where)); err != nil {
			return err
		}
	} else if err := postgres.Ping(ctx, options.DatabaseURL); err != nil {
		return errors.New("DATABASE_URL is set, but no database answers there; unset it to use a PostgreSQL that is started here")
	}
	say("building")
	if err := stack.Build(ctx, options, os.Stdout); err != nil {
		return err
	}
	return build.Program(ctx, where.Root, supervisorProgram(where), "./deploy/local")
}

func supervisorProgram(where layout.Layout) string {
	return filepath.Join(where.Bin(), "entrasync-local")
}

// start brings the supervisor to run these options and waits until all is
// ready.
func start(ctx context.Context, where layout.Layout, client *daemon.Client, options stack.Options) error {
	if err := daemon.WriteOptions(where, options); err != nil {
		return err
	}
	fresh, err := stopOutdated(ctx, where, client)
	if err != nil {
		return err
	}
	var ended <-chan error
	if fresh {
		say("starting")
		if ended, err = client.Spawn(supervisorProgram(where), "_supervise"); err != nil {
			return err
		}
	} else if err := client.Apply(ctx); err != nil {
		return fmt.Errorf("bringing the running stack up to date: %w", err)
	}
	return awaitReady(ctx, where, client, ended)
}

// stopOutdated ends a supervisor of another build. It says whether a new one
// must be started.
func stopOutdated(ctx context.Context, where layout.Layout, client *daemon.Client) (bool, error) {
	running, err := client.Running()
	if err != nil || !running {
		return true, err
	}
	want, err := file.Digest(supervisorProgram(where))
	if err != nil {
		return false, err
	}
	report, err := client.Report(ctx)
	if err == nil && report.Program == want {
		return false, nil
	}
	say("the supervisor has changed: stopping the stack")
	return true, client.Stop(ctx)
}

func awaitReady(ctx context.Context, where layout.Layout, client *daemon.Client, ended <-chan error) error {
	began := time.Now()
	ctx, cancel := context.WithTimeout(ctx, readyTimeout)
	defer cancel()
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	told := map[string]bool{}
	var last []stack.Status
	for {
		report, err := client.Report(ctx)
		if err == nil {
			last = report.Processes
			if tell(last, told, began) {
				return nil
			}
		}
		select {
		case err := <-ended:
			return fmt.Errorf("the supervisor ended (%w); the end of %s:\n%s", err, daemon.LogFile(where), lastLines(daemon.LogFile(where), 20))
		case <-ctx.Done():
			return notReady(where, last)
		case <-tick.C:
		}
	}
}

// tell prints each process once, when it is ready, and says whether all are.
func tell(processes []stack.Status, told map[string]bool, began time.Time) bool {
	all := len(processes) > 0
	for _, p := range processes {
		if !p.Ready() {
			all = false
			continue
		}
		if !told[p.Name] {
			told[p.Name] = true
			fmt.Printf("  %-16s ready after %.1f s\n", p.Name, time.Since(began).Seconds())
		}
	}
	return all
}

func notReady(where layout.Layout, processes []stack.Status) error {
	var text strings.Builder
	fmt.Fprintf(&text, "not everything is ready after %s:", readyTimeout)
	for _, p := range processes {
		if p.Ready() {
			continue
		}
		fmt.Fprintf(&text, "\n  %s is %s: %s", p.Name, p.State, p.Reason)
		if !p.Waits() {
			fmt.Fprintf(&text, "; the end of %s:\n%s", p.Log, lastLines(p.Log, 20))
		}
	}
	if len(processes) == 0 {
		fmt.Fprintf(&text, " the supervisor does not answer; the end of %s:\n%s", daemon.LogFile(where), lastLines(daemon.LogFile(where), 20))
	}
	return errors.New(text.String() + "\nThe processes go on trying. \"make status\" tells how they are, \"make down\" ends them.")
}

// down ends the stack; the data stays.
func down(ctx context.Context, where layout.Layout, _ []string) (int, error) {
	return ended(ctx, where, "nothing runs any more; the data stays in "+where.State, func() error { return nil })
}

// reset ends the stack and deletes its data; what was built stays.
func reset(ctx context.Context, where layout.Layout, _ []string) (int, error) {
	return ended(ctx, where, "nothing runs any more, and the data is deleted", func() error { return stack.Delete(where) })
}

// ended ends the stack, does something before another command can start it again, and says what
// was done.
func ended(ctx context.Context, where layout.Layout, done string, then func() error) (int, error) {
	unlock, err := daemon.Lock(where)
	if err != nil {
		return 1, err
	}
	defer unlock()
	if err := daemon.NewClient(where).Stop(ctx); err != nil {
		return 1, err
	}
	if err := then(); err != nil {
		return 1, err
	}
	say(done)
	return 0, nil
}

// supervise is the process in the background.
func supervise(ctx context.Context, where layout.Layout, _ []string) (int, error) {
	log := slog.New(slog.NewTextHandler(os.Stderr, nil))
	return exit(daemon.Serve(ctx, where, log))
}

func say(text string) { fmt.Println("entrasync:", text) }
