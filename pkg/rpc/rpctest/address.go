package rpctest

import (
	"net"
	"testing"
)

// FreeAddress is an address of the loopback interface on which nothing listens at the moment.
func FreeAddress(t testing.TB) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	check(t, err)
	check(t, listener.Close())
	return listener.Addr().String()
}
