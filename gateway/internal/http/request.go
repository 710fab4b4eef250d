package http

import (
	"errors"
	"io"
	"net/http"

	"github.com/entrasync/entrasync/gateway/internal/access"
)

// newRequest reads a request; answer is the header of the answer to it.
func newRequest(r *http.Request, id, remote string, answer http.Header) *access.Request {
	return &access.Request{
		ID: id, RemoteAddr: remote, Headers: answer,
		Authorization:  r.Header.Get("Authorization"),
		PlatformKey:    r.Header.Get("X-Api-Key"),
		IdempotencyKey: r.Header.Get("Idempotency-Key"),
		Length:         r.ContentLength,
		Encoded:        r.Header.Get("Content-Encoding") != "" || r.Header.Get("Grpc-Encoding") != "",
	}
}

// limitBody bounds a body, and notes when it goes over: the decoders' errors do not
// always tell.
func limitBody(w http.ResponseWriter, body io.ReadCloser, limit int64, r *access.Request) io.ReadCloser {
	return &limited{ReadCloser: http.MaxBytesReader(w, body, limit), in: r}
}

type limited struct {
	io.ReadCloser
	in *access.Request
}

// Read reads up to the limit.
func (l *limited) Read(p []byte) (int, error) {
	n, err := l.ReadCloser.Read(p)
	if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
		l.in.TooLarge.Store(true)
	}
	return n, err
}
