package service_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	healthv1 "google.golang.org/grpc/health/grpc_health_v1"

	"github.com/entrasync/entrasync/pkg/rpc"
	"github.com/entrasync/entrasync/pkg/rpc/rpctest"
	"github.com/entrasync/entrasync/pkg/run"
	"github.com/entrasync/entrasync/pkg/service"
)

// program makes the test binary run as a process of ours.
const program = "SERVICE_TEST_PROGRAM"

func TestMain(m *testing.M) {
	if os.Getenv(program) != "" {
		run.Operate("mapping", func(_ context.Context, arguments []string, out io.Writer) error {
			_, err := fmt.Fprintln(out, "operated with "+strings.Join(arguments, " "))
			return err
		})
		service.Main("mapping", config{Config: service.Config{Listen: "127.0.0.1:1", AdminListen: "127.0.0.1:1"}, Said: "default"}, start)
	}
	os.Exit(m.Run())
}

type config struct {
	service.Config
	Said  string `env:"SAID"`
	Signs bool   `env:"SIGNS"`
}

// start wires a process with something of everything and prints what becomes of it.
func start(_ context.Context, s *service.Service, c config) error {
	s.Server()
	s.Uses("database", func(context.Context) error { return nil }, func() { fmt.Println("database closed") })
	var options []rpc.ClientOption
	if c.Signs {
		options = append(options, rpc.WithOriginator(0)) // which the gateway and the worker may alone
	}
	s.Dial("discovery", "127.0.0.1:1", options...)
	s.Go("listener", func(ctx context.Context) error {
		<-ctx.Done()
		fmt.Println("listener stopped")
		return nil
	})
	s.Every("sweeper", time.Hour, func(context.Context) error {
		fmt.Println("swept, said " + c.Said)
		return nil
	})
	if c.Said == "no" {
		return errors.New("it does not want to")
	}
	return nil
}

// process is a running one.
type process struct {
	network       *rpctest.Network
	listen, admin string
	command       *exec.Cmd
	stdout        *bufio.Reader
	stderr        bytes.Buffer
}

// launch starts the process with some variables set otherwise; empty ones are left out.
func launch(t *testing.T, variables map[string]string, arguments ...string) *process {
	t.Helper()
	p := &process{network: rpctest.New(t), listen: rpctest.FreeAddress(t), admin: rpctest.FreeAddress(t)}
	all := map[string]string{
		program: "1", "ENTRASYNC_LISTEN": p.listen, "ENTRASYNC_ADMIN_LISTEN": p.admin,
		"ENTRASYNC_TLS_DIR": p.network.Dir("mapping"), "ENTRASYNC_DRAIN_DELAY": "1ms", "ENTRASYNC_LOG_LEVEL": "error",
	}
	for name, value := range variables {
		all[name] = value
	}
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	t.Cleanup(cancel)
	p.command = exec.CommandContext(ctx, os.Args[0], arguments...)
	for name, value := range all {
		if value != "" {
			p.command.Env = append(p.command.Env, name+"="+value)
		}
	}
	stdout, err := p.command.StdoutPipe()
	require.NoError(t, err)
	p.stdout, p.command.Stderr = bufio.NewReader(stdout), &p.stderr
	require.NoError(t, p.command.Start())
	return p
}

func (p *process) line(t *testing.T) string {
	t.Helper()
	line, err := p.stdout.ReadString('\n')
	require.NoError(t, err, "%s", &p.stderr)
	return strings.TrimSpace(line)
}

// end waits for the end of the process and gives what it still printed.
func (p *process) end(t *testing.T) (rest string, err error) {
	t.Helper()
	out, readErr := io.ReadAll(p.stdout)
	require.NoError(t, readErr)
	return string(out), p.command.Wait()
}

func (p *process) ready(t *testing.T) (status int, body string) {
	t.Helper()
	res, err := http.Get("http://" + p.admin + "/readyz")
	if err != nil {
		return 0, ""
	}
	defer func() { _ = res.Body.Close() }()
	text, err := io.ReadAll(res.Body)
	require.NoError(t, err)
	return res.StatusCode, string(text)
}

func (p *process) await(t *testing.T, status int) (body string) {
	t.Helper()
	require.Eventually(t, func() bool {
		var got int
		got, body = p.ready(t)
		return got == status
	}, time.Minute, 20*time.Millisecond, "%s", &p.stderr)
	return body
}

func (p *process) health(t *testing.T) healthv1.HealthCheckResponse_ServingStatus {
	t.Helper()
	client := healthv1.NewHealthClient(p.network.Dial("gateway", "mapping", p.listen))
	res, err := client.Check(t.Context(), &healthv1.HealthCheckRequest{})
	require.NoError(t, err)
	return res.GetStatus()
}

func TestAProcessServesAndEndsInOrder(t *testing.T) {
	t.Parallel()
	p := launch(t, nil)
	require.Equal(t, "swept, said default", p.line(t))
	require.Contains(t, p.await(t, http.StatusOK), `"database":"ok"`)
	require.Equal(t, healthv1.HealthCheckResponse_SERVING, p.health(t))
	res, err := http.Get("http://" + p.admin + "/metrics")
	require.NoError(t, err)
	require.NoError(t, res.Body.Close())
	require.Equal(t, http.StatusOK, res.StatusCode)
	require.NoError(t, p.command.Process.Signal(syscall.SIGTERM))
	rest, err := p.end(t)
	require.NoError(t, err, "%s", &p.stderr)
	require.Equal(t, "listener stopped\ndatabase closed\n", rest)
	require.Empty(t, p.stderr.String())
}

func TestACommandOfAnOperatorStandsInForTheProcess(t *testing.T) {
	t.Parallel()
	p := launch(t, nil, "effects", "dead")
	rest, err := p.end(t)
	require.NoError(t, err, "%s", &p.stderr)
	require.Equal(t, "operated with effects dead\n", rest)
}

func TestADrainingProcessIsNotReadyAndStillServes(t *testing.T) {
	t.Parallel()
	p := launch(t, map[string]string{"ENTRASYNC_DRAIN_DELAY": "1h"})
	p.await(t, http.StatusOK)
	require.NoError(t, p.command.Process.Signal(syscall.SIGTERM))
	require.Contains(t, p.await(t, http.StatusServiceUnavailable), `"accepting":"failing"`)
	require.Equal(t, healthv1.HealthCheckResponse_NOT_SERVING, p.health(t), "it answers, and sends callers elsewhere")
	// A second signal does not wait.
	require.NoError(t, p.command.Process.Signal(syscall.SIGTERM))
	_, err := p.end(t)
	var exit *exec.ExitError
	require.ErrorAs(t, err, &exit)
	require.Equal(t, syscall.SIGTERM, exit.Sys().(syscall.WaitStatus).Signal())
}

func TestAProcessThatCannotStartSaysWhyAndCleansUp(t *testing.T) {
	t.Parallel()
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = taken.Close() })
	for name, c := range map[string]struct {
		variable, value string
		says            string
		rest            string
	}{
		"a variable is missing":    {"ENTRASYNC_TLS_DIR", "", "ENTRASYNC_TLS_DIR", ""},
		"the level of logs":        {"ENTRASYNC_LOG_LEVEL", "loud", "loud", ""},
		"there is no certificate":  {"ENTRASYNC_TLS_DIR", "/nowhere", "/nowhere", ""},
		"the address is taken":     {"ENTRASYNC_LISTEN", taken.Addr().String(), "address already in use", "database closed\n"},
		"the admin port is taken":  {"ENTRASYNC_ADMIN_LISTEN", taken.Addr().String(), "address already in use", "database closed\n"},
		"a peer cannot be dialled": {"SIGNS", "true", "reaching discovery", "database closed\n"},
		"start returns an error":   {"SAID", "no", "it does not want to", "database closed\n"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := launch(t, map[string]string{c.variable: c.value})
			rest, err := p.end(t)
			var exit *exec.ExitError
			require.ErrorAs(t, err, &exit)
			require.Equal(t, 1, exit.ExitCode())
			require.Contains(t, p.stderr.String(), "mapping: ")
			require.Contains(t, p.stderr.String(), c.says)
			require.Equal(t, 1, strings.Count(p.stderr.String(), c.says), "it is said once: %s", &p.stderr)
			require.Equal(t, c.rest, rest)
		})
	}
}

// A process such as the gateway answers readiness on a listener of its own.
func TestReadyForAServerOfItsOwn(t *testing.T) {
	t.Parallel()
	down := errors.New("down")
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	err := service.Run(ctx, "gateway", service.Config{TLSDir: rpctest.New(t).Dir("gateway"), AdminListen: "127.0.0.1:0", LogLevel: "error"},
		func(ctx context.Context, s *service.Service, _ service.Config) error {
			require.NoError(t, s.Ready(ctx))
			s.Check(run.Check{Name: "secrets", Degrades: true, Test: func(context.Context) error { return down }})
			require.NoError(t, s.Ready(ctx), "it still serves")
			s.Check(run.Check{Name: "database", Test: func(context.Context) error { return down }})
			require.ErrorIs(t, s.Ready(ctx), down)
			stop()
			return nil
		})
	require.NoError(t, err)
}
