package testenv

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"syscall"
	"time"

	"github.com/entrasync/entrasync/deploy/local/internal/child"
)

// Run starts an environment, runs a command in it with the caller's input and
// output, and stops everything. It returns the command's exit code. When ctx
// ends, the command gets SIGTERM, and SIGKILL if it is still there after a
// while.
func Run(ctx context.Context, o Options, command []string) (int, error) {
	env, err := Start(ctx, o)
	if err != nil {
		return 1, err
	}
	code, err := runCommand(ctx, env, command)
	return code, errors.Join(err, env.Stop())
}

func runCommand(ctx context.Context, env *Env, command []string) (int, error) {
	cmd := exec.Command(command[0], command[1:]...)
	cmd.Env = append(os.Environ(), env.Environ()...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	if err := child.Start(cmd, nil, syscall.SIGKILL); err != nil {
		return 127, fmt.Errorf("starting %s: %w", command[0], err)
	}
	done := make(chan error, 1)
	go func() { done <- cmd.Wait() }()
	var err error
	select {
	case err = <-done:
	case <-ctx.Done():
		err = end(cmd.Process.Pid, done)
	}
	// What the command left running in its group ends with it.
	_ = child.Signal(cmd.Process.Pid, syscall.SIGKILL)
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		if status, ok := exit.Sys().(syscall.WaitStatus); ok && status.Signaled() {
			return 128 + int(status.Signal()), nil
		}
		return exit.ExitCode(), nil
	}
	return 0, err
}

func end(pid int, done <-chan error) error {
	_ = child.Signal(pid, syscall.SIGTERM)
	grace := time.NewTimer(stopGrace)
	defer grace.Stop()
	select {
	case err := <-done:
		return err
	case <-grace.C:
	}
	_ = child.Signal(pid, syscall.SIGKILL)
	return <-done
}
