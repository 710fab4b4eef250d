package checks

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"
)

// fuzzBrief is how long `make test` fuzzes each target.
const fuzzBrief = 5 * time.Second

// fuzzTarget is one fuzz function.
type fuzzTarget struct {
	dir  string // of its package, below the root
	name string
}

func (t fuzzTarget) String() string { return t.dir + " " + t.name }

// FuzzOptions say how long and how wide to fuzz.
type FuzzOptions struct {
	// Each is the time for one target.
	Each time.Duration
	// Jobs is how many targets run at once, with one worker each; 0 is one for each processor.
	Jobs int
	// Resume leaves out what an unfinished run before this one has done.
	Resume bool
}

// Fuzz runs every fuzz target of the tree. What it finds, Go writes into the package's
// testdata/fuzz, where every later test run tries it again.
func (s *Suite) Fuzz(ctx context.Context, o FuzzOptions) error {
	targets, err := s.fuzzTargets()
	if err != nil {
		return err
	}
	done, err := s.openFuzzed(o)
	if err != nil {
		return err
	}
	defer done.close()
	jobs := o.Jobs
	if jobs <= 0 {
		jobs = runtime.NumCPU()
	}
	var (
		wait  sync.WaitGroup
		mu    sync.Mutex
		wrong []error
		queue = make(chan fuzzTarget)
	)
	for range jobs {
		wait.Go(func() {
			for t := range queue {
				var log bytes.Buffer
				began := s.Now()
				err := s.fuzzOne(ctx, &log, t, o.Each)
				mu.Lock()
				fmt.Fprintf(s.Out, "%-28s %-60s %6s %s\n", t.name, t.dir, s.Now().Sub(began).Round(time.Second), fuzzOutcome(&log, err))
				if err == nil {
					err = done.add(t)
				}
				if err != nil {
					wrong = append(wrong, fmt.Errorf("%s: %w", t, err))
				}
				mu.Unlock()
			}
		})
	}
	for _, t := range targets {
		if !done.has(t) {
			queue <- t
		}
	}
	close(queue)
	wait.Wait()
	if err := errors.Join(wrong...); err != nil {
		return err
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	fmt.Fprintf(s.Out, "%d fuzz targets, %s each\n", len(targets), o.Each)
	return done.finish()
}

// fuzzOutcome is the last progress line of a target, or all that it printed when it failed.
func fuzzOutcome(log *bytes.Buffer, err error) string {
	lines := strings.Split(strings.TrimSpace(log.String()), "\n")
	if err != nil {
		return "FAILED\n" + log.String()
	}
	slices.Reverse(lines)
	for _, line := range lines {
		if _, progress, ok := strings.Cut(line, "execs: "); ok {
			return "ok, execs: " + progress
		}
	}
	return "ok"
}

func (s *Suite) fuzzOne(ctx context.Context, log *bytes.Buffer, t fuzzTarget, each time.Duration) error {
	const tries = 3
	for try := 1; ; try++ {
		log.Reset()
		err := s.command(ctx, log, "", nil, "go", "test", "-run=^$", "-fuzz=^"+t.name+"$", "-fuzztime="+each.String(), "-parallel=1", "./"+t.dir)
		// On a busy machine Go's fuzzer may give up its own workers at the very end and call that
		// a failure (golang/go#75804): nothing was found, and nothing is written.
		if err == nil || try == tries || ctx.Err() != nil || !bytes.Contains(log.Bytes(), []byte("context deadline exceeded")) ||
			bytes.Contains(log.Bytes(), []byte("Failing input written")) {
			return err
		}
	}
}

// fuzz is the step of `make test`.
func (s *Suite) fuzz(ctx context.Context, log io.Writer) error {
	brief := *s
	brief.Out = log
	return brief.Fuzz(ctx, FuzzOptions{Each: fuzzBrief})
}

// fuzzTargets finds every function FuzzX(*testing.F), by reading the test files.
func (s *Suite) fuzzTargets() ([]fuzzTarget, error) {
	var targets []fuzzTarget
	for _, module := range Modules {
		err := filepath.WalkDir(s.abs(module), func(path string, entry fs.DirEntry, err error) error {
			switch {
			case err != nil:
				return err
			case entry.IsDir() && (entry.Name() == "testdata" || entry.Name() == "node_modules"):
				return fs.SkipDir
			case entry.IsDir() || !strings.HasSuffix(path, "_test.go"):
				return nil
			}
			found, err := fuzzFunctions(path)
			if err != nil {
				return err
			}
			dir, err := filepath.Rel(s.Root, filepath.Dir(path))
			for _, name := range found {
				targets = append(targets, fuzzTarget{dir: filepath.ToSlash(dir), name: name})
			}
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	if len(targets) == 0 {
		return nil, errors.New("no fuzz target was found")
	}
	return targets, nil
}

func fuzzFunctions(path string) ([]string, error) {
	file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, d := range file.Decls {
		if f, ok := d.(*ast.FuncDecl); ok && f.Recv == nil && strings.HasPrefix(f.Name.Name, "Fuzz") {
			names = append(names, f.Name.Name)
		}
	}
	return names, nil
}

// fuzzed remembers on disk what a long run has done, so that the next one goes on from there.
type fuzzed struct {
	path  string
	names map[string]bool
	file  *os.File
}

func (s *Suite) openFuzzed(o FuzzOptions) (*fuzzed, error) {
	f := &fuzzed{names: map[string]bool{}}
	if !o.Resume {
		return f, nil
	}
	f.path = filepath.Join(s.State, "fuzzed-"+o.Each.String())
	if err := os.MkdirAll(s.State, 0o755); err != nil {
		return nil, err
	}
	text, err := os.ReadFile(f.path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	for line := range strings.Lines(string(text)) {
		f.names[strings.TrimSpace(line)] = true
	}
	if f.file, err = os.OpenFile(f.path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644); err != nil {
		return nil, err
	}
	return f, nil
}

func (f *fuzzed) has(t fuzzTarget) bool { return f.names[t.String()] }

func (f *fuzzed) add(t fuzzTarget) error {
	if f.file == nil {
		return nil
	}
	_, err := fmt.Fprintln(f.file, t)
	return err
}

func (f *fuzzed) close() {
	if f.file != nil {
		_ = f.file.Close()
	}
}

// finish forgets: the next run begins anew.
func (f *fuzzed) finish() error {
	if f.file == nil {
		return nil
	}
	return os.Remove(f.path)
}
