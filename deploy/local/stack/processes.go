package stack

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"

	"github.com/entrasync/entrasync/deploy/local/internal/child"
	"github.com/entrasync/entrasync/deploy/local/internal/file"
	"github.com/entrasync/entrasync/deploy/local/internal/ports"
	"github.com/entrasync/entrasync/deploy/local/internal/supervisor"
)

// The app registration that the simulator knows from the start.
const (
	consoleClientID       = "entrasync-console"
	simulatorClientID     = "5e11aa00-0000-4000-8000-000000000001"
	simulatorClientSecret = "simulated-client-secret"
	// hostPage is where tests serve the page of a host application that shows the console in a frame.
	hostPage = "http://localhost:9600"
)

// processes is the whole system, each process after those it needs.
func (s *Stack) processes() ([]supervisor.Process, error) {
	list := s.foundation()
	list = append(list, s.outside()...)
	for _, svc := range services {
		process, err := s.process(svc, svc.name, s.options.Ports)
		if err != nil {
			return nil, err
		}
		list = append(list, process)
		if !slices.Contains(s.options.Twice, svc.name) {
			continue
		}
		if process, err = s.process(svc, svc.name+"-2", s.options.SecondPorts); err != nil {
			return nil, err
		}
		list = append(list, process)
	}
	list = s.leaveOut(list)
	for i := range list {
		version, err := version(list[i].Spec, list[i].Version)
		if err != nil {
			return nil, err
		}
		list[i].Version = version
	}
	return list, nil
}

// process is one replica of a service.
func (s *Stack) process(svc service, name string, own Ports) (supervisor.Process, error) {
	env, err := s.environ(svc, own)
	return supervisor.Process{
		Name: name, After: svc.after,
		Spec:  child.Spec{Path: cmp.Or(s.options.Programs[svc.name], filepath.Join(s.layout.Bin(), svc.name)), Env: env, Dir: s.layout.State},
		Ready: get(readiness(svc, own)),
	}, err
}

func readiness(svc service, own Ports) string {
	return "http://" + ports.Addr(svc.admin(own)) + "/readyz"
}

// Readiness lists the addresses at which the services' replicas say whether they
// are ready.
func (s *Stack) Readiness() (addresses []string) {
	for _, svc := range services {
		addresses = append(addresses, readiness(svc, s.options.Ports))
		if slices.Contains(s.options.Twice, svc.name) {
			addresses = append(addresses, readiness(svc, s.options.SecondPorts))
		}
	}
	return addresses
}

// foundation is the databases and Temporal.
func (s *Stack) foundation() []supervisor.Process {
	var list []supervisor.Process
	if s.cluster != nil {
		list = append(list, supervisor.Process{
			Name: "postgres", Spec: s.cluster.Server(), Before: s.cluster.Clean, Ready: s.cluster.Ready,
			Stop: syscall.SIGINT, // "fast": sessions are ended, nothing is lost
		}, supervisor.Process{
			Name: "database", After: []string{"postgres"}, Task: s.createDatabase, Version: s.adminURL,
		})
	}
	// leaveOut drops what is not there with another database.
	needsDatabase := []string{"postgres", "database"}
	return append(list,
		supervisor.Process{Name: "migrate", After: needsDatabase, Task: s.migrate, Version: s.migrateVersion()},
		supervisor.Process{Name: "temporal-schema", After: needsDatabase, Task: s.temporal.Schema, Version: s.temporal.Version()},
		supervisor.Process{Name: "temporal", After: []string{"temporal-schema"}, Spec: s.temporal.Process(), Ready: s.temporal.Ready, Version: s.temporal.Version()},
		supervisor.Process{Name: "temporal-attributes", After: []string{"temporal"}, Task: s.registerAttributes, Version: s.attributesVersion()},
		supervisor.Process{Name: "temporal-ui", After: []string{"temporal"}, Spec: s.temporal.UIProcess(), Ready: get(s.temporal.UIURL() + "/healthz"), Version: s.temporal.Version()},
	)
}

// outside is what stands in for the parties outside: Microsoft and the host
// application's sign-in.
func (s *Stack) outside() []supervisor.Process {
	var list []supervisor.Process
	o := s.options
	if o.OwnDirectory() {
		list = append(list, supervisor.Process{
			Name:  "simulator",
			Spec:  child.Spec{Path: filepath.Join(s.layout.Bin(), "simulator"), Env: s.simulatorEnviron(), Dir: s.layout.State},
			Ready: get("http://" + ports.Addr(o.Ports.Simulator) + "/admin/faults"),
		})
	}
	if o.OwnIssuer() {
		env := overlay(map[string]string{
			"ENTRASYNC_IDENTITY_LISTEN":        ports.Addr(o.Ports.Identity),
			"ENTRASYNC_IDENTITY_ISSUER":        o.identityURL(),
			"ENTRASYNC_IDENTITY_KEY_FILE":      filepath.Join(s.layout.Secrets(), "identity-key.pem"),
			"ENTRASYNC_IDENTITY_AUDIENCE":      o.AuthAudience,
			"ENTRASYNC_IDENTITY_CLIENT_ID":     consoleClientID,
			"ENTRASYNC_IDENTITY_REDIRECT_URIS": o.gatewayURL() + "/auth/callback",
		}, o.Env["identity"])
		list = append(list, supervisor.Process{
			Name:  "identity",
			Spec:  child.Spec{Path: filepath.Join(s.layout.Bin(), "identity"), Env: env, Dir: s.layout.State},
			Ready: get("http://" + ports.Addr(o.Ports.Identity) + "/healthz"),
		})
	}
	return list
}

func (s *Stack) simulatorEnviron() []string {
	o := s.options
	return overlay(map[string]string{
		"ENTRASYNC_SIMULATOR_LISTEN":        ports.Addr(o.Ports.Simulator),
		"ENTRASYNC_SIMULATOR_FLEET":         o.Fleet,
		"ENTRASYNC_SIMULATOR_SEED":          strconv.FormatUint(o.Seed, 10),
		"ENTRASYNC_SIMULATOR_STATE":         filepath.Join(s.layout.Data(), "simulator.json"),
		"ENTRASYNC_SIMULATOR_CLIENT_ID":     simulatorClientID,
		"ENTRASYNC_SIMULATOR_CLIENT_SECRET": simulatorClientSecret,
		"ENTRASYNC_SIMULATOR_REDIRECT_URIS": o.gatewayURL() + "/api/auth/microsoft/entra/callback",
	}, o.Env["simulator"])
}

// leaveOut drops what the options do without, and the waiting of others for it.
func (s *Stack) leaveOut(list []supervisor.Process) []supervisor.Process {
	list = slices.DeleteFunc(list, func(p supervisor.Process) bool { return slices.Contains(s.options.Without, p.Name) })
	there := map[string]bool{}
	for i, p := range list {
		list[i].After = slices.DeleteFunc(slices.Clone(p.After), func(need string) bool { return !there[need] })
		there[p.Name] = true
	}
	return list
}

// overlay adds NAME=value pairs to an environment, later ones winning.
func overlay(env map[string]string, pairs ...[]string) []string {
	for _, list := range pairs {
		for _, pair := range list {
			name, value, _ := strings.Cut(pair, "=")
			env[name] = value
		}
	}
	list := make([]string, 0, len(env))
	for _, name := range slices.Sorted(maps.Keys(env)) {
		list = append(list, name+"="+env[name])
	}
	return list
}

// get is a look at an HTTP address that must answer 2xx.
func get(url string) func(context.Context) error {
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	return func(ctx context.Context) error {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
		if err != nil {
			return err
		}
		res, err := client.Do(req)
		if err != nil {
			return errors.New("does not answer yet")
		}
		defer res.Body.Close()
		said, _ := io.ReadAll(io.LimitReader(res.Body, 300)) // only to tell why
		if res.StatusCode/100 != 2 {
			return fmt.Errorf("%s answers %s: %s", url, res.Status, strings.TrimSpace(string(said)))
		}
		return nil
	}
}

func hash(secret string) string {
	sum := sha256.Sum256([]byte(secret))
	return hex.EncodeToString(sum[:])
}

// version changes when a process would be another one: its program, arguments
// or environment, or what is said in addition.
func version(spec child.Spec, also string) (string, error) {
	h := sha256.New()
	fmt.Fprintln(h, also)
	if spec.Path != "" {
		program, err := programVersion(spec.Path)
		if err != nil {
			return "", err
		}
		fmt.Fprintf(h, "%s %q %q\n", program, spec.Args, spec.Env)
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// programVersion is a digest of our own programs, which are linked anew often,
// and the size and time of the large ones that are not.
func programVersion(path string) (string, error) {
	const small = 100 << 20
	info, err := os.Stat(path)
	if err != nil {
		return "", fmt.Errorf("a program is missing: %w", err)
	}
	written := fmt.Sprint(info.Size(), info.ModTime().UnixNano())
	if info.Size() > small {
		return written, nil
	}
	of := path + " " + written
	if known, found := digests.Load(of); found {
		return known.(string), nil
	}
	digest, err := file.Digest(path)
	if err == nil {
		digests.Store(of, digest)
	}
	return digest, err
}

// digests are those of programs, by path, size and time: several processes run one program, and a process
// that starts several stacks, as a test does, would read all of them for each.
var digests sync.Map
