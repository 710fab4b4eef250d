package checks

import (
	"bufio"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

const project = "github.com/entrasync/entrasync/"

// acceptancePackage starts whole stacks; it runs after everything else, by itself.
const acceptancePackage = project + "deploy/acceptance"

// longest are the packages whose tests run longest, from half a minute to four, or that wait longest, for up to
// ten seconds. `go test` begins packages in the order in which it is given them: these first, so that none of
// them ends alone, on one processor or none, when all others have.
var longest = []string{
	project + "services/sync-engine/internal/postgres", project + "services/connection/servicetest", project + "services/mapping/servicetest",
	project + "gateway/internal/gateway", project + "migrations", project + "gateway", project + "services/worker/internal/temporal",
	project + "services/reconciliation/servicetest", project + "deploy/local/stack", project + "deploy/local/internal/supervisor",
	project + "services/connection/internal/cipp",
}

// tally counts tests by their outcome, sub-tests included.
type tally struct{ passed, failed int }

// servers makes what the tests of this machine run on.
func (s *Suite) servers(ctx context.Context, log io.Writer) error { return s.Servers(ctx, log) }

func (s *Suite) tests(ctx context.Context, log io.Writer) error {
	packages, err := s.packages(ctx)
	if err != nil {
		return err
	}
	ordered, err := longestFirst(packages)
	if err != nil {
		return err
	}
	// Two packages more than there are processors: some wait for a moment to pass.
	atOnce := "-p=" + strconv.Itoa(runtime.NumCPU()+2)
	return s.goTest(ctx, log, s.TestEnv, slices.Concat(s.raceFlags(ctx), []string{atOnce, "-timeout=30m"}, ordered))
}

// longestFirst puts the packages of tests in order, without those that have a step of their own. A name that
// is none of them has to be mended in the list: it has been moved.
func longestFirst(packages []string) ([]string, error) {
	for _, p := range longest {
		if !slices.Contains(packages, p) {
			return nil, fmt.Errorf("%s has no tests, and stands first in the order of packages", p)
		}
	}
	ordered := slices.Clone(longest)
	for _, p := range packages {
		if p != acceptancePackage && !slices.Contains(longest, p) {
			ordered = append(ordered, p)
		}
	}
	return ordered, nil
}

func (s *Suite) acceptance(ctx context.Context, log io.Writer) error {
	// Two tests more than there are processors: the storm waits for half a minute, processes that were killed
	// are waited for, and so is a system that starts.
	atOnce := "-parallel=" + strconv.Itoa(runtime.NumCPU()+2)
	return s.goTest(ctx, log, nil, append(s.raceFlags(ctx), atOnce, "-timeout=25m", acceptancePackage))
}

// packages are those that have tests; the others are built only where a test needs them.
func (s *Suite) packages(ctx context.Context) ([]string, error) {
	const tested = "{{if or .TestGoFiles .XTestGoFiles}}{{.ImportPath}}{{end}}"
	cmd := exec.CommandContext(ctx, "go", append([]string{"list", "-f", tested}, s.moduleDirs()...)...)
	cmd.Dir = s.Root
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("go list: %w", err)
	}
	return strings.Fields(string(out)), nil
}

// quickBuild takes a third of the processor time off what is compiled and linked, which the race
// detector has all be done anew: nobody steps through these programs with a debugger, and GOGC lets
// the compiler's garbage lie (see goTest), while the tests themselves run as always. The race detector brings
// checks of unsafe pointers along; of ours only generated code has some.
var quickBuild = []string{"-gcflags=all=-dwarf=false -d=checkptr=0", "-exec=env -u GOGC"}

// goTest runs `go test -json` (always anew: the programs that tests build and start are no input
// that its cache knows of), counts every test and keeps what failing ones printed.
func (s *Suite) goTest(ctx context.Context, log io.Writer, wrap, args []string) error {
	words := slices.Concat(wrap, []string{"go", "test", "-json", "-count=1", "-vet=off"}, quickBuild, args)
	reader, writer := io.Pipe()
	results := newResults(log)
	var wait sync.WaitGroup
	wait.Go(func() { results.read(reader) })
	ended := make(chan struct{})
	wait.Go(func() { s.tell(ended, results) })
	// Before a program ends the race detector waits for a tenth of a second, for races that are just being
	// found, not for a second: dozens of programs end. What the caller has set comes last, and decides.
	env := []string{"GOGC=400", "GORACE=atexit_sleep_ms=100 " + os.Getenv("GORACE")}
	err := s.command(ctx, writer, "", env, words[0], words[1:]...)
	_ = writer.Close()
	close(ended)
	wait.Wait()
	s.total.passed += results.passed
	s.total.failed += results.failed
	results.summary()
	s.slowest = results.slowest(5)
	if err == nil && results.passed == 0 {
		return errors.New("no test ran")
	}
	if results.skipped > 0 {
		err = errors.Join(err, fmt.Errorf("%d tests were skipped", results.skipped))
	}
	return err
}

// event is what `go test -json` prints, one a line.
type event struct {
	Action, Package, ImportPath, Test, Output string
	Elapsed                                   float64
}

type results struct {
	log io.Writer

	mu                      sync.Mutex
	running                 map[string][]string // top-level tests under way, by package
	passed, failed, skipped int
	took                    map[string]float64 // seconds, by package
	output                  map[string]*strings.Builder
	broken                  []string
}

func newResults(log io.Writer) *results {
	return &results{log: log, running: map[string][]string{}, took: map[string]float64{}, output: map[string]*strings.Builder{}}
}

func (r *results) read(from io.Reader) {
	lines := bufio.NewReader(from)
	for {
		line, err := lines.ReadString('\n')
		if line != "" {
			r.line(line)
		}
		if err != nil {
			return
		}
	}
}

func (r *results) line(line string) {
	var e event
	if !strings.HasPrefix(line, "{") || json.Unmarshal([]byte(line), &e) != nil {
		fmt.Fprint(r.log, line)
		return
	}
	if e.Package == "" { // what the compiler says comes under the import path
		e.Package = e.ImportPath
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.follow(e)
	key := e.Package + " " + e.Test
	switch e.Action {
	case "output", "build-output":
		if r.output[key] == nil {
			r.output[key] = &strings.Builder{}
		}
		r.output[key].WriteString(e.Output)
	case "pass", "fail", "skip":
		r.end(e, key)
	case "build-fail":
		r.broken = append(r.broken, key)
	}
}

// follow keeps up what is under way. A test that waits for its turn beside others is not.
func (r *results) follow(e event) {
	name := strings.TrimPrefix(e.Package, project)
	test := func(other string) bool { return other == e.Test }
	switch {
	case e.Test == "" && e.Action == "start":
		r.running[name] = nil
	case e.Test == "" && (e.Action == "pass" || e.Action == "fail" || e.Action == "skip"):
		delete(r.running, name)
	case e.Test == "" || strings.Contains(e.Test, "/"):
	case e.Action == "run" || e.Action == "cont":
		r.running[name] = append(slices.DeleteFunc(r.running[name], test), e.Test)
	case e.Action != "output":
		r.running[name] = slices.DeleteFunc(r.running[name], test)
	}
}

// waits says how far a run is and what it waits for.
func (r *results) waits() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	var parts []string
	for _, name := range slices.Sorted(maps.Keys(r.running)) {
		if tests := r.running[name]; len(tests) > 0 {
			name += " (" + strings.Join(tests, ", ") + ")"
		}
		parts = append(parts, name)
	}
	if len(parts) == 0 {
		parts = []string{"the compiler"}
	}
	return fmt.Sprintf("%d tests of %d packages passed, %d failed; waiting for %s", r.passed, len(r.took), r.failed, strings.Join(parts, ", "))
}

// tell prints every minute what is waited for, until the run has ended.
func (s *Suite) tell(ended <-chan struct{}, r *results) {
	began := s.Now()
	tick := time.NewTicker(time.Minute)
	defer tick.Stop()
	for {
		select {
		case <-ended:
			return
		case <-tick.C:
			fmt.Fprintf(s.Out, "\n        after %s: %s", s.Now().Sub(began).Round(time.Second), r.waits())
		}
	}
}

func (r *results) end(e event, key string) {
	if e.Test == "" {
		name := strings.TrimPrefix(e.Package, project)
		r.took[name] = e.Elapsed
		fmt.Fprintf(r.log, "%-5s %7.1fs %s\n", e.Action, e.Elapsed, name)
		if e.Action == "fail" {
			r.broken = append(r.broken, key)
		}
		return
	}
	switch e.Action {
	case "pass":
		r.passed++
		delete(r.output, key)
	case "skip":
		r.skipped++
		fmt.Fprintf(r.log, "SKIPPED %s\n", key)
	case "fail":
		r.failed++
		r.broken = append(r.broken, key)
	}
}

// summary prints what failed last, where a reader looks first.
func (r *results) summary() {
	for _, key := range r.broken {
		fmt.Fprintf(r.log, "\n--- %s\n", filepath.Clean(strings.TrimSpace(key)))
		if out := r.output[key]; out != nil {
			fmt.Fprint(r.log, out.String())
		}
	}
	fmt.Fprintf(r.log, "\n%d passed, %d failed, %d skipped\n", r.passed, r.failed, r.skipped)
}

// slowest names the packages whose tests ran longest, and how long all ran; the rest of a step's
// time goes into compiling. Packages run beside one another.
func (r *results) slowest(n int) []string {
	names := slices.SortedFunc(maps.Keys(r.took), func(a, b string) int { return cmp.Compare(r.took[b], r.took[a]) })
	total := 0.0
	for _, seconds := range r.took {
		total += seconds
	}
	lines := []string{fmt.Sprintf("%d packages ran for %.0f s, one beside the other", len(names), total)}
	for _, name := range names[:min(n, len(names))] {
		lines = append(lines, fmt.Sprintf("%6.0f s %s", r.took[name], name))
	}
	return lines
}
