package server

import (
	"bytes"
	"cmp"
	"crypto/tls"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/entrasync/entrasync/deploy/simulator/fleet"
)

// cippPage is one answer of Graph on its way through CIPP.
type cippPage struct {
	rows []json.RawMessage
	next string
}

// cippProxied are the routes of Graph that this instance passes on.
var cippProxied = []string{"graph.organization", "graph.users", "graph.user", "graph.groups", "graph.group", "graph.groups.members"}

// cippListing is what CIPP asks Graph for.
type cippListing struct {
	tenant            fleet.Tenant
	endpoint, version string
	options           url.Values
	eventual          bool // with the header of advanced queries
}

// cippFetch reads one page of a directory as CIPP does, by its own
// registration and its own budget. Next is a link that Graph gave, or empty; faulty
// is how Graph misbehaves.
func (s *Server) cippFetch(l cippListing, next string, faulty fired) (cippPage, error) {
	link := &url.URL{Scheme: "https", Host: "graph.microsoft.com", Path: "/" + l.version + "/" + l.endpoint, RawQuery: l.options.Encode()}
	if next != "" {
		parsed, err := url.Parse(next)
		if err != nil || parsed.Host != link.Host || parsed.Scheme != link.Scheme {
			return cippPage{}, errors.New("The remote name could not be resolved.")
		}
		link = parsed
	}
	version, path, _ := strings.Cut(strings.TrimPrefix(link.Path, "/"), "/")
	parts := strings.Split(strings.TrimSuffix(path, "/"), "/")
	route, ok := findRoute(version, parts)
	if !ok || !slices.Contains(cippProxied, route.name) {
		return cippPage{}, errors.New("Resource not found for the segment '" + parts[0] + "'.")
	}
	r := &http.Request{Method: http.MethodGet, URL: link, Host: link.Host, Header: http.Header{}, TLS: &tls.ConnectionState{}}
	if l.eventual {
		r.Header.Set("ConsistencyLevel", "eventual")
	}
	query, err := url.ParseQuery(link.RawQuery)
	if err != nil {
		return cippPage{}, errors.New("The query string is malformed.")
	}
	rec := &recorder{header: http.Header{}}
	c := &call{w: rec, r: r, version: version, query: query, tenant: l.tenant, fired: faulty}
	if e := route.handle(s, c, parts); e != nil {
		return cippPage{}, errors.New(e.message)
	}
	return readCIPPPage(rec.body.Bytes())
}

// readCIPPPage takes a collection or a single object of Graph apart. What is
// no UTF-8 becomes replacement characters, as in PowerShell.
func readCIPPPage(body []byte) (cippPage, error) {
	body = bytes.ToValidUTF8(body, []byte("\uFFFD"))
	var collection struct {
		Value *[]json.RawMessage `json:"value"`
		Next  string             `json:"@odata.nextLink"`
	}
	if err := json.Unmarshal(body, &collection); err != nil {
		return cippPage{}, err
	}
	if collection.Value == nil {
		return cippPage{rows: []json.RawMessage{body}}, nil
	}
	return cippPage{rows: *collection.Value, next: collection.Next}, nil
}

// cippUsers answers GET /api/ListUsers: the whole set in one body, or one user
// by UserID.
func (s *Server) cippUsers(c *cippCall) {
	if f, ok := c.fired["cipp-graph-error"]; ok {
		cippText(c.w, http.StatusInternalServerError, cmp.Or(f.Message, "Could not get token: AADSTS65001"))
		return
	}
	if strings.EqualFold(c.filter, "AllTenants") {
		cippJSON(c.w, []any{map[string]string{"Message": "This function has been deprecated for all users, please use ListGraphRequest instead"}})
		return
	}
	t, ok := s.cippTenant(c.filter)
	if !ok {
		cippText(c.w, http.StatusInternalServerError, errCIPPScope)
		return
	}
	l := cippListing{tenant: t, endpoint: "users", version: "beta", options: url.Values{"$top": {"999"}, "$count": {"true"}}, eventual: true}
	if id := c.query["userid"]; id != "" {
		l.endpoint, l.options = "users/"+id, url.Values{}
	} else if filter := c.query["graphfilter"]; filter != "" {
		l.options.Set("$filter", filter)
	}
	page, err := s.cippFetch(l, "", fired{})
	if err != nil {
		cippText(c.w, http.StatusInternalServerError, err.Error())
		return
	}
	s.cippStream(c, l, page, "[", "]", cippUserRow)
}

// cippStream writes all pages of a listing, of which the first is there
// already, as one array between head and tail.
func (s *Server) cippStream(c *cippCall, l cippListing, page cippPage, head, tail string, row func(json.RawMessage, string) json.RawMessage) {
	if _, empty := c.fired["empty-listing"]; empty {
		page = cippPage{}
	}
	c.w.Header().Set("Content-Type", "application/json; charset=utf-8")
	c.w.WriteHeader(http.StatusOK)
	_, _ = io.WriteString(c.w, head) // the caller has gone if this fails
	separator := ""
	for {
		for _, raw := range page.rows {
			_, _ = io.WriteString(c.w, separator)
			_, _ = c.w.Write(row(raw, c.filter))
			separator = ","
		}
		if page.next == "" || c.r.Context().Err() != nil {
			break
		}
		following, err := s.cippFetch(l, page.next, fired{})
		if err != nil {
			panic(http.ErrAbortHandler) // the link is older than an hour: nobody reads that slowly
		}
		page = following
	}
	_, _ = io.WriteString(c.w, tail)
}

// products are the names that CIPP has for licences.
var products = map[string]string{
	"05e9a617-0261-4cee-bb44-138d3ef5d965": "Microsoft 365 E3",
	"f245ecc8-75af-4f8e-b61f-27d8114de5f3": "Microsoft 365 Business Standard",
	"cbdc14ab-d96c-4c30-b9f4-6ada7cdc1d46": "Microsoft 365 Business Premium",
}

// cippUserRow adds what ListUsers computes for CIPP's pages.
func cippUserRow(raw json.RawMessage, _ string) json.RawMessage {
	var user struct {
		Name     string   `json:"userPrincipalName"`
		Synced   bool     `json:"onPremisesSyncEnabled"`
		Proxies  []string `json:"proxyAddresses"`
		Licences []struct {
			SKU string `json:"skuId"`
		} `json:"assignedLicenses"`
	}
	all := map[string]json.RawMessage{}
	if json.Unmarshal(raw, &all) != nil || json.Unmarshal(raw, &user) != nil {
		return raw // an administrator gave a property another type
	}
	local, domain, _ := strings.Cut(user.Name, "@")
	var names []string
	for _, l := range user.Licences {
		if name, ok := products[l.SKU]; ok {
			names = append(names, name)
		}
	}
	for name, value := range map[string]any{
		"onPremisesSyncEnabled": user.Synced, "username": local, "Aliases": strings.Join(user.Proxies, ", "),
		"LicJoined": strings.Join(names, ", "), "primDomain": map[string]string{"value": domain, "label": domain},
	} {
		all[name], _ = json.Marshal(value) // plain values
	}
	out, err := json.Marshal(all)
	if err != nil {
		return raw
	}
	return out
}

// cippGraphRow adds the columns that ListGraphRequest puts beside Graph's.
func cippGraphRow(raw json.RawMessage, tenant string) json.RawMessage {
	out := slices.Clone(bytes.TrimSuffix(bytes.TrimSpace(raw), []byte("}")))
	if len(out) > len("{") {
		out = append(out, ',')
	}
	return append(appendString(append(out, `"Tenant":`...), tenant), `,"CippStatus":"Good"}`...)
}
