package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"

	"github.com/entrasync/entrasync/deploy/internal/program"
)

// service is a listener and the handler that answers on it.
type service struct {
	name, address string
	handler       http.Handler
	// cert and key are the files of TLS; without them it is plain HTTP.
	cert, key string
}

// serve runs the services until the context or one of them ends.
func serve(ctx context.Context, services []service, out io.Writer) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	ended := make(chan error, len(services))
	for i, each := range services {
		listener, err := each.listen()
		if err != nil {
			stop()
			for range i {
				err = errors.Join(err, <-ended)
			}
			return err
		}
		go func() { ended <- program.Serve(ctx, listener, each.handler) }()
		if _, err := fmt.Fprintf(out, "%s on %s\n", each.name, listener.Addr()); err != nil {
			return err
		}
	}
	var errs []error
	for range services {
		errs = append(errs, <-ended)
		stop()
	}
	return errors.Join(errs...)
}

func (s service) listen() (net.Listener, error) {
	listener, err := net.Listen("tcp", s.address)
	if err != nil || s.cert == "" && s.key == "" {
		return listener, err
	}
	pair, err := tls.LoadX509KeyPair(s.cert, s.key)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("the certificate of %s: %w", s.address, err), listener.Close())
	}
	return tls.NewListener(listener, &tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12, NextProtos: []string{"http/1.1"}}), nil
}
