package postgres

import (
	"context"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// Clean makes a data folder whose server died (kill -9, power cut) fit to be
// started again. A busy backend outlives its postmaster, and the server
// refuses to start while one lives; so what still works in this folder is
// ended. Nothing else is touched: PostgreSQL's processes have their data
// folder as working directory.
func (c Cluster) Clean(ctx context.Context) error {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		left := c.processes()
		if len(left) == 0 {
			break
		}
		for _, pid := range left {
			_ = syscall.Kill(pid, syscall.SIGKILL) // gone by itself is fine
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("processes %v still work in %s: %w", left, c.Data, ctx.Err())
		case <-tick.C:
		}
	}
	// After a restart of the machine the number in a stale lock file may be
	// another program's, and the server would take that for itself.
	err := os.Remove(filepath.Join(c.Data, "postmaster.pid"))
	if err != nil && !os.IsNotExist(err) {
		return err
	}
	return nil
}

func (c Cluster) processes() []int {
	// The kernel gives the physical path, the checkout may be reached by a link.
	data, err := filepath.EvalSymlinks(c.Data)
	if err != nil {
		return nil
	}
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return nil
	}
	var pids []int
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil {
			continue
		}
		dir := filepath.Join("/proc", e.Name())
		cwd, err := os.Readlink(filepath.Join(dir, "cwd"))
		if err != nil || cwd != data {
			continue
		}
		if name, err := os.ReadFile(filepath.Join(dir, "comm")); err == nil && strings.TrimSpace(string(name)) == "postgres" {
			pids = append(pids, pid)
		}
	}
	return pids
}

func sortedKeys(m map[string]string) []string { return slices.Sorted(maps.Keys(m)) }
