package acceptance

import (
	"fmt"
	"os"
	"strings"
	stdsync "sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/entrasync/entrasync/deploy/local/stack"
	"github.com/entrasync/entrasync/deploy/simulator/fleet"
	"github.com/entrasync/entrasync/pkg/scratch"
)

// The systems that tests share, by fleet: to start one takes longer than most tests. They end with
// the process.
var (
	sharedMu stdsync.Mutex
	shared   = map[fleet.Size]*world{}
)

func TestMain(m *testing.M) {
	code := m.Run()
	for size, w := range shared {
		if err := w.stack.Stop(); err != nil {
			fmt.Fprintf(os.Stderr, "stopping the system with the fleet %s: %v\n", size, err)
			code = max(code, 1)
		}
	}
	os.Exit(code)
}

// share is for a test that has an MSP of its own, named like none of another test's, and leaves
// the rest of the system, simulated directories among it, as it was. Any other starts one of its own.
func share(t *testing.T, size fleet.Size) *world {
	t.Helper()
	sharedMu.Lock()
	defer sharedMu.Unlock()
	if shared[size] == nil {
		hosts := make([]string, 4)
		for i := range hosts { // held until the process ends: a later test listens there
			var err error
			hosts[i], _, err = scratch.Address()
			require.NoError(t, err)
		}
		w := newWorld(t, stack.Options{Fleet: string(size), Inherit: []string{"ENTRASYNC_WEBHOOK_ALLOWED_HOSTS=" + strings.Join(hosts, ",")}})
		w.hosts = hosts
		shared[size] = w
	}
	w := shared[size]
	t.Cleanup(func() { w.look(t) })
	return w
}
