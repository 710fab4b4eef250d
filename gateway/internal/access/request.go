package access

import (
	"net/http"
	"sync/atomic"
)

// Request is one HTTP request. Nothing else of its headers goes further in.
type Request struct {
	ID              string // made here, or the caller's when well formed
	RemoteAddr      string // the peer's IP address
	Authorization   string
	Session         string      // the cookie's value
	CSRFToken       string      // of the header x-csrf-token
	Unsafe          bool        // the HTTP method may change something
	CrossSite       bool        // a page of another origin makes a browser send it
	PlatformKey     string      // of the header x-api-key
	IdempotencyKeys []string    // as often as the header is given
	Length          int64       // of the body, in bytes; -1 where it is not known
	Encoded         bool        // compressed, or in frames that may be
	TooLarge        atomic.Bool // the body went over the limit while it was read

	Headers http.Header // of the answer

	// What is known when the request ends, for the access log.
	Procedure string
	Tenant    string
	Code      string // the stable reason of the refusal, empty for success
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
	if r.Headers != nil {
		r.Headers.Set(name, value)
	}
}
