package servicetest

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"
)

// target is how long the preview and the confirm of a large provider may take at most.
// The tests hold the processor time against it, of this process and of the database's:
// the clock would tell how much else the machine does. What waits for nothing but the
// processor takes that long on one that is free.
const target = 2 * time.Second

// alone is set for a process that runs one test, so that what it measures is its own.
const alone = "ENTRASYNC_TEST_ALONE"

// inOwnProcess runs the test again in a process of its own and passes on what it logs
// under the given words. It reports whether this is that process.
func inOwnProcess(t *testing.T, logged string) bool {
	t.Helper()
	if os.Getenv(alone) != "" {
		return true
	}
	self := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^"+t.Name()+"$", "-test.v")
	self.Env = append(os.Environ(), alone+"=1")
	out, err := self.CombinedOutput()
	require.NoError(t, err, string(out))
	require.Contains(t, string(out), "--- PASS: "+t.Name())
	if at := bytes.Index(out, []byte(logged)); at >= 0 {
		line, _, _ := bytes.Cut(out[at:], []byte("\n"))
		t.Logf("%s", line)
	}
	return false
}

// processorTime is what this process, as it would be without the race detector, and the
// database's for this test have used of the processors. Those of a database on another
// machine cannot be seen and do not count.
func (b *bundle) processorTime() time.Duration {
	b.t.Helper()
	var usage syscall.Rusage
	require.NoError(b.t, syscall.Getrusage(syscall.RUSAGE_SELF, &usage))
	total := time.Duration(usage.Utime.Nano()+usage.Stime.Nano()) / slower
	rows, err := b.db.Admin.Query(b.t.Context(), `SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()`)
	require.NoError(b.t, err)
	pids, err := pgx.CollectRows(rows, pgx.RowTo[int])
	require.NoError(b.t, err)
	for _, pid := range pids {
		total += ofProcess(pid)
	}
	return total
}

// tick is the unit in which Linux tells the time of a process.
const tick = 10 * time.Millisecond

// ofProcess is what a process of this machine has used of the processors; see proc(5).
func ofProcess(pid int) time.Duration {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil || !bytes.Contains(stat, []byte("(postgres)")) {
		return 0
	}
	fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:])) // from the third on
	var ticks int64
	for _, field := range fields[11:13] {
		n, err := strconv.ParseInt(field, 10, 64)
		if err != nil {
			return 0
		}
		ticks += n
	}
	return time.Duration(ticks) * tick
}
