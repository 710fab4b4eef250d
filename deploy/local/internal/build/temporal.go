// Package build makes the programs that the local stack runs.
package build

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"syscall"
	"time"
)

// temporalPrograms are the tools that deploy/temporal pins; two of them are
// called "server", so each is built under a name of its own.
var temporalPrograms = []struct{ name, pkg string }{
	{"temporal-server", "go.temporal.io/server/cmd/server"},
	{"temporal-sql", "go.temporal.io/server/cmd/tools/sql"},
	{"temporal-ui", "github.com/temporalio/ui-server/v2/cmd/server"},
}

// Temporal builds Temporal's server, schema tool and UI into bin, unless they
// were already built from the versions that deploy/temporal pins. It takes a
// few minutes, once.
func Temporal(ctx context.Context, root, bin string, out io.Writer) error {
	module := filepath.Join(root, "deploy", "temporal")
	want, err := fingerprint(filepath.Join(module, "go.mod"), filepath.Join(module, "go.sum"))
	if err != nil {
		return err
	}
	unlock, err := lock(ctx, bin, out)
	if err != nil {
		return err
	}
	defer unlock()
	stamp := filepath.Join(bin, ".built-from")
	if current(stamp, want, bin) {
		return nil
	}
	fmt.Fprintln(out, "building Temporal from its Go modules (once, about 10 minutes on 2 cores)")
	for _, p := range temporalPrograms {
		if err := goBuild(ctx, module, filepath.Join(bin, p.name), p.pkg, "-ldflags=-s -w"); err != nil {
			return err
		}
		fmt.Fprintln(out, "  built", p.name)
	}
	return os.WriteFile(stamp, []byte(want), 0o644)
}

func current(stamp, want, bin string) bool {
	got, err := os.ReadFile(stamp)
	if err != nil || string(got) != want {
		return false
	}
	for _, p := range temporalPrograms {
		if _, err := os.Stat(filepath.Join(bin, p.name)); err != nil {
			return false
		}
	}
	return true
}

// goBuild builds one package of the module in dir. The module stands by
// itself, so the workspace is left out.
func goBuild(ctx context.Context, dir, target, pkg string, flags ...string) error {
	args := append([]string{"build", "-trimpath", "-o", target}, flags...)
	cmd := exec.CommandContext(ctx, "go", append(args, pkg)...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GOWORK=off")
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &said
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("building %s: %w\n%s", pkg, err, bytes.TrimSpace(said.Bytes()))
	}
	return nil
}

// fingerprint is the same as long as the files and the Go release are.
func fingerprint(files ...string) (string, error) {
	h := sha256.New()
	fmt.Fprintln(h, runtime.Version())
	for _, path := range files {
		b, err := os.ReadFile(path)
		if err != nil {
			return "", err
		}
		h.Write(b)
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// lock makes the folder of what is built, and waits until ctx ends for the right to build into
// it, which one program has at a time. It says that it waits.
func lock(ctx context.Context, bin string, out io.Writer) (unlock func(), err error) {
	if err := os.MkdirAll(bin, 0o755); err != nil {
		return nil, err
	}
	f, err := os.OpenFile(filepath.Join(bin, ".lock"), os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		return nil, err
	}
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	for waits := false; ; waits = true {
		err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if err == nil {
			return func() { _ = f.Close() }, nil // closing gives the lock back
		}
		if !errors.Is(err, syscall.EWOULDBLOCK) {
			return nil, errors.Join(err, f.Close())
		}
		if !waits {
			fmt.Fprintln(out, "waiting for another build in this checkout")
		}
		select {
		case <-ctx.Done():
			return nil, errors.Join(ctx.Err(), f.Close())
		case <-tick.C:
		}
	}
}
