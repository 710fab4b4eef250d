package server

import (
	"cmp"
	"net/http"
	"slices"
	"strings"

	"github.com/entrasync/entrasync/deploy/simulator/fleet"
)

// deltaPage is about the page size of delta answers.
const deltaPage = 200

// deltaUsers answers GET /users/delta: a first round over all users, then
// what changed since a delta link was given.
func (s *Server) deltaUsers(c *call, _ []string) *graphError {
	if e := onlyOptions(c.query, "$select", "$skiptoken", "$deltatoken"); e != nil {
		return e
	}
	t, e := s.readDelta(c)
	if e != nil {
		return e
	}
	selected, names, e := c.parseSelect(t.Select)
	if e != nil {
		return e
	}
	if !slices.Contains(names, "id") {
		id, _ := columnFor("id")
		selected = append([]column{id}, selected...)
	}
	if c.query.Get("$deltatoken") == "latest" {
		t.Position = s.fleet.Slots(c.tenant.Index)
		return s.writeDelta(c, t, nil, true)
	}
	buffer := s.buffers.Get().(*[]byte)
	defer s.buffers.Put(buffer)
	page := deltaRows{s: s, c: c, selected: selected, names: names, rows: (*buffer)[:0], seen: map[int]bool{}}
	if _, empty := c.fired["empty-page"]; empty {
		t.Empty++
		return s.writeDelta(c, t, nil, false)
	}
	if _, none := c.fired["empty-listing"]; none {
		return s.writeDelta(c, t, nil, true)
	}
	var done bool
	if t.Kind == "delta-first" {
		t, done = page.first(t)
	} else if t, done, e = page.since(t); e != nil {
		return e
	}
	*buffer = page.rows
	return s.writeDelta(c, t, page.rows, done)
}

// readDelta finds out which round a request belongs to. Options are inside
// the tokens; with a token, none but its own counts.
func (s *Server) readDelta(c *call) (pageToken, *graphError) {
	tenant := c.tenant
	skip, since := c.query.Get("$skiptoken"), c.query.Get("$deltatoken")
	switch {
	case skip != "" && since != "":
		return pageToken{}, badRequest("Both $skiptoken and $deltatoken were specified.")
	case skip == "" && (since == "" || since == "latest"):
		return pageToken{
			Kind: "delta-first", Tenant: tenant.ID, Select: c.query.Get("$select"), To: s.fleet.Version(tenant.Index),
			Minimal: strings.Contains(c.r.Header.Get("Prefer"), "return=minimal"),
		}, nil
	case c.query.Has("$select"):
		return pageToken{}, badRequest("The $select query option cannot be combined with a token; it is encoded in the token.")
	}
	if _, ok := c.fired["delta-gone"]; ok {
		return pageToken{}, s.resync(c, "")
	}
	t, ok := s.openToken(skip+since, tenant.ID)
	if !ok {
		return pageToken{}, badRequest("Badly formed token.")
	}
	_, resync := c.fired["delta-resync"]
	f, expired := c.fired["delta-expired"]
	_, required := c.fired["delta-required"]
	switch {
	case resync || t.To > s.fleet.Version(tenant.Index):
		// The directory is not the one the token speaks of.
		return pageToken{}, s.resync(c, t.Select)
	case skip != "":
		if _, ok := c.fired["expired-page-token"]; ok || s.age(t) > skipLife {
			return pageToken{}, errExpiredPage
		}
		if t.Kind != "delta-first" && t.Kind != "delta-next" {
			return pageToken{}, badRequest("Badly formed token.")
		}
	case t.Kind != "delta":
		return pageToken{}, badRequest("Badly formed token.")
	case required:
		e := s.resync(c, "")
		e.header = nil
		return pageToken{}, e
	case expired || s.age(t) > deltaLife:
		return pageToken{}, &graphError{status: http.StatusBadRequest, code: cmp.Or(f.Code, "syncStateNotFound"), message: "The sync state generation is not found; it may have expired. Please restart with an initial sync."}
	default:
		t.Kind, t.From, t.To, t.Position = "delta-next", t.To, s.fleet.Version(tenant.Index), 0
	}
	return t, nil
}

// resync sends the caller back to the beginning.
func (s *Server) resync(c *call, selected string) *graphError {
	link := c.root() + "/users/delta?"
	if selected != "" {
		link += "$select=" + selected + "&"
	}
	return &graphError{
		status: http.StatusGone, code: "resyncRequired", message: "Resync required. Replace any local items with the server's version.",
		header: http.Header{"Location": {link + "$deltatoken="}},
	}
}

// deltaRows gathers the rows of one page.
type deltaRows struct {
	s        *Server
	c        *call
	selected []column
	names    []string
	rows     []byte
	n        int
	seen     map[int]bool
}

// first takes the next users of a first round, tombstones among them.
func (p *deltaRows) first(t pageToken) (pageToken, bool) {
	slots := p.s.fleet.Slots(p.c.tenant.Index)
	if _, repeat := p.c.fired["delta-repeat"]; repeat && t.Position > 0 {
		p.add(t.Position-1, nil)
	}
	for ; t.Position < slots && p.n < deltaPage; t.Position++ {
		p.add(t.Position, nil)
	}
	return t, t.Position >= slots
}

// since takes the next changes after a delta link. An id may come again on a
// later page, as the log has it.
func (p *deltaRows) since(t pageToken) (pageToken, bool, *graphError) {
	entries, ok := p.s.fleet.Log(p.c.tenant.Index, t.From, t.To)
	if !ok {
		return t, false, p.s.resync(p.c, t.Select)
	}
	_, repeat := p.c.fired["delta-repeat"]
	for ; t.Position < len(entries) && p.n < deltaPage; t.Position++ {
		entry := entries[t.Position]
		touched := entry.Properties
		if touched != nil && !slices.ContainsFunc(touched, func(name string) bool { return slices.Contains(p.names, name) }) {
			continue // nothing of it was selected
		}
		if !t.Minimal {
			touched = nil
		}
		if !p.seen[entry.Slot] || repeat || t.Minimal {
			p.add(entry.Slot, touched)
		}
		p.seen[entry.Slot] = true
	}
	return t, t.Position >= len(entries), nil
}

// add writes one row: a user, or the tombstone of one. Only limits it to the
// named properties and the id.
func (p *deltaRows) add(slot int, only []string) {
	u, gone := p.s.fleet.At(p.c.tenant.Index, slot)
	if p.n > 0 {
		p.rows = append(p.rows, ',')
	}
	p.n++
	if gone != fleet.Present {
		reason := "changed"
		if gone == fleet.Deleted {
			reason = "deleted"
		}
		p.rows = appendString(append(p.rows, `{"id":`...), u.ID)
		p.rows = append(p.rows, `,"@removed":{"reason":"`+reason+`"}}`...)
		return
	}
	selected := p.selected
	if only != nil {
		selected = slices.DeleteFunc(slices.Clone(selected), func(c column) bool {
			return c.name != "id" && !slices.Contains(only, c.name)
		})
	}
	p.rows = appendUser(p.rows, &u, selected, true)
}

// writeDelta ends a page with a next link or, when done, the delta link.
func (s *Server) writeDelta(c *call, t pageToken, rows []byte, done bool) *graphError {
	head := appendString([]byte(`{"@odata.context":`), contextOf(c, "users", t.Select))
	link := c.root() + "/users/delta?"
	if done {
		t.Kind, t.Position, t.From = "delta", 0, 0
		head = appendString(append(head, `,"@odata.deltaLink":`...), link+"$deltatoken="+s.sealToken(t))
	} else {
		head = appendString(append(head, `,"@odata.nextLink":`...), link+"$skiptoken="+s.sealToken(t))
	}
	return c.writeRows(append(head, `,"value":[`...), rows)
}
