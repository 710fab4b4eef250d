package server

import (
	"fmt"
	"net/http"
	"strings"

	"github.com/entrasync/entrasync/deploy/simulator/fleet"
	"github.com/entrasync/entrasync/deploy/simulator/graphtypes"
)

// project keeps the selected properties of a row.
func project(row map[string]any, selected, typeName string) (map[string]any, *graphError) {
	if selected == "" {
		return row, nil
	}
	out := map[string]any{}
	for name := range strings.SplitSeq(selected, ",") {
		name = strings.TrimSpace(name)
		p, ok := graphtypes.Find(typeName, name)
		if !ok {
			return nil, badRequest(fmt.Sprintf("Parsing OData Select and Expand failed: Could not find a property named '%s' on type '%s'.", name, typeName))
		}
		out[name] = row[name]
		if row[name] == nil && p.Collection() {
			out[name] = []any{}
		}
	}
	return out, nil
}

func groupJSON(g fleet.Group, t fleet.Tenant) map[string]any {
	return map[string]any{
		"id": g.ID, "deletedDateTime": nil, "displayName": g.DisplayName, "description": g.Description,
		"createdDateTime": graphTime(t.CreatedAt), "groupTypes": []string{}, "mailEnabled": false, "mailNickname": "group" + g.ID[:8],
		"securityEnabled": true, "proxyAddresses": []string{}, "visibility": nil, "mail": nil,
	}
}

// listGroups answers GET /groups.
func (s *Server) listGroups(c *call, _ []string) *graphError {
	if e := onlyOptions(c.query, "$select", "$top", "$skiptoken"); e != nil {
		return e
	}
	rows := []map[string]any{}
	for _, g := range s.fleet.Groups(c.tenant.Index) {
		rows = append(rows, groupJSON(g, c.tenant))
	}
	return s.writeCollection(c, "/groups", "microsoft.graph.group", rows)
}

func (s *Server) findGroup(c *call, id string) (fleet.Group, *graphError) {
	for _, g := range s.fleet.Groups(c.tenant.Index) {
		if g.ID == id {
			return g, nil
		}
	}
	return fleet.Group{}, &graphError{status: http.StatusNotFound, code: "Request_ResourceNotFound", message: missingResource(id)}
}

// getGroup answers GET /groups/{id}.
func (s *Server) getGroup(c *call, parts []string) *graphError {
	g, e := s.findGroup(c, parts[1])
	if e != nil {
		return e
	}
	row, e := project(groupJSON(g, c.tenant), c.query.Get("$select"), "microsoft.graph.group")
	if e != nil {
		return e
	}
	row["@odata.context"] = graphResource + "/" + c.version + "/$metadata#groups/$entity"
	return c.writeJSON(row)
}

// groupMembers answers GET /groups/{id}/transitiveMembers, whose rows name their type, and its
// cast to users, microsoft.graph.user or graph.user, which wants the advanced query engine.
func (s *Server) groupMembers(c *call, parts []string) *graphError {
	g, e := s.findGroup(c, parts[1])
	if e != nil {
		return e
	}
	l, e := s.readListing(c, "members", g.ID)
	if e != nil {
		return e
	}
	l.typed = len(parts) == 3
	if !l.typed && (!c.eventual() || !l.token.Count) {
		return errNoAdvanced
	}
	count := -1
	switch {
	case l.token.Position > 0 || !l.token.Count: // only the first page tells
	case l.keep == nil:
		count = s.fleet.MemberCount(c.tenant.Index, g)
	default:
		count = 0
		for u := range s.fleet.Members(c.tenant.Index, g) {
			if l.keep(&u) {
				count++
			}
		}
	}
	path := "/groups/" + g.ID + "/" + strings.Join(parts[2:], "/")
	return s.writePage(c, l, path, s.fleet.Slots(c.tenant.Index), count, func(slot int) (fleet.User, bool) {
		return s.fleet.Member(c.tenant.Index, g, slot)
	})
}
