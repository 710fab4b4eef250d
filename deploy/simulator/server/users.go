package server

import (
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/entrasync/entrasync/deploy/simulator/fleet"
)

// The sizes of pages of users.
const (
	defaultPage = 100
	largestPage = 999
)

// onlyOptions refuses query options of OData that a route does not have.
func onlyOptions(q url.Values, allowed ...string) *graphError {
	for name := range q {
		if !strings.HasPrefix(name, "$") {
			continue
		}
		ok := false
		for _, a := range allowed {
			ok = ok || a == name
		}
		if !ok {
			return badRequest(fmt.Sprintf("The query parameter '%s' is not supported.", name))
		}
	}
	return nil
}

// pageSize reads $top.
func pageSize(q url.Values, byDefault, largest int) (int, *graphError) {
	if !q.Has("$top") {
		return byDefault, nil
	}
	raw := q.Get("$top")
	n, err := strconv.Atoi(raw)
	if err != nil {
		return 0, badRequest(fmt.Sprintf("Invalid value '%s' for $top query option found. The $top query option requires a non-negative integer value.", raw))
	}
	if n < 1 || n > largest {
		return 0, badRequest(fmt.Sprintf("Invalid page size specified: '%d'. Must be between 1 and %d inclusive.", n, largest))
	}
	return n, nil
}

// listing is a request for users, read from its options or its page token.
type listing struct {
	token    pageToken
	selected []column
	keep     func(*fleet.User) bool // nil keeps all
	typed    bool                   // rows name their type, as where several may come
}

func (s *Server) readListing(c *call, kind, subject string) (listing, *graphError) {
	if e := onlyOptions(c.query, "$select", "$top", "$filter", "$count", "$skiptoken"); e != nil {
		return listing{}, e
	}
	t := pageToken{
		Kind: kind, Tenant: c.tenant.ID, Subject: subject, Select: c.query.Get("$select"), Filter: c.query.Get("$filter"),
		Eventual: c.eventual(), Count: c.query.Get("$count") == "true",
	}
	var e *graphError
	if t.Top, e = pageSize(c.query, defaultPage, largestPage); e != nil {
		return listing{}, e
	}
	if raw := c.query.Get("$skiptoken"); raw != "" {
		if t, e = s.continueListing(c, raw, t); e != nil {
			return listing{}, e
		}
	} else if c.query.Has("$skiptoken") {
		return listing{}, errPageToken
	}
	if t.Count && !c.eventual() {
		return listing{}, errNoCount
	}
	out := listing{token: t}
	if out.selected, _, e = c.parseSelect(t.Select); e != nil {
		return listing{}, e
	}
	if t.Filter != "" {
		var advanced bool
		if out.keep, advanced, e = parseFilter(t.Filter); e != nil {
			return listing{}, e
		}
		if advanced && (!c.eventual() || !t.Count) {
			return listing{}, errNoAdvanced
		}
	}
	return out, nil
}

// continueListing opens a page token and holds the rest of the link to it: a
// next link is followed whole or not at all.
func (s *Server) continueListing(c *call, raw string, asked pageToken) (pageToken, *graphError) {
	if _, ok := c.fired["expired-page-token"]; ok {
		return pageToken{}, errExpiredPage
	}
	t, ok := s.openToken(raw, c.tenant.ID)
	switch {
	case !ok || t.Kind != asked.Kind || t.Subject != asked.Subject:
		return pageToken{}, errPageToken
	case s.age(t) > skipLife:
		return pageToken{}, errExpiredPage
	case t.Select != asked.Select || t.Filter != asked.Filter || t.Top != asked.Top || t.Count != asked.Count:
		return pageToken{}, badRequest("The query options do not match the specified page token.")
	case t.Eventual && !c.eventual():
		return pageToken{}, errNoAdvanced
	}
	return t, nil
}

// next is the link to the page at a position.
func (l listing) next(s *Server, c *call, path string, position int) string {
	t := l.token
	t.Position = position
	q := ""
	if t.Select != "" {
		q += "$select=" + url.QueryEscape(t.Select) + "&"
	}
	if t.Filter != "" {
		q += "$filter=" + url.QueryEscape(t.Filter) + "&"
	}
	if t.Count {
		q += "$count=true&"
	}
	if c.query.Has("$top") {
		q += "$top=" + strconv.Itoa(t.Top) + "&"
	}
	return c.root() + path + "?" + q + "$skiptoken=" + s.sealToken(t)
}

// listUsers answers GET /users.
func (s *Server) listUsers(c *call, _ []string) *graphError {
	l, e := s.readListing(c, "users", "")
	if e != nil {
		return e
	}
	slots, count := s.fleet.Slots(c.tenant.Index), -1
	if l.token.Count && l.token.Position == 0 { // only the first page tells
		count = s.countMatching(c.tenant.Index, l.keep)
	}
	return s.writePage(c, l, "/users", slots, count, func(slot int) (fleet.User, bool) {
		u, gone := s.fleet.At(c.tenant.Index, slot)
		return u, gone == fleet.Present
	})
}

func (s *Server) countMatching(tenant int, keep func(*fleet.User) bool) int {
	if keep == nil {
		return s.fleet.Count(tenant)
	}
	n := 0
	for u := range s.fleet.Users(tenant) {
		if keep(&u) {
			n++
		}
	}
	return n
}

// writePage writes the users that at yields from the token's position on.
func (s *Server) writePage(c *call, l listing, path string, slots, count int, at func(int) (fleet.User, bool)) *graphError {
	buffer := s.buffers.Get().(*[]byte)
	defer s.buffers.Put(buffer)
	rows, n, slot := (*buffer)[:0], 0, l.token.Position
	if _, empty := c.fired["empty-page"]; empty {
		slots = 0 // and a next link to the very same place
	}
	if _, none := c.fired["empty-listing"]; none {
		slots, slot, count = 0, 0, min(count, 0)
	}
	for ; slot < slots; slot++ {
		u, ok := at(slot)
		if !ok || l.keep != nil && !l.keep(&u) {
			continue
		}
		if n == l.token.Top {
			break // there is one more, so there is another page
		}
		if n > 0 {
			rows = append(rows, ',')
		}
		if l.typed {
			rows = append(rows, `{"@odata.type":"#microsoft.graph.user",`...)
			rows = append(rows, appendUser(nil, &u, l.selected, false)[1:]...)
		} else {
			rows = appendUser(rows, &u, l.selected, false)
		}
		n++
	}
	*buffer = rows
	_, empty := c.fired["empty-page"]
	head := append(make([]byte, 0, 1024), `{"@odata.context":`...)
	head = appendString(head, l.context(c))
	if count >= 0 {
		head = append(append(head, `,"@odata.count":`...), strconv.Itoa(count)...)
	}
	if empty {
		l.token.Empty++
	}
	if slot < slots || empty {
		head = appendString(append(head, `,"@odata.nextLink":`...), l.next(s, c, path, slot))
	}
	return c.writeRows(append(head, `,"value":[`...), rows)
}

// context is the @odata.context of the listing.
func (l listing) context(c *call) string {
	if l.typed {
		return contextOf(c, "directoryObjects", l.token.Select)
	}
	return contextOf(c, "users", l.token.Select)
}

func contextOf(c *call, set, selected string) string {
	context := graphResource + "/" + c.version + "/$metadata#" + set
	if selected != "" {
		context += "(" + strings.ReplaceAll(selected, " ", "") + ")"
	}
	return context
}

// writeRows writes a collection whose array is open in head.
func (c *call) writeRows(head, rows []byte) *graphError {
	c.w.Header().Set("Content-Type", graphContentType)
	c.w.Header().Set("OData-Version", "4.0")
	for _, part := range [][]byte{head, rows, []byte("]}")} {
		if _, err := c.w.Write(part); err != nil {
			return nil // the caller has gone
		}
	}
	return nil
}

// countUsers answers GET /users/$count.
func (s *Server) countUsers(c *call, _ []string) *graphError {
	if !c.eventual() {
		return errNoCount
	}
	if e := onlyOptions(c.query, "$filter"); e != nil {
		return e
	}
	var keep func(*fleet.User) bool
	if raw := c.query.Get("$filter"); raw != "" {
		var e *graphError
		if keep, _, e = parseFilter(raw); e != nil {
			return e
		}
	}
	c.w.Header().Set("Content-Type", "text/plain")
	_, _ = fmt.Fprint(c.w, s.countMatching(c.tenant.Index, keep))
	return nil
}

// getUser answers GET /users/{id or user principal name}.
func (s *Server) getUser(c *call, parts []string) *graphError {
	return s.oneUser(c, parts[1])
}

// me answers GET /me.
func (s *Server) me(c *call, _ []string) *graphError {
	if c.claims.UserID == "" {
		return badRequest("/me request is only valid with delegated authentication flow.")
	}
	if c.claims.HomeTenant != c.tenant.ID {
		return &graphError{status: http.StatusNotFound, code: "Request_ResourceNotFound", message: missingResource(c.claims.UserID)}
	}
	return s.oneUser(c, c.claims.UserID)
}

func missingResource(id string) string {
	return "Resource '" + id + "' does not exist or one of its queried reference-property objects are not present."
}

func (s *Server) oneUser(c *call, id string) *graphError {
	if e := onlyOptions(c.query, "$select"); e != nil {
		return e
	}
	selected, _, e := c.parseSelect(c.query.Get("$select"))
	if e != nil {
		return e
	}
	notFound := &graphError{status: http.StatusNotFound, code: "Request_ResourceNotFound", message: missingResource(id)}
	slot, ok := s.fleet.Find(c.tenant.Index, id)
	if !ok {
		return notFound
	}
	u, gone := s.fleet.At(c.tenant.Index, slot)
	if gone != fleet.Present {
		return notFound
	}
	context := contextOf(c, "users", c.query.Get("$select")) + "/$entity"
	body := appendString([]byte(`{"@odata.context":`), context)
	body = append(body, ',')
	body = append(body, appendUser(nil, &u, selected, false)[1:]...)
	c.w.Header().Set("Content-Type", graphContentType)
	c.w.Header().Set("OData-Version", "4.0")
	_, _ = c.w.Write(body)
	return nil
}
