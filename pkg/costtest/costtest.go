// Package costtest measures what something costs, for tests and benchmarks.
package costtest

import (
	"runtime"
	"runtime/metrics"
	"syscall"
	"testing"
	"time"
)

// PeakHeap runs do and gives the most bytes that the heap had in use meanwhile,
// live objects and those not yet collected.
func PeakHeap(do func()) uint64 {
	runtime.GC()
	done, measured := make(chan struct{}), make(chan uint64)
	go func() {
		sample := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}, {Name: "/memory/classes/heap/unused:bytes"}}
		tick := time.NewTicker(time.Millisecond)
		defer tick.Stop()
		for peak := uint64(0); ; {
			metrics.Read(sample)
			peak = max(peak, sample[0].Value.Uint64()+sample[1].Value.Uint64())
			select {
			case <-tick.C:
			case <-done:
				measured <- peak
				return
			}
		}
	}()
	do()
	close(done)
	return <-measured
}

// ProcessorTime is what this process has used of the processors. It tells more
// than the clock on a machine that does other work too.
func ProcessorTime(t testing.TB) time.Duration {
	t.Helper()
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		t.Fatal(err)
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}
