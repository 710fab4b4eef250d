package server

import (
	"cmp"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strings"
)

// cippQueueThreshold is the number of rows above which a listing with $count
// is fetched in the background.
const cippQueueThreshold = 8000

// cippGraph answers GET /api/ListGraphRequest: a request to Graph by proxy,
// all pages in one body or, with manualPagination, one page and the link to
// the next, which is Graph's own and is handed back as nextLink.
func (s *Server) cippGraph(c *cippCall) {
	endpoint := strings.TrimPrefix(c.query["endpoint"], "/")
	fail := func(message string) {
		cippText(c.w, http.StatusBadRequest, "Graph Error: "+message+" - Endpoint: "+c.query["endpoint"])
	}
	manual, ok := cippBool(c.query["manualpagination"])
	single, okSingle := cippBool(c.query["nopagination"])
	if !ok || !okSingle {
		cippText(c.w, http.StatusInternalServerError, `Exception calling "ToBoolean" with "1" argument(s): "String was not recognized as a valid Boolean."`)
		return
	}
	if f, broken := c.fired["cipp-graph-error"]; broken {
		fail(cmp.Or(f.Message, "Could not get token: AADSTS65001"))
		return
	}
	options := url.Values{}
	for _, name := range []string{"$filter", "$select", "$expand", "$top", "$count", "$orderby", "$search", "$format"} {
		if value := c.query[name]; value != "" {
			options.Set(name, value)
		}
	}
	if graphFilter := c.query["graphfilter"]; graphFilter != "" && !options.Has("$filter") {
		options.Set("$filter", graphFilter)
	}
	metadata := s.cippMetadata(c, endpoint, options, manual)
	if s.cippQueued(c, options, single) {
		metadata["Queued"], metadata["QueueId"] = true, newID()
		metadata["QueueMessage"] = "Loading data for all tenants. Please check back after the job completes"
		cippJSON(c.w, map[string]any{"Results": []any{}, "Metadata": metadata})
		return
	}
	t, ok := s.cippTenant(c.filter)
	if !ok {
		fail(errCIPPScope)
		return
	}
	l := cippListing{tenant: t, endpoint: endpoint, version: cmp.Or(c.query["version"], "beta"), options: options, eventual: options.Has("$filter")}
	faulty := fired{}
	if f, empty := c.fired["empty-page"]; empty {
		faulty["empty-page"] = f
	}
	page, err := s.cippFetch(l, c.query["nextlink"], faulty)
	if _, expired := c.fired["expired-page-token"]; expired && c.query["nextlink"] != "" {
		page, err = cippPage{}, errors.New(errExpiredPage.message)
	}
	if err != nil {
		fail(err.Error())
		return
	}
	if manual || single || c.query["nextlink"] != "" {
		s.cippAnswer(c, page, metadata, manual)
		return
	}
	tail, err := json.Marshal(metadata)
	if err != nil {
		panic("metadata is plain: " + err.Error())
	}
	s.cippStream(c, l, page, `{"Results":[`, `],"Metadata":`+string(tail)+`}`, cippGraphRow)
}

// cippAnswer writes one page.
func (s *Server) cippAnswer(c *cippCall, page cippPage, metadata map[string]any, manual bool) {
	results := make([]json.RawMessage, 0, len(page.rows))
	if _, empty := c.fired["empty-listing"]; empty {
		page = cippPage{}
	}
	for _, row := range page.rows {
		results = append(results, cippGraphRow(row, c.filter))
	}
	if page.next != "" && manual {
		metadata["nextLink"] = page.next
	}
	// Older releases give the caller's own link back with the last page: whoever
	// follows it never ends.
	if _, repeat := c.fired["cipp-repeat-link"]; repeat && page.next == "" && c.query["nextlink"] != "" {
		metadata["nextLink"] = c.query["nextlink"]
	}
	cippJSON(c.w, map[string]any{"Results": results, "Metadata": metadata})
}

// cippMetadata is how CIPP repeats a request beside its results.
func (s *Server) cippMetadata(c *cippCall, endpoint string, options url.Values, manual bool) map[string]any {
	parameters := map[string]string{}
	for name := range options {
		parameters[name] = options.Get(name)
	}
	metadata := map[string]any{"Endpoint": endpoint, "Parameters": parameters, "CippLink": nil}
	if c.filter != "" {
		metadata["TenantFilter"] = c.filter
	}
	if manual {
		metadata["ManualPagination"] = true
	}
	if c.cold {
		metadata["ColdStart"] = true
	}
	return metadata
}

// cippQueued says whether CIPP fetches in the background and answers with
// nothing for now.
func (s *Server) cippQueued(c *cippCall, options url.Values, single bool) bool {
	if _, ordered := c.fired["cipp-queued"]; ordered || strings.EqualFold(c.filter, "AllTenants") {
		return true
	}
	t, ok := s.cippTenant(c.filter)
	return ok && options.Get("$count") != "" && !single && s.fleet.Count(t.Index) > cippQueueThreshold
}

// cippBool reads a switch as .NET does.
func cippBool(raw string) (value, ok bool) {
	switch strings.ToLower(strings.TrimSpace(raw)) {
	case "", "false":
		return false, true
	case "true":
		return true, true
	}
	return false, false
}
