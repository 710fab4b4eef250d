package http

import (
	"errors"
	"io"
	"net/http"
	"strings"

	"github.com/entrasync/entrasync/gateway/internal/access"
	"github.com/entrasync/entrasync/gateway/internal/identity"
)

// newRequest reads a request; answer is the header of the answer to it, and origins
// recognises requests that pages of other origins make a browser send.
func newRequest(r *http.Request, id, remote string, answer http.Header, origins *http.CrossOriginProtection) *access.Request {
	in := &access.Request{
		ID: id, RemoteAddr: remote, Headers: answer,
		Authorization:   credential(r, "Authorization"),
		PlatformKey:     credential(r, "X-Api-Key"),
		IdempotencyKeys: r.Header.Values("Idempotency-Key"),
		Length:          r.ContentLength,
		Encoded:         r.Header.Get("Content-Encoding") != "" || r.Header.Get("Grpc-Encoding") != "",
		CSRFToken:       r.Header.Get("X-Csrf-Token"),
		Unsafe:          r.Method != http.MethodGet && r.Method != http.MethodHead,
		CrossSite:       origins.Check(r) != nil,
	}
	if cookie, err := r.Cookie(identity.SessionCookie); err == nil {
		in.Session = cookie.Value
	}
	return in
}

// credential is the value of a header. One that is sent twice is the list of its values, which
// is no credential: a proxy before the gateway may have looked at another one than the first.
func credential(r *http.Request, name string) string {
	return strings.Join(r.Header.Values(name), ", ")
}

// limitBody bounds a body, and notes when it goes over: the decoders' errors do not
// always say.
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
