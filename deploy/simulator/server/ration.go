package server

import (
	"net/http"
	"strconv"
	"strings"
	"time"
)

// priority is the caller's own word on how much a request matters; anything
// but low and high is normal.
func priority(r *http.Request) string {
	switch p := strings.ToLower(r.Header.Get("x-ms-throttle-priority")); p {
	case "low", "high":
		return p
	}
	return "normal"
}

// costOf is the resource units of a request.
func costOf(c *call, route graphRoute) int {
	cost := route.cost
	if c.query.Has("$select") {
		cost--
	}
	if c.query.Has("$expand") {
		cost++
	}
	if top, err := strconv.Atoi(c.query.Get("$top")); err == nil && top < 20 {
		cost--
	}
	return max(1, cost)
}

// ration charges the request's cost and refuses what exceeds the limits.
func (s *Server) ration(c *call, route graphRoute) *graphError {
	l := load{
		app: c.claims.App, tenant: c.tenant.ID, users: s.fleet.Count(c.tenant.Index), cost: costOf(c, route),
		priority: priority(c.r), target: c.tenant.ID + " " + c.r.Method + " " + c.r.URL.RequestURI(),
	}
	out := s.throttle.spend(l)
	f, storm := c.fired["throttle"]
	if !out.refused && !storm {
		h := c.w.Header()
		h.Set("x-ms-resource-unit", strconv.Itoa(l.cost))
		if out.used > 0.8 {
			h.Set("x-ms-throttle-limit-percentage", percentage(out.used))
		}
		return nil
	}
	e := &graphError{status: http.StatusTooManyRequests, code: "TooManyRequests", message: "Too Many Requests", header: http.Header{}}
	if out.refused {
		e.header.Set("Retry-After", strconv.Itoa(out.retryAfter))
	} else {
		out.scope, out.info = l.inTenant().scope, "ResourceUnitLimitExceeded"
		s.throttle.order(l, f.retryAt(s.now()))
		f.retryAfter(e.header, s.now())
		if f.NoCode {
			e.code, e.plain = "", true
		}
	}
	e.header.Set("x-ms-throttle-scope", out.scope)
	e.header.Set("x-ms-throttle-information", out.info)
	if out.used > 0.8 {
		e.header.Set("x-ms-throttle-limit-percentage", percentage(out.used))
	}
	return e
}

// retryAt is when whoever was refused by the fault may come again: the time
// that its header names.
func (f Fault) retryAt(now time.Time) time.Time {
	at := now.Add(time.Duration(max(0, f.RetryAfterSeconds)) * time.Second)
	if f.RetryAfterDate && f.RetryAfterSeconds > 0 {
		return wholeSecond(at)
	}
	return at
}

// retryAfter writes the header of a fault, in seconds or as a date.
func (f Fault) retryAfter(h http.Header, now time.Time) {
	switch {
	case f.RetryAfterSeconds < 0, f.RetryAfterSeconds == 0 && f.Kind == "status":
	case f.RetryAfterDate:
		h.Set("Retry-After", f.retryAt(now).UTC().Format(http.TimeFormat))
	default:
		h.Set("Retry-After", strconv.Itoa(f.RetryAfterSeconds))
	}
}

// wholeSecond is the next full second, as dates in headers have nothing finer.
func wholeSecond(t time.Time) time.Time {
	if whole := t.Truncate(time.Second); !whole.Equal(t) {
		return whole.Add(time.Second)
	}
	return t
}
