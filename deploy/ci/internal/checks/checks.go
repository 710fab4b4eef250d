// Package checks runs everything that decides whether a tree is good: every test, and formatting,
// contracts, lint and stand-alone builds. `make test`, `make lint` and CI share its lists.
package checks

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// Modules are the modules of the workspace, by folder.
var Modules = []string{"proto", "pkg", "migrations", "services", "gateway", "deploy"}

// Binaries are the programs of the project, each as module folder and package; every one of
// them must build on its own, without the workspace.
var Binaries = []Binary{
	{"services", "./connection"},
	{"services", "./discovery"},
	{"services", "./mapping"},
	{"services", "./sync-engine"},
	{"services", "./reconciliation"},
	{"services", "./worker"},
	{"gateway", "."},
	{"migrations", "./cmd/migrate"},
	{"deploy", "./local"},
	{"deploy", "./ci"},
	{"deploy", "./simulator"},
	{"deploy", "./identity"},
}

// Binary is one program.
type Binary struct{ Module, Package string }

// Suite is one run of the checks over the tree at Root.
type Suite struct {
	// Root is the repository's folder.
	Root string
	// State is a folder for logs and built tools, outside version control.
	State string
	// TestEnv wraps a command so that it runs with a throw-away PostgreSQL and Temporal.
	TestEnv []string
	// Servers builds what TestEnv starts, where it is not built yet.
	Servers func(ctx context.Context, log io.Writer) error
	// Compiles says whether C programs can be built here.
	Compiles func(ctx context.Context) bool
	// Out receives one line a step and what failed.
	Out io.Writer
	// Now is the clock of the timings.
	Now func() time.Time

	total   tally
	slowest []string // packages of the step under way
}

// ErrFailed says that a step failed; which, stands in what was printed.
var ErrFailed = errors.New("a check failed")

// step is one check.
type step struct {
	name string
	// waits says what takes the time.
	waits string
	run   func(ctx context.Context, log io.Writer) error
	// needed ends the run when the step fails: nothing after it could tell anything.
	needed bool
}

// Test runs every test and needs no more than that.
func (s *Suite) Test(ctx context.Context) error { return s.execute(ctx, "test", s.testSteps()) }

// Lint checks what can be seen without running anything.
func (s *Suite) Lint(ctx context.Context) error { return s.execute(ctx, "lint", s.lintSteps()) }

// All is Lint, a moment of every fuzz target, and Test.
func (s *Suite) All(ctx context.Context) error {
	fuzz := step{name: "fuzz", waits: fuzzBrief.String() + " for each target, compiled for it", run: s.fuzz}
	return s.execute(ctx, "ci", append(append(s.lintSteps(), fuzz), s.testSteps()...))
}

func (s *Suite) testSteps() []step {
	return []step{
		{name: "servers", waits: "Temporal is built once, in about 10 minutes", run: s.servers, needed: true},
		{name: "tests", waits: "compiled and run, in about 8 minutes on two cores", run: s.tests},
		{name: "acceptance", waits: "whole stacks are started and broken, in about 2 minutes", run: s.acceptance},
	}
}

func (s *Suite) lintSteps() []step {
	return []step{
		{name: "tools", waits: "built once, in about 5 minutes", run: s.tools, needed: true},
		{name: "format", run: s.format},
		{name: "contracts", run: s.contracts},
		{name: "generated code", run: s.generated},
		{name: "tidy modules", run: s.tidy},
		{name: "vet", waits: "compiling", run: s.vet},
		{name: "lint", waits: "all sources are read, the first time in about 2 minutes", run: s.lint},
		{name: "reachable code", waits: "every program and test is followed", run: s.reachable},
		{name: "stand-alone builds", waits: "compiling", run: s.standalone},
		{name: "console", waits: "installed from npm once, in about a minute", run: s.console},
	}
}

// execute runs the steps and prints a summary, whose last line counts the tests, and every step
// that is none. It returns an error when a step failed; later steps run all the same, so that one
// run shows everything that is wrong.
func (s *Suite) execute(ctx context.Context, name string, steps []step) error {
	logs := filepath.Join(s.State, "checks", name)
	if err := os.RemoveAll(logs); err != nil {
		return err
	}
	if err := os.MkdirAll(logs, 0o755); err != nil {
		return err
	}
	began := s.Now()
	warning := ""
	if name != "lint" && len(s.raceFlags(ctx)) == 0 {
		warning = withoutRace + "\n"
	}
	fmt.Fprint(s.Out, warning)
	var failed []string
	for i, st := range steps {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		err := s.runStep(ctx, i+1, len(steps), st, logs)
		if err == nil {
			continue
		}
		failed = append(failed, st.name)
		if st.needed {
			break
		}
	}
	fmt.Fprintf(s.Out, "\n%s%s in all; logs in %s\n", warning, s.Now().Sub(began).Round(time.Second), logs)
	if len(failed) > 0 {
		fmt.Fprintln(s.Out, "failed: "+strings.Join(failed, ", "))
	}
	fmt.Fprintf(s.Out, "%d passed, %d failed\n", s.total.passed, s.total.failed)
	if len(failed) > 0 {
		return ErrFailed
	}
	return nil
}

func (s *Suite) runStep(ctx context.Context, number, of int, st step, logs string) error {
	path := filepath.Join(logs, fmt.Sprintf("%02d-%s.log", number, strings.ReplaceAll(st.name, " ", "-")))
	log, err := os.Create(path)
	if err != nil {
		return err
	}
	defer log.Close()
	fmt.Fprintf(s.Out, "[%2d/%d] %-20s", number, of, st.name)
	if st.waits != "" {
		fmt.Fprintf(s.Out, "(%s)", st.waits)
	}
	began, before := s.Now(), s.total
	err = st.run(ctx, log)
	took := s.Now().Sub(began).Round(100 * time.Millisecond)
	switch {
	case err != nil && s.total.failed == before.failed:
		s.total.failed++
	case err == nil && s.total == before:
		s.total.passed++
	}
	if err == nil {
		fmt.Fprintf(s.Out, " ok %s\n", took)
	} else {
		fmt.Fprintf(s.Out, " FAILED after %s: %v\n", took, err)
		showEnd(s.Out, path, 60)
	}
	for _, line := range s.slowest {
		fmt.Fprintln(s.Out, "        "+line)
	}
	s.slowest = nil
	return err
}

// showEnd prints the last lines of a log, so that a failure in CI can be read there.
func showEnd(w io.Writer, path string, lines int) {
	text, err := os.ReadFile(path)
	if err != nil {
		return
	}
	all := strings.Split(strings.TrimRight(string(text), "\n"), "\n")
	if len(all) > lines {
		all = all[len(all)-lines:]
	}
	for _, line := range all {
		fmt.Fprintln(w, "    | "+line)
	}
}
