package acceptance

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/entrasync/entrasync/deploy/local/stack"
	"github.com/entrasync/entrasync/deploy/simulator/fleet"
)

// What an all-tenants run over unchanged managed tenants may take, on two processors.
const (
	mostPerThousand  = 15 * time.Second
	mostCPUPerTenant = 20 * time.Millisecond
)

// tick is the unit in which Linux counts processor time.
const tick = 10 * time.Millisecond

// BenchmarkUnchangedFleet runs all managed tenants of an MSP again after nothing has changed, and
// reports what one of them costs of time and, process by process, of the processors. The simulator
// stands in for Microsoft, so its share is reported and not counted.
func BenchmarkUnchangedFleet(b *testing.B) {
	for _, size := range []fleet.Size{fleet.Small, fleet.Wide} {
		b.Run(string(size), func(b *testing.B) {
			w := start(b, stack.Options{Fleet: string(size)})
			c := w.mapped(b, "unchanged")
			sync(b, c, "initial")
			sync(b, c, "all-tenants") // what the first listing left to do
			for b.Loop() {
				before, began := w.spent(b), time.Now()
				detail := sync(b, c, "all-tenants")
				took, after := time.Since(began), w.spent(b)
				require.NotEqual(b, "failed", detail.Run.State)
				tenants := float64(detail.Run.TotalTenants)
				var all time.Duration
				for name, spent := range after {
					used := spent - before[name]
					b.ReportMetric(float64(used.Microseconds())/1000/tenants, name+"-cpu-ms/tenant")
					if name != "simulator" {
						all += used
					}
				}
				b.ReportMetric(float64(all.Microseconds())/1000/tenants, "cpu-ms/tenant")
				b.ReportMetric(took.Seconds()*1000/tenants, "s/1000-tenants")
				if size == fleet.Wide {
					require.Less(b, all/time.Duration(tenants), mostCPUPerTenant)
					require.Less(b, took*1000/time.Duration(tenants), mostPerThousand)
				}
			}
		})
	}
}

// spent is the processor time that each process has used so far; PostgreSQL's is told by the role that
// it works for, and that of sessions that have ended stands under its own name.
func (w *world) spent(t testing.TB) map[string]time.Duration {
	t.Helper()
	spent := map[string]time.Duration{}
	for _, process := range w.stack.Status() {
		if process.PID == 0 {
			continue
		}
		own, _, err := processorTime(process.PID)
		require.NoError(t, err)
		spent[process.Name] = own
		if process.Name != "postgres" {
			continue
		}
		folders, err := filepath.Glob("/proc/[0-9]*")
		require.NoError(t, err)
		for _, folder := range folders {
			pid, err := strconv.Atoi(filepath.Base(folder))
			require.NoError(t, err)
			used, parent, err := processorTime(pid)
			if err == nil && parent == process.PID { // others may have ended meanwhile
				spent[sessionOf(folder)] += used
			}
		}
	}
	return spent
}

// processorTime is that of a process and of its children that have ended, and who started it.
func processorTime(pid int) (used time.Duration, parent int, err error) {
	text, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "stat"))
	if err != nil {
		return 0, 0, err
	}
	// The name, in parentheses, may hold anything; proc(5) numbers from the state on, which is 3.
	fields := strings.Fields(string(text[strings.LastIndexByte(string(text), ')')+1:]))
	for _, field := range fields[11:15] { // utime, stime, cutime, cstime
		ticks, err := strconv.Atoi(field)
		if err != nil {
			return 0, 0, err
		}
		used += time.Duration(ticks) * tick
	}
	parent, err = strconv.Atoi(fields[1])
	return used, parent, err
}

// sessionOf names whom a process of PostgreSQL works for: the title of a session, behind the name of
// the cluster, begins with the role, "postgres: entrasync: entrasync_syncengine …".
func sessionOf(folder string) string {
	title, _ := os.ReadFile(filepath.Join(folder, "cmdline")) // one that has ended says nothing
	for _, word := range strings.Fields(strings.ReplaceAll(string(title), "\x00", " ")) {
		if strings.HasPrefix(word, "entrasync_") || word == "temporal" {
			return "postgres-of-" + word
		}
	}
	return "postgres-itself"
}
