package checks

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/entrasync/entrasync/proto/entrasync/reason"
)

// format asks that every file is written as its formatter would write it.
func (s *Suite) format(ctx context.Context, log io.Writer) error {
	return errors.Join(
		s.command(ctx, log, "", nil, s.bin("golangci-lint"), append([]string{"fmt", "--diff"}, Modules...)...),
		s.command(ctx, log, "", nil, s.buf(), "format", "--diff", "--exit-code", "--exclude-path", "proto/google", "--exclude-path", "proto/buf"),
	)
}

// Reformat writes every file as its formatter would.
func (s *Suite) Reformat(ctx context.Context, log io.Writer) error {
	return errors.Join(
		s.command(ctx, log, "", nil, s.bin("golangci-lint"), append([]string{"fmt"}, Modules...)...),
		s.command(ctx, log, "", nil, s.buf(), "format", "-w", "--exclude-path", "proto/google", "--exclude-path", "proto/buf"),
	)
}

// contracts holds the proto files against their rules and, where the history is there, against
// what was promised before: by HEAD, for a change that is not committed yet, and by the commit
// before it, for one that is.
func (s *Suite) contracts(ctx context.Context, log io.Writer) error {
	if err := s.command(ctx, log, "", nil, s.buf(), "lint"); err != nil {
		return err
	}
	if !exists(s.abs(".git")) {
		return nil // an export without history
	}
	for _, promised := range []string{"HEAD", "HEAD~1"} {
		if s.command(ctx, log, "", nil, "git", "rev-parse", "--verify", "--quiet", promised+":buf.yaml") != nil {
			continue // the history does not reach that far
		}
		if err := s.command(ctx, log, "", nil, s.buf(), "breaking", "--against", ".git#ref="+promised); err != nil {
			return err
		}
	}
	return nil
}

// generated makes the code from the contracts and the queries again and compares.
func (s *Suite) generated(ctx context.Context, log io.Writer) error {
	fresh, err := os.MkdirTemp("", "entrasync-generated-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(fresh)
	if err := s.generateContracts(ctx, log, fresh); err != nil {
		return err
	}
	for _, made := range []string{"proto/gen", web + "/src/gen"} {
		if err := s.command(ctx, log, "", nil, "diff", "-r", made, filepath.Join(fresh, made)); err != nil {
			return fmt.Errorf("%s is not what the contracts give; run `make generate`: %w", made, err)
		}
	}
	configs, err := s.sqlcConfigs()
	if err != nil {
		return err
	}
	for _, config := range configs {
		if err := s.command(ctx, log, filepath.Dir(config), nil, s.bin("sqlc"), "diff"); err != nil {
			return fmt.Errorf("%s: run `make generate`: %w", config, err)
		}
	}
	return nil
}

// Generate writes the code made from the contracts and the queries.
func (s *Suite) Generate(ctx context.Context, log io.Writer) error {
	if err := s.generateContracts(ctx, log, ""); err != nil {
		return err
	}
	if err := os.WriteFile(s.abs("docs/errors.md"), []byte(reason.Page()), 0o644); err != nil {
		return err
	}
	configs, err := s.sqlcConfigs()
	if err != nil {
		return err
	}
	for _, config := range configs {
		if err := s.command(ctx, log, filepath.Dir(config), nil, s.bin("sqlc"), "generate"); err != nil {
			return err
		}
	}
	return nil
}

// generateContracts runs the plugins that the templates name, by their path below the state
// folder, into out (the tree itself when empty): the servers' code, then the console's client.
func (s *Suite) generateContracts(ctx context.Context, log io.Writer, out string) error {
	for _, template := range []string{"buf.gen.yaml", "buf.gen.web.yaml"} {
		text, err := os.ReadFile(s.abs(template))
		if err != nil {
			return err
		}
		args := []string{"generate", "--template", strings.ReplaceAll(string(text), "local: .local/bin/", "local: "+s.bin("")+"/")}
		if out != "" {
			args = append(args, "--output", out)
		}
		if err := s.command(ctx, log, "", s.withPath(), s.buf(), args...); err != nil {
			return err
		}
	}
	return nil
}

func (s *Suite) sqlcConfigs() ([]string, error) {
	var found []string
	for _, pattern := range []string{"services/*/sqlc.yaml", "gateway/sqlc.yaml"} {
		paths, err := filepath.Glob(s.abs(pattern))
		if err != nil {
			return nil, err
		}
		for _, p := range paths {
			rel, err := filepath.Rel(s.Root, p)
			if err != nil {
				return nil, err
			}
			found = append(found, rel)
		}
	}
	return found, nil
}

// tidy asks each module to list exactly what it uses.
func (s *Suite) tidy(ctx context.Context, log io.Writer) error {
	var wrong []error
	for _, m := range append(s.allModules(), "deploy/tools", "deploy/temporal") {
		if err := s.command(ctx, log, m, s.withoutWork(), "go", "mod", "tidy", "-diff"); err != nil {
			wrong = append(wrong, fmt.Errorf("%s: run `go mod tidy` in it: %w", m, err))
		}
	}
	return errors.Join(wrong...)
}

func (s *Suite) vet(ctx context.Context, log io.Writer) error {
	return s.command(ctx, log, "", nil, "go", "vet", "-tags=rolling", "work")
}

// lint runs the linters over every module.
func (s *Suite) lint(ctx context.Context, log io.Writer) error {
	return s.command(ctx, log, "", nil, s.bin("golangci-lint"), append([]string{"run"}, s.moduleDirs()...)...)
}

// reachable asks that a program or a test calls every function, directly or not; exported ones too, which
// no linter of one package can tell.
func (s *Suite) reachable(ctx context.Context, log io.Writer) error {
	var found strings.Builder
	args := append([]string{"-test", "-tags=rolling"}, s.moduleDirs()...)
	if err := s.command(ctx, io.MultiWriter(log, &found), "", nil, s.bin("deadcode"), args...); err != nil {
		return err
	}
	if n := strings.Count(found.String(), ": unreachable func:"); n > 0 {
		return fmt.Errorf("nothing calls %d functions", n)
	}
	return nil
}

// standalone builds every program as somebody would who has its module alone.
func (s *Suite) standalone(ctx context.Context, log io.Writer) error {
	out, err := os.MkdirTemp("", "entrasync-standalone-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(out)
	var wrong []error
	for _, b := range Binaries {
		if err := s.command(ctx, log, b.Module, s.withoutWork(), "go", "build", "-trimpath", "-o", out+"/", b.Package); err != nil {
			wrong = append(wrong, fmt.Errorf("%s %s: %w", b.Module, b.Package, err))
		}
	}
	return errors.Join(wrong...)
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}
