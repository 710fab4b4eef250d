// Package inbound is what the edge knows of one HTTP request, whatever the
// protocol on it: what the checks read of it, and what the access log says of it.
package inbound

import (
	"context"
	"net/http"
	"net/url"
	"sync/atomic"
)

// Request is one HTTP request. Nothing else of its headers goes further in.
type Request struct {
	ID             string // made here, or the caller's when well formed
	RemoteAddr     string // the peer's IP address
	Authorization  string
	PlatformKey    string // of the header x-api-key
	IdempotencyKey string
	ContentType    string
	Traceparent    string
	Tracestate     string
	Query          url.Values
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
		ContentType:    r.Header.Get("Content-Type"),
		Traceparent:    r.Header.Get("Traceparent"),
		Tracestate:     r.Header.Get("Tracestate"),
		Query:          r.URL.Query(),
	}
}

// Answer sets a header of the answer, on every protocol.
func (r *Request) Answer(name, value string) {
	if r.answer != nil {
		r.answer.Set(name, value)
	}
}

type key struct{}

// With returns a context that carries the request.
func With(ctx context.Context, r *Request) context.Context {
	return context.WithValue(ctx, key{}, r)
}

// From gives the request; an empty one, which no check lets through, outside of
// a request.
func From(ctx context.Context) *Request {
	if r, ok := ctx.Value(key{}).(*Request); ok {
		return r
	}
	return &Request{}
}
