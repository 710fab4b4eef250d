package servicetest

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/entrasync/entrasync/pkg/pgtest"
	"github.com/entrasync/entrasync/pkg/rpc/rpctest"
	"github.com/entrasync/entrasync/pkg/secrets"
	"github.com/entrasync/entrasync/pkg/tenant"
	connectionv1 "github.com/entrasync/entrasync/proto/gen/go/entrasync/connection/v1"
	"github.com/entrasync/entrasync/services/connection/internal/assembly"
)

// process is the service in a process of its own, whose memory is measured: built as it is delivered,
// without the race detector.
type process struct {
	t       testing.TB
	pid     int
	sim     *simulator
	network *rpctest.Network
	listen  string
}

// buildService builds the service and returns its path.
func buildService(t testing.TB) string {
	t.Helper()
	binary := filepath.Join(t.TempDir(), assembly.Name)
	out, err := exec.CommandContext(t.Context(), "go", "build", "-o", binary, "..").CombinedOutput()
	require.NoError(t, err, string(out))
	return binary
}

// startProcess runs the service against a simulator, connected for the tenant
// "msp", until the test ends.
func startProcess(t testing.TB, binary string, sim *simulator) *process {
	t.Helper()
	p := &process{t: t, sim: sim, network: rpctest.New(t), listen: rpctest.FreeAddress(t)}
	keys, admin := filepath.Join(t.TempDir(), "keys.json"), rpctest.FreeAddress(t)
	_, err := secrets.NewKeyFile(keys)
	require.NoError(t, err)
	command := exec.Command(binary)
	command.Env = append(os.Environ(),
		"ENTRASYNC_DATABASE_URL="+pgtest.Database(t, "connection").URL, "ENTRASYNC_TLS_DIR="+p.network.Dir(assembly.Name),
		"ENTRASYNC_MASTER_KEY_FILE="+keys, "ENTRASYNC_LISTEN="+p.listen, "ENTRASYNC_ADMIN_LISTEN="+admin, "ENTRASYNC_LOG_LEVEL=error",
		"MICROSOFT_CLIENT_ID="+clientID, "MICROSOFT_CLIENT_SECRET="+clientSecret, "ENTRASYNC_PUBLIC_URL="+publicURL,
		"ENTRASYNC_MICROSOFT_LOGIN_URL="+sim.base, "ENTRASYNC_MICROSOFT_GRAPH_URL="+sim.base, "ENTRASYNC_MICROSOFT_PARTNER_URL="+sim.base,
		"ENTRASYNC_RETURN_TO_ALLOWED="+returnTo)
	command.Stderr = os.Stderr
	require.NoError(t, command.Start())
	p.pid = command.Process.Pid
	ended := make(chan error, 1)
	go func() { ended <- command.Wait() }()
	t.Cleanup(func() {
		_ = command.Process.Signal(syscall.SIGTERM)
		<-ended
	})
	p.awaitReady(admin)
	p.connect()
	return p
}

// awaitReady waits until the process can serve.
func (p *process) awaitReady(admin string) {
	p.t.Helper()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.After(2 * time.Minute); ; {
		req, err := http.NewRequestWithContext(p.t.Context(), http.MethodGet, "http://"+admin+"/readyz", nil)
		require.NoError(p.t, err)
		if resp, err := http.DefaultClient.Do(req); err == nil {
			require.NoError(p.t, resp.Body.Close())
			if resp.StatusCode == http.StatusOK {
				return
			}
		}
		select {
		case <-deadline:
			p.t.Fatal("the service did not start")
		case <-tick.C:
		}
	}
}

// connect goes through the flow as a browser would.
func (p *process) connect() {
	p.t.Helper()
	gateway := p.network.Dial("gateway", assembly.Name, p.listen)
	ctx := tenant.With(p.t.Context(), tenant.Call{Tenant: "msp", Actor: tenant.Actor{ID: "admin", Type: "user"}, Session: "session"})
	begun, err := connectionv1.NewConnectionServiceClient(gateway).Connect(ctx, &connectionv1.ConnectRequest{ConnectionType: "direct", ReturnTo: returnTo})
	require.NoError(p.t, err)
	answer := p.sim.consent(begun.GetAuthorizeUrl())
	ended, err := connectionv1.NewConnectionInternalServiceClient(gateway).CompleteCallback(p.t.Context(), &connectionv1.CompleteCallbackRequest{
		State: answer.Get("state"), Code: answer.Get("code"), Session: "session",
	})
	require.NoError(p.t, err)
	target, err := url.Parse(ended.GetRedirectUrl())
	require.NoError(p.t, err)
	require.Equal(p.t, "success", target.Query().Get("entra_status"))
}

// list lists a directory as the sync engine does and returns how many users came.
func (p *process) list(directory string) int {
	p.t.Helper()
	engine := connectionv1.NewDirectoryServiceClient(p.network.Dial("sync-engine", assembly.Name, p.listen))
	stream, err := engine.ListUsers(insideOf(p.t, p.network, tenant.Call{Tenant: "msp", Actor: tenant.Actor{ID: "system", Type: "user"}}), &connectionv1.ListUsersRequest{EntraTenantId: directory})
	require.NoError(p.t, err)
	users, completed := 0, false
	for {
		message, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			require.True(p.t, completed)
			return users
		}
		require.NoError(p.t, err)
		users += len(message.GetPage().GetUsers())
		completed = message.GetCompleted() != nil
	}
}

// peak is the most memory that the process had resident so far, in bytes.
func (p *process) peak() int {
	p.t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.pid))
	require.NoError(p.t, err)
	for line := range strings.Lines(string(status)) {
		if value, ok := strings.CutPrefix(line, "VmHWM:"); ok {
			kib, err := strconv.Atoi(strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(value), "kB")))
			require.NoError(p.t, err)
			return kib << 10
		}
	}
	p.t.Fatal("no VmHWM")
	return 0
}

// peakFor lists a directory of so many users in a new process and returns the peak of
// its memory. A small directory is listed several times, as a service does: what
// counts is the peak that it comes to, and not how soon it is first reached.
func peakFor(t testing.TB, binary string, users int) int {
	t.Helper()
	fleet, grow := "tiny", users
	if users == 1_000_000 {
		fleet, grow = "one-huge", 0
	}
	sim := startFleet(t, fleet)
	_, managed := sim.directories()
	one := largest(managed)
	if grow > 0 {
		sim.admin(http.MethodPost, "changes", map[string]any{"kind": "grow", "tenant": one.TenantID, "count": grow - one.Users}, nil)
	}
	p := startProcess(t, binary, sim)
	for listed := 0; listed < 50_000; listed += users {
		require.Equal(t, users, p.list(one.TenantID))
	}
	return p.peak()
}

// TestMemoryDoesNotGrowWithTheDirectory is not parallel: other tests' load would
// change when memory is collected.
func TestMemoryDoesNotGrowWithTheDirectory(t *testing.T) {
	binary := buildService(t)
	small, large := peakFor(t, binary, 10_000), peakFor(t, binary, 100_000)
	t.Logf("%d and %d MiB", small>>20, large>>20)
	require.LessOrEqual(t, float64(large), 1.2*float64(small), "%d and %d MiB", small>>20, large>>20)
}

// BenchmarkPeakMemory shows the service's peak for a small and for a huge directory.
func BenchmarkPeakMemory(b *testing.B) {
	binary, peaks := buildService(b), map[int]int{}
	for _, users := range []int{10_000, 1_000_000} {
		b.Run(fmt.Sprintf("%d_users", users), func(b *testing.B) {
			for b.Loop() {
				peaks[users] = max(peaks[users], peakFor(b, binary, users))
			}
			b.ReportMetric(float64(peaks[users])/(1<<20), "peak-MiB")
		})
	}
	if small, large := peaks[10_000], peaks[1_000_000]; small > 0 && large > 0 && float64(large) > 1.2*float64(small) {
		b.Errorf("%d MiB for 10,000 users, %d MiB for 1,000,000", small>>20, large>>20)
	}
}
