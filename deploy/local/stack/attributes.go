package stack

import (
	"context"
	"fmt"
	"io"
	"os/exec"
	"path/filepath"

	"github.com/entrasync/entrasync/deploy/local/internal/temporal"
)

// workerProgram is this checkout's, also where an older worker runs.
func (s *Stack) workerProgram() string { return filepath.Join(s.layout.Bin(), "worker") }

// attributesVersion changes with the server, and with the program that knows the attributes.
func (s *Stack) attributesVersion() string {
	program, err := programVersion(s.workerProgram())
	if err != nil {
		return "missing" // and starting it says so
	}
	return program + " " + s.temporal.Version()
}

// registerAttributes has Temporal's namespace know the search attributes, as an operator does on any
// cluster. It is safe to repeat.
func (s *Stack) registerAttributes(ctx context.Context, log io.Writer) error {
	cmd := exec.CommandContext(ctx, s.workerProgram(), "search-attributes")
	cmd.Env = overlay(s.temporal.Environ(temporal.Operator), []string{"PATH=/usr/bin:/bin"})
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("worker search-attributes: %w", err)
	}
	return nil
}
