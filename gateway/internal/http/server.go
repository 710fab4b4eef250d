package http

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/entrasync/entrasync/pkg/run"
)

// Times of the public listener. A client that sends slowly is disconnected; the whole
// request with the longest method fits.
const (
	readHeader = 10 * time.Second
	readAll    = 60 * time.Second
	writeAll   = 150 * time.Second
	idle       = 2 * time.Minute
	maxHeader  = 64 << 10
)

// Listen opens the address and serves HTTP/1.1 and HTTP/2 without TLS on it.
func Listen(ctx context.Context, address string, handler http.Handler) (run.Server, error) {
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", address)
	if err != nil {
		return run.Server{}, fmt.Errorf("listening: %w", err)
	}
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	protocols.SetUnencryptedHTTP2(true)
	server := &http.Server{
		Handler: handler, Protocols: protocols, ReadHeaderTimeout: readHeader, ReadTimeout: readAll,
		WriteTimeout: writeAll, IdleTimeout: idle, MaxHeaderBytes: maxHeader,
	}
	return run.Serving("http", listener, server), nil
}
