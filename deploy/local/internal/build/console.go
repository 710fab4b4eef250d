package build

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"time"

	"github.com/entrasync/entrasync/deploy/local/internal/file"
)

// Console builds the console, which the gateway embeds, unless it was already built from the very
// same sources. What it is built with is installed from npm as its lock file says. Where there is no
// npm the gateway does without a console, and out is told.
func Console(ctx context.Context, root, bin string, out io.Writer) error {
	web := filepath.Join(root, "gateway", "web")
	unlock, err := lock(ctx, bin, out)
	if err != nil {
		return err
	}
	defer unlock()
	want, err := sources(web)
	if err != nil {
		return err
	}
	stamp := filepath.Join(bin, ".console-built-from")
	if stamped(stamp, want) && exists(filepath.Join(web, "dist", "index.html")) {
		return nil
	}
	if _, err := exec.LookPath("npm"); err != nil {
		fmt.Fprintln(out, "Node 20.19 or newer with npm is missing: there will be no console at the gateway's address")
		return nil
	}
	began := time.Now()
	if err := install(ctx, web, out); err != nil {
		return err
	}
	if err := inWeb(ctx, web, "npm", "run", "build"); err != nil {
		return err
	}
	fmt.Fprintf(out, "built the console in %.0f s\n", time.Since(began).Seconds())
	return os.WriteFile(stamp, []byte(want), 0o644)
}

// Installed is the file, below the console's node_modules, with the digest of the lock file that
// was installed. `make lint` installs more than the build needs, and writes it too.
const Installed = ".installed-from"

func install(ctx context.Context, web string, out io.Writer) error {
	want, err := file.Digest(filepath.Join(web, "package-lock.json"))
	if err != nil {
		return err
	}
	stamp := filepath.Join(web, "node_modules", Installed)
	if stamped(stamp, want) {
		return nil
	}
	fmt.Fprintln(out, "installing what the console is built with (once, about half a minute)")
	if err := inWeb(ctx, web, "npm", "ci", "--omit=dev", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"); err != nil {
		return err
	}
	return os.WriteFile(stamp, []byte(want), 0o644)
}

func inWeb(ctx context.Context, web, name string, args ...string) error {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir = web
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &said
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("building the console: %s %v: %w\n%s", name, args, err, bytes.TrimSpace(said.Bytes()))
	}
	return nil
}

// sources is a digest of everything that the console is built from.
func sources(web string) (string, error) {
	h := sha256.New()
	others := []string{"node_modules", "dist", "e2e", "shots"}
	err := filepath.WalkDir(web, func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && filepath.Dir(path) == web && slices.Contains(others, entry.Name()):
			return fs.SkipDir
		case entry.IsDir():
			return nil
		}
		sum, err := file.Digest(path)
		fmt.Fprintln(h, path[len(web):], sum)
		return err
	})
	return hex.EncodeToString(h.Sum(nil)), err
}

func stamped(stamp, want string) bool {
	got, err := os.ReadFile(stamp)
	return err == nil && string(got) == want
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}
