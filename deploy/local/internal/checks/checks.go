// Package checks runs everything that decides whether a tree is good: formatting, contracts,
// lint, stand-alone builds and every test. `make test` and CI run the same list.
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
	// Temporal builds the Temporal server, where it is not built yet.
	Temporal func(ctx context.Context, log io.Writer) error
	// Compiles says whether C programs can be built here.
	Compiles func(ctx context.Context) bool
	// Out receives one line a step and what failed.
	Out io.Writer
	// Now is the clock of the timings.
	Now func() time.Time

	total tally
}

// step is one check.
type step struct {
	name string
	run  func(ctx context.Context, log io.Writer) error
	// needed ends the run when the step fails: nothing after it could tell anything.
	needed bool
}

// Run executes every step and prints a summary. It returns an error when a step failed; later
// steps run all the same, so that one run shows everything that is wrong.
func (s *Suite) Run(ctx context.Context) error {
	logs := filepath.Join(s.State, "test")
	if err := os.RemoveAll(logs); err != nil {
		return err
	}
	if err := os.MkdirAll(logs, 0o755); err != nil {
		return err
	}
	began := s.Now()
	race := len(s.raceFlags(ctx)) > 0
	if !race {
		fmt.Fprintln(s.Out, withoutRace)
	}
	var failed []string
	steps := s.steps()
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
	if !race {
		fmt.Fprintln(s.Out, "\n"+withoutRace)
	}
	fmt.Fprintf(s.Out, "\n%d tests in %s; logs in %s\n", s.total.passed+s.total.failed, s.Now().Sub(began).Round(time.Second), logs)
	fmt.Fprintf(s.Out, "%d passed, %d failed\n", s.total.passed, s.total.failed)
	if len(failed) > 0 {
		return errors.New("failed: " + strings.Join(failed, ", "))
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
	fmt.Fprintf(s.Out, "[%2d/%d] %-28s", number, of, st.name)
	began := s.Now()
	err = st.run(ctx, log)
	took := s.Now().Sub(began).Round(100 * time.Millisecond)
	if err == nil {
		fmt.Fprintf(s.Out, " ok     %s\n", took)
		return nil
	}
	fmt.Fprintf(s.Out, " FAILED %s: %v\n", took, err)
	showEnd(s.Out, path, 60)
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

func (s *Suite) steps() []step {
	return []step{
		{name: "tools", run: s.tools, needed: true},
		{name: "format", run: s.format},
		{name: "contracts", run: s.contracts},
		{name: "generated code", run: s.generated},
		{name: "tidy modules", run: s.tidy},
		{name: "vet", run: s.vet},
		{name: "lint", run: s.lint},
		{name: "stand-alone builds", run: s.standalone},
		{name: "tests", run: s.tests},
		{name: "fuzz", run: s.fuzz},
		{name: "acceptance", run: s.acceptance},
	}
}
