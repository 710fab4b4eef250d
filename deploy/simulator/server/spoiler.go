package server

import (
	"context"
	"net/http"
	"time"
)

// spoils are the kinds of faults that change a body, in the order in which
// one of them strikes.
var spoils = []string{"cut", "truncate", "stall", "malformed", "wrong-types", "html", "body"}

// wrap spoils the body where that was ordered.
func (f fired) wrap(ctx context.Context, w http.ResponseWriter) http.ResponseWriter {
	for _, kind := range spoils {
		if fault, ok := f[kind]; ok {
			return &spoiler{ResponseWriter: w, ctx: ctx, fault: fault, left: fault.AfterBytes}
		}
	}
	return w
}

// spoiler ends a body early, holds it back in the middle, or writes another.
type spoiler struct {
	http.ResponseWriter
	ctx   context.Context // of the request, which ends a stall
	fault Fault
	left  int
	done  bool
}

// other is the body that comes instead of the right one.
func (s *spoiler) other() (body string, replaced bool) {
	switch s.fault.Kind {
	case "malformed":
		return `{"value":[{"id":"broken",,}`, true
	case "wrong-types":
		return `{"value":[{"id":42,"userPrincipalName":{},"displayName":["x"],"accountEnabled":"yes","businessPhones":"none","customer":"me","customerId":7}],` +
			`"access_token":42,"expires_in":"soon","token_type":[],"error":"odd","Results":"none","Metadata":[],"responses":{}}`, true
	case "html":
		return `<!doctype html><html><head><title>Sign in to your account</title></head><body>We are updating the service.</body></html>`, true
	case "body":
		return s.fault.Body, true
	}
	return "", false
}

func (s *spoiler) WriteHeader(status int) {
	s.Header().Del("Content-Length")
	if s.fault.Kind == "html" {
		s.Header().Set("Content-Type", "text/html; charset=utf-8")
	}
	s.ResponseWriter.WriteHeader(status)
}

func (s *spoiler) Write(b []byte) (int, error) {
	s.Header().Del("Content-Length")
	if s.done {
		if s.fault.Kind == "stall" {
			return s.ResponseWriter.Write(b)
		}
		return len(b), nil
	}
	if body, replaced := s.other(); replaced {
		s.done = true
		if s.fault.Kind == "html" {
			s.Header().Set("Content-Type", "text/html; charset=utf-8")
		}
		if _, err := s.ResponseWriter.Write([]byte(body)); err != nil {
			return 0, err
		}
		return len(b), nil
	}
	return s.part(b)
}

// part writes as far as the fault lets it and then strikes.
func (s *spoiler) part(b []byte) (int, error) {
	head := b[:min(s.left, len(b))]
	s.left -= len(head)
	if _, err := s.ResponseWriter.Write(head); err != nil {
		return 0, err
	}
	if len(head) == len(b) {
		return len(b), nil
	}
	s.done = true
	switch s.fault.Kind {
	case "cut":
		_ = http.NewResponseController(s.ResponseWriter).Flush()
		panic(http.ErrAbortHandler) // the documented way to break a connection off
	case "stall":
		_ = http.NewResponseController(s.ResponseWriter).Flush()
		if !pause(s.ctx, time.Duration(s.fault.DelayMillis)*time.Millisecond) {
			return len(head), s.ctx.Err()
		}
		if _, err := s.ResponseWriter.Write(b[len(head):]); err != nil {
			return len(head), err
		}
	}
	return len(b), nil
}
