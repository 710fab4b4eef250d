package servicetest

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/entrasync/entrasync/pkg/service"
	"github.com/entrasync/entrasync/services/connection/internal/assembly"
)

const (
	clientID     = "5e11aa00-0000-4000-8000-000000000001"
	clientSecret = "a-client-secret-of-the-tests"
	publicURL    = "http://localhost:8080"
	redirectURI  = publicURL + assembly.CallbackPath
)

// buildFolder holds the simulator's binary; TestMain removes it.
var buildFolder string

func TestMain(m *testing.M) {
	if os.Getenv(serveInstead) != "" {
		service.Main(assembly.Name, assembly.Config{}, assembly.Start)
		return
	}
	code := func() int {
		var err error
		if buildFolder, err = os.MkdirTemp("", "entrasync-connection-test-"); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		defer func() { _ = os.RemoveAll(buildFolder) }()
		return m.Run()
	}()
	os.Exit(code)
}

// simulatorBinary builds the simulator once.
var simulatorBinary = sync.OnceValues(func() (string, error) {
	binary := filepath.Join(buildFolder, "simulator")
	out, err := exec.Command("go", "build", "-C", "../../../deploy", "-o", binary, "./simulator").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("building the simulator: %w\n%s", err, out)
	}
	return binary, nil
})

// simulator is a made-up Microsoft in a process of its own.
type simulator struct {
	t    testing.TB
	base string
	http *http.Client
}

// startSimulator runs it until the test ends.
func startSimulator(t testing.TB, settings ...string) *simulator {
	t.Helper()
	binary, err := simulatorBinary()
	require.NoError(t, err)
	process := exec.Command(binary)
	process.Env = append(os.Environ(), append([]string{
		"ENTRASYNC_SIMULATOR_LISTEN=127.0.0.1:0", "ENTRASYNC_SIMULATOR_FLEET=small",
		"ENTRASYNC_SIMULATOR_CLIENT_ID=" + clientID, "ENTRASYNC_SIMULATOR_CLIENT_SECRET=" + clientSecret,
		"ENTRASYNC_SIMULATOR_REDIRECT_URIS=" + redirectURI,
	}, settings...)...)
	out, err := process.StdoutPipe()
	require.NoError(t, err)
	process.Stderr = os.Stderr
	require.NoError(t, process.Start())
	t.Cleanup(func() {
		_ = process.Process.Signal(syscall.SIGTERM)
		_ = process.Wait()
	})
	line, err := bufio.NewReader(out).ReadString('\n')
	require.NoError(t, err)
	address, ok := strings.CutPrefix(strings.TrimSpace(line), "listening on ")
	require.True(t, ok, line)
	return &simulator{t: t, base: "http://" + address, http: &http.Client{
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// admin calls the simulator's own interface; into may be nil.
func (s *simulator) admin(method, path string, body, into any) {
	s.t.Helper()
	var reader io.Reader
	if body != nil {
		encoded, err := json.Marshal(body)
		require.NoError(s.t, err)
		reader = bytes.NewReader(encoded)
	}
	req, err := http.NewRequestWithContext(s.t.Context(), method, s.base+"/admin/"+path, reader)
	require.NoError(s.t, err)
	resp, err := s.http.Do(req)
	require.NoError(s.t, err)
	defer func() { _ = resp.Body.Close() }()
	raw, err := io.ReadAll(resp.Body)
	require.NoError(s.t, err)
	require.Less(s.t, resp.StatusCode, 300, "%s %s: %s", method, path, raw)
	if into != nil {
		require.NoError(s.t, json.Unmarshal(raw, into))
	}
}

// consent goes where the browser goes and gives the query that Microsoft sends
// it back with.
func (s *simulator) consent(authorizeURL string) url.Values {
	s.t.Helper()
	req, err := http.NewRequestWithContext(s.t.Context(), http.MethodGet, authorizeURL, nil)
	require.NoError(s.t, err)
	resp, err := s.http.Do(req)
	require.NoError(s.t, err)
	defer func() { _ = resp.Body.Close() }()
	body, _ := io.ReadAll(resp.Body)
	require.Equal(s.t, http.StatusFound, resp.StatusCode, "%s", body)
	location, err := url.Parse(resp.Header.Get("Location"))
	require.NoError(s.t, err)
	require.Equal(s.t, redirectURI, location.Scheme+"://"+location.Host+location.Path)
	return location.Query()
}

// requests counts what reached a route, by tenant when one is named.
func (s *simulator) requests(route, tenant string) int {
	s.t.Helper()
	var answer struct {
		Routes map[string]struct {
			Requests int            `json:"requests"`
			ByTenant map[string]int `json:"byTenant"`
		} `json:"routes"`
	}
	s.admin(http.MethodGet, "requests", nil, &answer)
	if tenant != "" {
		return answer.Routes[route].ByTenant[tenant]
	}
	return answer.Routes[route].Requests
}

// fault orders a misbehaviour.
func (s *simulator) fault(f map[string]any) {
	s.t.Helper()
	s.admin(http.MethodPost, "faults", f, nil)
}

// heal ends all misbehaviour and what it left: a caller that was told to wait
// may come again.
func (s *simulator) heal() {
	s.t.Helper()
	s.admin(http.MethodDelete, "faults", nil, nil)
	s.admin(http.MethodPost, "throttle", map[string]any{}, nil)
}

// directory is a tenant as the simulator holds it.
type directory struct {
	TenantID      string   `json:"tenantId"`
	DisplayName   string   `json:"displayName"`
	DefaultDomain string   `json:"defaultDomain"`
	Domains       []string `json:"domains"`
	Users         int      `json:"users"`
	Partner       bool     `json:"partner"`
	Manageable    bool     `json:"manageable"`
	InContracts   bool     `json:"inContracts"`
}

// directories gives the partner's and the managed tenants.
func (s *simulator) directories() (partner directory, managed []directory) {
	s.t.Helper()
	var answer struct {
		Tenants []directory `json:"tenants"`
	}
	s.admin(http.MethodGet, "fleet", nil, &answer)
	for _, d := range answer.Tenants {
		switch {
		case d.Partner:
			partner = d
		case d.Manageable:
			managed = append(managed, d)
		}
	}
	require.NotEmpty(s.t, managed)
	return partner, managed
}
