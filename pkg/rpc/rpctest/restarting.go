package rpctest

import (
	"net"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
)

// Restarting connects to a server of what is registered that has just been started again: it hangs
// up on the first caller and serves the next. Both end with the test. There is no TLS.
func Restarting(t testing.TB, register func(grpc.ServiceRegistrar)) *grpc.ClientConn {
	t.Helper()
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	check(t, err)
	server := grpc.NewServer()
	register(server)
	t.Cleanup(server.Stop)
	go func() {
		if early, err := listener.Accept(); err == nil {
			_ = early.Close()
		}
		_ = server.Serve(listener)
	}()
	conn, err := grpc.NewClient(listener.Addr().String(), grpc.WithTransportCredentials(insecure.NewCredentials()))
	check(t, err)
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}
