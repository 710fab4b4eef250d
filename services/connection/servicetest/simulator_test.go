package servicetest

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/entrasync/entrasync/services/connection/internal/assembly"
)

const (
	clientID     = "5e11aa00-0000-4000-8000-000000000001"
	clientSecret = "a-client-secret-of-the-tests"
	publicURL    = "http://localhost:8080"
	redirectURI  = publicURL + assembly.CallbackPath
)

// simulators is the process in which every test has a simulator of its own; TestMain
// ends it.
var simulators simulatorProcess

func TestMain(m *testing.M) {
	together()
	code := m.Run()
	simulators.end()
	os.Exit(code)
}

// atLeast is how many tests run at once on a small machine: most of them wait most of the time, for
// the pauses between tries and for as long as Microsoft says.
const atLeast = 8

// together has that many tests run at once, unless -parallel says otherwise.
func together() {
	flag.Parse()
	given := false
	flag.Visit(func(f *flag.Flag) { given = given || f.Name == "test.parallel" })
	if given || runtime.GOMAXPROCS(0) >= atLeast {
		return
	}
	if err := flag.Set("test.parallel", strconv.Itoa(atLeast)); err != nil {
		panic(err)
	}
}

// simulatorProcess is the simulator's program, built and started when the first test
// needs it.
type simulatorProcess struct {
	once    sync.Once
	err     error
	folder  string // of the binary
	command *exec.Cmd
	base    string // of its control
}

// start returns the address of its control.
func (p *simulatorProcess) start() (string, error) {
	p.once.Do(func() { p.err = p.run() })
	return p.base, p.err
}

func (p *simulatorProcess) run() (err error) {
	if p.folder, err = os.MkdirTemp("", "entrasync-connection-test-"); err != nil {
		return err
	}
	binary := filepath.Join(p.folder, "simulator")
	if out, err := exec.Command("go", "build", "-C", "../../../deploy", "-o", binary, "./simulator").CombinedOutput(); err != nil {
		return fmt.Errorf("building the simulator: %w\n%s", err, out)
	}
	command := exec.Command(binary)
	command.Env = append(os.Environ(), "ENTRASYNC_SIMULATOR_CONTROL=127.0.0.1:0")
	command.Stderr = os.Stderr
	out, err := command.StdoutPipe()
	if err != nil {
		return err
	}
	if err := command.Start(); err != nil {
		return fmt.Errorf("starting the simulator: %w", err)
	}
	p.command = command
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		return fmt.Errorf("the simulator did not start: %w", err)
	}
	address, ok := strings.CutPrefix(strings.TrimSpace(line), "control listening on ")
	if !ok {
		return fmt.Errorf("the simulator said %q", line)
	}
	p.base = "http://" + address
	return nil
}

// end ends it, with all simulators, and removes its binary.
func (p *simulatorProcess) end() {
	if p.command != nil {
		_ = p.command.Process.Signal(syscall.SIGTERM)
		_ = p.command.Wait()
	}
	if p.folder != "" {
		_ = os.RemoveAll(p.folder)
	}
}

// simulator is a simulated Microsoft of the test's own.
type simulator struct {
	t    testing.TB
	base string
	http *http.Client
}

// startSimulator runs one of a small fleet until the test ends.
func startSimulator(t testing.TB) *simulator {
	t.Helper()
	return startFleet(t, "small")
}

// startFleet runs a simulator of a fleet of that size.
func startFleet(t testing.TB, fleet string) *simulator {
	t.Helper()
	control, err := simulators.start()
	require.NoError(t, err)
	variables := map[string]string{
		"LISTEN": "127.0.0.1:0", "FLEET": fleet,
		"CLIENT_ID": clientID, "CLIENT_SECRET": clientSecret, "REDIRECT_URIS": redirectURI,
	}
	s := &simulator{t: t, http: &http.Client{
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
	var started struct {
		Address string `json:"address"`
	}
	s.call(t.Context(), http.MethodPost, control+"/instances", variables, &started)
	s.base = "http://" + started.Address
	t.Cleanup(func() {
		s.call(context.WithoutCancel(t.Context()), http.MethodDelete, control+"/instances/"+started.Address, nil, nil)
	})
	return s
}

// admin calls the simulator's own interface; into may be nil.
func (s *simulator) admin(method, path string, body, into any) {
	s.t.Helper()
	s.call(s.t.Context(), method, s.base+"/admin/"+path, body, into)
}

// call sends JSON, if there is a body, and reads it into what is not nil.
func (s *simulator) call(ctx context.Context, method, address string, body, into any) {
	s.t.Helper()
	var reader io.Reader
	if body != nil {
		encoded, err := json.Marshal(body)
		require.NoError(s.t, err)
		reader = bytes.NewReader(encoded)
	}
	req, err := http.NewRequestWithContext(ctx, method, address, reader)
	require.NoError(s.t, err)
	resp, err := s.http.Do(req)
	require.NoError(s.t, err)
	defer func() { _ = resp.Body.Close() }()
	raw, err := io.ReadAll(resp.Body)
	require.NoError(s.t, err)
	require.Less(s.t, resp.StatusCode, 300, "%s %s: %s", method, address, raw)
	if into != nil {
		require.NoError(s.t, json.Unmarshal(raw, into))
	}
}

// consent goes where the browser goes and returns the query that Microsoft sends
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

// heal ends all misbehaviour and what it left: a caller that had to wait
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

// directories returns the partner's and the managed tenants.
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
