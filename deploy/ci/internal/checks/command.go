package checks

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// command runs one program in a folder of the tree and copies what it prints to the log.
func (s *Suite) command(ctx context.Context, log io.Writer, dir string, env []string, name string, args ...string) error {
	fmt.Fprintf(log, "$ %s %s\n", name, strings.Join(args, " "))
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir = filepath.Join(s.Root, dir)
	cmd.Env = append(os.Environ(), env...)
	cmd.Stdout, cmd.Stderr = log, log
	// An interrupted run ends its programs politely first: a test environment cleans up.
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = 30 * time.Second
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("%s: %w", filepath.Base(name), err)
	}
	return nil
}

func (s *Suite) bin(name string) string { return filepath.Join(s.State, "bin", name) }
func (s *Suite) buf() string            { return filepath.Join(s.Root, "deploy/tools/node_modules/.bin/buf") }
func (s *Suite) abs(dir string) string  { return filepath.Join(s.Root, dir) }
func (s *Suite) allModules() []string   { return append([]string(nil), Modules...) }
func (s *Suite) withPath() []string     { return []string{"PATH=" + s.bin("") + ":" + os.Getenv("PATH")} }
func (s *Suite) withoutWork() []string  { return []string{"GOWORK=off"} }
func (s *Suite) moduleDirs() []string {
	dirs := make([]string, 0, len(Modules))
	for _, m := range s.allModules() {
		dirs = append(dirs, "./"+m+"/...")
	}
	return dirs
}
