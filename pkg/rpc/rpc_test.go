package rpc_test

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	healthv1 "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/dynamicpb"
	"pgregory.net/rapid"

	"github.com/entrasync/entrasync/pkg/errs"
	"github.com/entrasync/entrasync/pkg/rpc"
	"github.com/entrasync/entrasync/pkg/rpc/rpctest"
	"github.com/entrasync/entrasync/pkg/tenant"
)

func reasonOf(err error) string { return errs.ReasonOf(err) }

func acme(ctx context.Context) context.Context {
	return tenant.With(ctx, tenant.Call{Tenant: "acme", Actor: tenant.Actor{ID: "u1", Type: "user"}, Run: "r1", Session: "s1"})
}

func TestTheGatewayCallsForATenant(t *testing.T) {
	t.Parallel()
	var noticed noted[tenant.Call]
	var request noted[string]
	b := setup(t, func(ctx context.Context, text string) (string, error) {
		call, err := tenant.From(ctx)
		noticed.set(call)
		request.set(rpc.RequestID(ctx))
		return text, err
	})
	answer, err := call(rpc.WithRequestID(acme(t.Context()), "req-1"), b.from("gateway"), publicMethod, "hi")
	require.NoError(t, err)
	require.Equal(t, "hi", answer)
	require.Equal(t, "req-1", request.get())
	got := noticed.get()
	require.False(t, got.Expires.IsZero())
	got.Expires = time.Time{}
	want, err := tenant.From(acme(t.Context()))
	require.NoError(t, err)
	require.Equal(t, want, got)
}

func TestCallersAreRefusedUnlessListed(t *testing.T) {
	t.Parallel()
	n := rpctest.New(t)
	var served noted[bool]
	register := on(func(context.Context, string) (string, error) { served.set(true); return "", nil })
	address := n.Serve("connection", register)
	for _, c := range []struct{ from, method string }{
		{"mapping", publicMethod},
		{"worker", publicMethod},
		{"worker", innerMethod},
		{"gateway", innerMethod},
		{"gateway", freeMethod},
		{"reconciliation", innerMethod},
		{"gateway", "/entrasync.test.v1.Probe/Missing"},
	} {
		_, err := call(acme(t.Context()), n.Dial(c.from, "connection", address), c.method, "")
		if strings.HasSuffix(c.method, "Missing") {
			require.Equal(t, errs.Unimplemented, errs.KindOf(err))
			continue
		}
		requireReason(t, err, "caller_refused")
		require.Equal(t, errs.Denied, errs.KindOf(err))
	}
	require.False(t, served.get())
	require.Equal(t, []string{"discovery", "mapping"}, rpc.Callers(innerMethod))
	require.Equal(t, []string{"gateway"}, rpc.Callers(publicMethod))
}

func TestAMethodWithoutPolicyIsRefused(t *testing.T) {
	t.Parallel()
	n := rpctest.New(t)
	server := rpc.NewServer(n.Identity("connection"))
	forgotten(server)
	require.ErrorContains(t, rpc.CheckPolicies(server.Server), nothingMethod)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(listener) }() // past the check at the start
	for _, from := range []string{"gateway", "worker"} {
		_, err := call(acme(t.Context()), n.Dial(from, "connection", listener.Addr().String()), nothingMethod, "")
		requireReason(t, err, "caller_refused")
	}
	server.Stop()
	require.NoError(t, <-ended)

	second := rpc.NewServer(n.Identity("connection"))
	forgotten(second)
	listener, err = net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	require.ErrorContains(t, second.On("connection", listener).Serve(t.Context()), "has no policy")
}

func TestCertificates(t *testing.T) {
	t.Parallel()
	b := setup(t, echo)
	invoke := func(creds credentials.TransportCredentials) error {
		conn, err := grpc.NewClient(b.address, grpc.WithTransportCredentials(creds))
		require.NoError(t, err)
		defer func() { _ = conn.Close() }()
		_, err = healthv1.NewHealthClient(conn).Check(t.Context(), &healthv1.HealthCheckRequest{})
		return err
	}
	require.Equal(t, codes.Unavailable, status.Code(invoke(insecure.NewCredentials())), "no TLS")
	require.Equal(t, codes.Unavailable, status.Code(invoke(credentials.NewTLS(&tls.Config{InsecureSkipVerify: true}))), "no certificate")
	stranger, err := tls.LoadX509KeyPair(pair(rpctest.New(t).Dir("gateway")))
	require.NoError(t, err)
	require.Equal(t, codes.Unavailable, status.Code(invoke(credentials.NewTLS(&tls.Config{
		InsecureSkipVerify: true, Certificates: []tls.Certificate{stranger},
	}))), "a certificate of another authority")
	own, err := tls.LoadX509KeyPair(pair(b.Dir("gateway")))
	require.NoError(t, err)
	require.Equal(t, codes.Unavailable, status.Code(invoke(credentials.NewTLS(&tls.Config{
		InsecureSkipVerify: true, Certificates: []tls.Certificate{own}, MaxVersion: tls.VersionTLS12,
	}))), "an old TLS")

	_, err = call(acme(t.Context()), b.Dial("gateway", "mapping", b.address), publicMethod, "")
	require.Equal(t, errs.Unavailable, errs.KindOf(err), "the server is not the service that was meant")
	health, err := healthv1.NewHealthClient(b.from("reconciliation")).Check(t.Context(), &healthv1.HealthCheckRequest{})
	require.NoError(t, err, "health is open to every certificate")
	require.Equal(t, healthv1.HealthCheckResponse_SERVING, health.GetStatus())
}

func pair(dir string) (cert, key string) {
	return filepath.Join(dir, "tls.crt"), filepath.Join(dir, "tls.key")
}

func TestRenewedCertificatesAreTakenUp(t *testing.T) {
	t.Parallel()
	n := rpctest.New(t)
	dir := n.Dir("connection")
	identity, err := rpc.LoadIdentity(dir)
	require.NoError(t, err)
	before := identity.Leaf().SerialNumber
	require.NoError(t, os.WriteFile(filepath.Join(dir, "tls.key"), []byte("half"), 0o600))
	require.Equal(t, before, identity.Leaf().SerialNumber, "the old one holds while files are being written")
	n.Write(dir, "connection")
	require.NotEqual(t, before, identity.Leaf().SerialNumber)

	_, err = rpc.LoadIdentity(n.Dir("Not A Name"))
	require.ErrorContains(t, err, "names no service")
	_, err = rpc.LoadIdentity(t.TempDir())
	require.Error(t, err)
}

func TestTheContextIsForwarded(t *testing.T) {
	t.Parallel()
	n := rpctest.New(t)
	var seen noted[tenant.Call]
	var received noted[metadata.MD]
	inner := n.Serve("connection", on(func(ctx context.Context, text string) (string, error) {
		incoming, _ := metadata.FromIncomingContext(ctx)
		received.set(incoming)
		call, err := tenant.From(ctx)
		seen.set(call)
		return text + "!", err
	}))
	onward := n.Dial("mapping", "connection", inner)
	outer := n.Serve("mapping", on(func(ctx context.Context, text string) (string, error) {
		return call(metadata.AppendToOutgoingContext(ctx, "smuggled", "x"), onward, innerMethod, text)
	}))
	ctx := metadata.AppendToOutgoingContext(acme(t.Context()), "authorization", "Bearer secret", "entrasync-context", "forged")
	answer, err := call(ctx, n.Dial("gateway", "mapping", outer), publicMethod, "hi")
	require.NoError(t, err)
	require.Equal(t, "hi!", answer)
	require.Equal(t, tenant.ID("acme"), seen.get().Tenant)
	incoming := received.get()
	require.Empty(t, incoming.Get("authorization"), "metadata is built from nothing")
	require.Empty(t, incoming.Get("smuggled"))
	require.Len(t, incoming.Get("entrasync-context"), 1)

	_, err = call(acme(t.Context()), onward, innerMethod, "hi")
	requireReason(t, err, "context_missing") // a service forwards, it does not state
	_, err = rpc.Dial(n.Identity("mapping"), "connection", inner, rpc.WithOriginator(0))
	require.Error(t, err)
}

func TestCallsWithoutATenant(t *testing.T) {
	t.Parallel()
	b := setup(t, func(ctx context.Context, text string) (string, error) {
		_, err := tenant.IDFrom(ctx)
		return errs.ReasonOf(err), nil
	})
	_, err := call(t.Context(), b.from("gateway"), publicMethod, "")
	requireReason(t, err, "context_missing")
	_, err = call(tenant.With(t.Context(), tenant.Call{Actor: tenant.Actor{ID: "u1"}}), b.from("gateway"), publicMethod, "")
	requireReason(t, err, "tenant_missing")

	reason, err := call(t.Context(), b.from("worker"), freeMethod, "")
	require.NoError(t, err)
	require.Equal(t, "tenant_missing", reason)
	reason, err = call(acme(t.Context()), b.from("worker"), freeMethod, "")
	require.NoError(t, err)
	require.Empty(t, reason, "a tenant that is stated is there")
}

func TestTokensExpire(t *testing.T) {
	t.Parallel()
	b := setup(t, echo)
	past := func() time.Time { return time.Now().Add(-time.Hour) }
	future := func() time.Time { return time.Now().Add(time.Hour) }
	ctx, cancel := context.WithTimeout(acme(t.Context()), time.Minute)
	defer cancel()
	_, err := call(ctx, b.Dial("gateway", "connection", b.address, rpc.WithClientClock(past)), publicMethod, "")
	requireReason(t, err, "context_expired")
	require.Equal(t, errs.Unauthenticated, errs.KindOf(err))
	_, err = call(ctx, b.Dial("gateway", "connection", b.address, rpc.WithClientClock(future)), publicMethod, "")
	requireReason(t, err, "context_invalid")
}

func TestStreams(t *testing.T) {
	t.Parallel()
	b := setup(t, func(ctx context.Context, text string) (string, error) {
		if text == "stop" {
			return "", errs.New(errs.Conflict, "stopped", "It stopped.")
		}
		id, err := tenant.IDFrom(ctx)
		return string(id), err
	})
	open := func(ctx context.Context, from string) grpc.ClientStream {
		stream, err := b.from(from).NewStream(ctx, &grpc.StreamDesc{ServerStreams: true, ClientStreams: true}, watchMethod)
		require.NoError(t, err)
		return stream
	}
	exchange := func(stream grpc.ClientStream, text string) (string, error) {
		if err := stream.SendMsg(note(text)); err != nil {
			require.ErrorIs(t, err, io.EOF) // refused already: RecvMsg says why
		}
		out := dynamicpb.NewMessage(noteType())
		err := stream.RecvMsg(out)
		return textOf(out), err
	}
	stream := open(acme(t.Context()), "worker")
	got, err := exchange(stream, "x")
	require.NoError(t, err)
	require.Equal(t, "acme", got)
	_, err = exchange(stream, "stop")
	requireReason(t, err, "stopped")

	_, err = exchange(open(acme(t.Context()), "worker"), "longer than ten")
	requireReason(t, err, "request_invalid")
	_, err = exchange(open(acme(t.Context()), "gateway"), "x")
	requireReason(t, err, "caller_refused")
	_, err = exchange(open(t.Context(), "worker"), "x")
	requireReason(t, err, "context_missing")

	stream = open(acme(t.Context()), "worker")
	require.NoError(t, stream.CloseSend())
	require.Equal(t, io.EOF, stream.RecvMsg(dynamicpb.NewMessage(noteType())))
}

func TestDeadlines(t *testing.T) {
	t.Parallel()
	var noticed noted[time.Duration]
	b := setup(t, func(ctx context.Context, text string) (string, error) {
		deadline, ok := ctx.Deadline()
		noticed.set(time.Until(deadline))
		if !ok {
			return "", errors.New("no deadline")
		}
		if text == "wait" {
			<-ctx.Done()
			return "", ctx.Err()
		}
		return text, nil
	})
	conn := b.from("gateway")
	_, err := call(acme(t.Context()), conn, publicMethod, "")
	require.NoError(t, err)
	left := noticed.get()
	require.Greater(t, left, rpc.DefaultDeadline/2)
	require.Less(t, left, rpc.DefaultDeadline)

	ctx, cancel := context.WithTimeout(acme(t.Context()), 10*time.Second) // shorter than the default, on any machine
	defer cancel()
	_, err = call(ctx, conn, publicMethod, "")
	require.NoError(t, err)
	require.Less(t, noticed.get(), 10*time.Second-20*time.Millisecond, "the work ends before the caller gives up")

	ctx, cancel = context.WithTimeout(acme(t.Context()), 200*time.Millisecond)
	defer cancel()
	_, err = call(ctx, conn, publicMethod, "wait")
	require.Equal(t, errs.Deadline, errs.KindOf(err))
}

func TestGracefulStop(t *testing.T) {
	t.Parallel()
	n := rpctest.New(t)
	entered, release := make(chan struct{}), make(chan struct{})
	server := rpc.NewServer(n.Identity("connection"))
	on(func(_ context.Context, text string) (string, error) {
		close(entered)
		<-release
		return text, nil
	})(server)
	listener, err := net.Listen("tcp", rpctest.FreeAddress(t)) // nobody else takes it when it is closed
	require.NoError(t, err)
	running := server.On("connection", listener)
	ended := make(chan error, 1)
	go func() { ended <- running.Serve(t.Context()) }()
	conn := n.Dial("gateway", "connection", listener.Addr().String())
	answered := make(chan error, 1)
	go func() {
		_, err := call(acme(t.Context()), conn, publicMethod, "hi")
		answered <- err
	}()
	<-entered
	stopped := make(chan error, 1)
	go func() { stopped <- running.Stop(t.Context()) }()
	require.Eventually(t, func() bool { // stopping has begun: nobody new gets in
		late, err := net.Dial("tcp", listener.Addr().String())
		if err == nil {
			_ = late.Close()
		}
		return err != nil
	}, time.Minute, 5*time.Millisecond)
	close(release)
	require.NoError(t, <-answered, "the call under way is finished")
	require.NoError(t, <-stopped)
	require.NoError(t, <-ended)
}

func TestAPortInUseFailsTheStart(t *testing.T) {
	t.Parallel()
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer taken.Close()
	server := rpc.NewServer(rpctest.New(t).Identity("connection"))
	_, err = server.Listen(t.Context(), taken.Addr().String())
	require.ErrorContains(t, err, "listening")
}

func TestReflectionIsASetting(t *testing.T) {
	t.Parallel()
	n := rpctest.New(t)
	for on, want := range map[bool]codes.Code{true: codes.OK, false: codes.Unimplemented} {
		server := rpc.NewServer(n.Identity("connection"), rpc.WithReflection(on))
		_, there := server.GetServiceInfo()["grpc.reflection.v1.ServerReflection"]
		require.Equal(t, want == codes.OK, there)
		require.NoError(t, rpc.CheckPolicies(server.Server))
	}
}

func TestRequestIDsAreWellFormed(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		given := rapid.String().Draw(t, "id")
		got := rpc.RequestID(rpc.WithRequestID(context.Background(), given))
		require.Regexp(t, `\A[A-Za-z0-9_.:-]{1,128}\z`, got)
	})
}
