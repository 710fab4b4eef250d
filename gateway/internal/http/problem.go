package http

import (
	"encoding/json"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/entrasync/entrasync/gateway/internal/access"
	"github.com/entrasync/entrasync/pkg/errs"
	"github.com/entrasync/entrasync/proto/entrasync/reason"
)

// ProblemType is that of every error over REST.
const ProblemType = "application/problem+json"

// Violation is one field that breaks a rule.
type Violation struct {
	Field   string `json:"field"`
	Message string `json:"message"`
}

// Problem is the body of an error.
type Problem struct {
	Type       string      `json:"type"`
	Title      string      `json:"title"`
	Status     int         `json:"status"`
	Detail     string      `json:"detail"`
	Instance   string      `json:"instance"`
	Code       string      `json:"code"` // stable, for programs
	RequestID  string      `json:"requestId"`
	Violations []Violation `json:"violations"`
	// What programs may go by besides the code, such as the state of what somebody else has changed.
	Metadata map[string]string `json:"metadata,omitempty"`
}

// statusClientClosed is what proxies write when nobody waits for the answer.
const statusClientClosed = 499

var kinds = map[errs.Kind]int{
	errs.Internal:        http.StatusInternalServerError,
	errs.Invalid:         http.StatusBadRequest,
	errs.Unauthenticated: http.StatusUnauthorized,
	errs.Denied:          http.StatusForbidden,
	errs.NotFound:        http.StatusNotFound,
	errs.Conflict:        http.StatusConflict,
	errs.Precondition:    http.StatusConflict,
	errs.Exhausted:       http.StatusTooManyRequests,
	errs.Unavailable:     http.StatusServiceUnavailable,
	errs.Deadline:        http.StatusGatewayTimeout,
	errs.Cancelled:       statusClientClosed,
	errs.Unimplemented:   http.StatusNotImplemented,
}

// reasons are those whose status is not their kind's.
var reasons = map[string]int{
	reason.RequestTooLarge:      http.StatusRequestEntityTooLarge,
	reason.CursorExpired:        http.StatusGone,
	reason.MethodNotAllowed:     http.StatusMethodNotAllowed,
	reason.UnsupportedMediaType: http.StatusUnsupportedMediaType,
}

// Status is the HTTP status of an error.
func Status(e *errs.Error) int {
	if status, ok := reasons[e.Reason()]; ok {
		return status
	}
	if status, ok := kinds[e.Kind()]; ok {
		return status
	}
	return http.StatusInternalServerError
}

// WriteProblem answers a request with an error that is fit for the outside.
func WriteProblem(w http.ResponseWriter, r *http.Request, in *access.Request, e *errs.Error) {
	in.Code = e.Reason()
	status := Status(e)
	title := http.StatusText(status)
	if title == "" {
		title = "Client Closed Request"
	}
	body := Problem{
		Type: "urn:entrasync:problem:" + e.Reason(), Title: title, Status: status, Detail: e.Public(),
		Instance: short(r.URL.Path), Code: e.Reason(), RequestID: in.ID, Violations: []Violation{},
		Metadata: e.Metadata(),
	}
	for _, v := range e.Violations() {
		body.Violations = append(body.Violations, Violation(v))
	}
	header := w.Header()
	header.Set("Content-Type", ProblemType)
	header.Del("Content-Length")
	if status == http.StatusUnauthorized {
		header.Set("WWW-Authenticate", "Bearer")
	}
	if after := e.RetryAfter(); after > 0 {
		header.Set("Retry-After", strconv.Itoa(max(int((after+time.Second-1)/time.Second), 1)))
	}
	w.WriteHeader(status)
	if err := json.NewEncoder(w).Encode(body); err != nil {
		slog.DebugContext(r.Context(), "answering with a problem", "error", err)
	}
}

// maxInstance is how many bytes of an address an answer repeats.
const maxInstance = 512

func short(path string) string {
	return strings.ToValidUTF8(path[:min(len(path), maxInstance)], "\ufffd")
}

// NotFound is the answer to an unknown route.
func NotFound() *errs.Error {
	return errs.New(errs.NotFound, reason.NotFound, "There is nothing at this address.")
}

// MethodNotAllowed is the answer to a known route under another HTTP method.
func MethodNotAllowed() *errs.Error {
	return errs.Of(reason.MethodNotAllowed)
}
