package build

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

// Programs builds packages of the workspace at root into bin, each under the
// last part of its path. Go's cache makes that quick when little has changed;
// the flags are those of "go test" and "go run", so that all share what is
// compiled.
func Programs(ctx context.Context, root, bin string, packages []string) error {
	if len(packages) == 0 {
		return nil
	}
	return inWorkspace(ctx, root, bin, append([]string{"build", "-o", bin + string(filepath.Separator)}, packages...))
}

// Program builds one package under a name of its own.
func Program(ctx context.Context, root, target, pkg string) error {
	return inWorkspace(ctx, root, filepath.Dir(target), []string{"build", "-o", target, pkg})
}

func inWorkspace(ctx context.Context, root, bin string, args []string) error {
	unlock, err := lock(ctx, bin, os.Stderr)
	if err != nil {
		return err
	}
	defer unlock()
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Dir = root
	// The workspace ties the modules together, whatever the caller's setting.
	cmd.Env = append(os.Environ(), "GOWORK="+filepath.Join(root, "go.work"))
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &said
	if err := cmd.Run(); err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		return errors.Join(errors.New("the build failed"), fmt.Errorf("%w\n%s", err, bytes.TrimSpace(said.Bytes())))
	}
	return nil
}
