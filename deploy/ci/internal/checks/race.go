package checks

import (
	"context"
	"os/exec"
	"strings"
)

// withoutRace is said at the start and at the end of a run that cannot look for data races.
const withoutRace = "Without the race detector, which needs a C compiler: apt-get install gcc libc6-dev (as root)."

// raceFlags are the flags of `go test` that turn the race detector on, none where it cannot be
// built: it is linked with cgo.
func (s *Suite) raceFlags(ctx context.Context) []string {
	if s.Compiles(ctx) {
		return []string{"-race"}
	}
	return nil
}

// CompilesC says whether cgo is on and its compiler builds a program against the C library.
func CompilesC(ctx context.Context) bool {
	out, err := exec.CommandContext(ctx, "go", "env", "CGO_ENABLED", "CC").Output()
	if err != nil {
		return false
	}
	enabled, compiler, _ := strings.Cut(strings.TrimSpace(string(out)), "\n")
	words := strings.Fields(compiler) // CC may hold flags
	if enabled != "1" || len(words) == 0 {
		return false
	}
	cmd := exec.CommandContext(ctx, words[0], append(words[1:], "-x", "c", "-c", "-o", "/dev/null", "-")...)
	cmd.Stdin = strings.NewReader("#include <stdlib.h>\nint main(void) { return 0; }\n")
	return cmd.Run() == nil
}
