// Package inbound is what the edge knows of one HTTP request, whatever the
// protocol on it: what the checks read of it, and what the access log says of it.
package inbound

import (
	"errors"
	"io"
	"net/http"
	"sync/atomic"
)

// Request is one HTTP request. Nothing else of its headers goes further in.
type Request struct {
	ID             string // made here, or the caller's when well formed
	RemoteAddr     string // the peer's IP address
	Authorization  string
	PlatformKey    string // of the header x-api-key
	IdempotencyKey string
	Length         int64       // of the body, in bytes; -1 where it is not known
	Encoded        bool        // compressed, or in frames that may be
	TooLarge       atomic.Bool // the body went over the limit while it was read

	answer http.Header

	// What is known when the request ends, for the access log.
	Procedure string
	Tenant    string
	Code      string // the stable reason of the refusal, empty for success
}

// New reads a request; answer is the header of the answer to it.
func New(r *http.Request, id, remote string, answer http.Header) *Request {
	return &Request{
		ID: id, RemoteAddr: remote, answer: answer,
		Authorization:  r.Header.Get("Authorization"),
		PlatformKey:    r.Header.Get("X-Api-Key"),
		IdempotencyKey: r.Header.Get("Idempotency-Key"),
		Length:         r.ContentLength,
		Encoded:        r.Header.Get("Content-Encoding") != "" || r.Header.Get("Grpc-Encoding") != "",
	}
}

// Frame is what gRPC may add to a message, with some room.
const Frame = 1 << 10

// Bytes is how many bytes the request may have in memory once it is read, under a
// method's limit.
func (r *Request) Bytes(limit int64) int64 {
	if r.Length < 0 || r.Encoded {
		return limit
	}
	return min(r.Length, limit)
}

// Answer sets a header of the answer, on every protocol.
func (r *Request) Answer(name, value string) {
	if r.answer != nil {
		r.answer.Set(name, value)
	}
}

// Limit bounds a body, and notes when it goes over: the decoders' errors do not
// always tell.
func Limit(w http.ResponseWriter, body io.ReadCloser, limit int64, r *Request) io.ReadCloser {
	return &limited{ReadCloser: http.MaxBytesReader(w, body, limit), in: r}
}

type limited struct {
	io.ReadCloser
	in *Request
}

// Read reads up to the limit.
func (l *limited) Read(p []byte) (int, error) {
	n, err := l.ReadCloser.Read(p)
	if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
		l.in.TooLarge.Store(true)
	}
	return n, err
}
