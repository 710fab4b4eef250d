package checks

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// web is the folder of the console.
const web = "gateway/web"

// console checks the types, the style and the unused code of the console, builds it, and holds what
// a browser loads first against its budget.
func (s *Suite) console(ctx context.Context, log io.Writer) error {
	if err := s.consoleTools(ctx, log); err != nil {
		return err
	}
	for _, script := range []string{"typecheck", "lint", "unused", "build", "budget"} {
		if err := s.command(ctx, log, web, nil, "npm", "run", "--silent", script); err != nil {
			return fmt.Errorf("%s: npm run %s: %w", web, script, err)
		}
	}
	return nil
}

// Browse tests the console in a browser against the stack that runs, and leaves a picture of every
// screen in gateway/web/shots. It is no part of Test: a bare machine has no browser.
func (s *Suite) Browse(ctx context.Context, log io.Writer) error {
	if err := s.consoleTools(ctx, log); err != nil {
		return err
	}
	return s.command(ctx, log, web, nil, "npm", "run", "--silent", "e2e")
}

// consoleTools installs what the console is built and checked with, as its lock file says. The
// stamp is the one that `make up` looks at, which installs only what it builds with.
func (s *Suite) consoleTools(ctx context.Context, log io.Writer) error {
	lock, err := os.ReadFile(s.abs(web + "/package-lock.json"))
	if err != nil {
		return err
	}
	sum := sha256.Sum256(lock)
	want := hex.EncodeToString(sum[:])
	stamp := filepath.Join(s.abs(web), "node_modules", ".installed-from")
	if have, err := os.ReadFile(stamp); err == nil && string(have) == want && exists(s.abs(web+"/node_modules/.bin/eslint")) {
		return nil
	}
	if err := s.command(ctx, log, web, nil, "npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"); err != nil {
		return err
	}
	return os.WriteFile(stamp, []byte(want), 0o644)
}
