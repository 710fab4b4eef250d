package server

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/entrasync/entrasync/deploy/simulator/fleet"
)

// cippTenant is a row of CIPP's tenant table.
type cippTenant struct {
	PartitionKey             string `json:"PartitionKey"`
	RowKey                   string `json:"RowKey"`
	CustomerID               string `json:"customerId"`
	DisplayName              string `json:"displayName"`
	RelationshipEnd          string `json:"relationshipEnd,omitempty"`
	RelationshipCount        int    `json:"relationshipCount"`
	DefaultDomainName        string `json:"defaultDomainName"`
	InitialDomainName        string `json:"initialDomainName"`
	HasAutoExtend            bool   `json:"hasAutoExtend"`
	DelegatedPrivilegeStatus string `json:"delegatedPrivilegeStatus,omitempty"`
	Domains                  string `json:"domains"`
	Excluded                 bool   `json:"Excluded"`
	ExcludeUser              string `json:"ExcludeUser"`
	ExcludeDate              string `json:"ExcludeDate"`
	GraphErrorCount          int    `json:"GraphErrorCount"`
	LastGraphError           string `json:"LastGraphError"`
	RequiresRefresh          bool   `json:"RequiresRefresh"`
	LastRefresh              string `json:"LastRefresh"`
}

// cippTenants answers GET /api/ListTenants. A failure of it is told in a row,
// with status 200.
func (s *Server) cippTenants(c *cippCall) {
	if f, ok := c.fired["cipp-tenants-failed"]; ok {
		cippJSON(c.w, []any{map[string]string{
			"Results":           "Failed to retrieve tenants: " + cmp.Or(f.Message, "Could not get token: AADSTS50173: The provided grant has expired due to it being revoked."),
			"defaultDomainName": "", "displayName": "Failed to retrieve tenants. Perform a permission check.", "customerId": "",
		}})
		return
	}
	rows := []any{}
	if strings.EqualFold(c.query["alltenantselector"], "true") && c.filter == "" {
		rows = append(rows, map[string]any{
			"customerId": "AllTenants", "defaultDomainName": "AllTenants", "displayName": "*All Tenants", "domains": "AllTenants", "GraphErrorCount": 0,
		})
	}
	if _, empty := c.fired["empty-listing"]; !empty {
		for _, t := range s.cippTenantRows() {
			if c.filter != "" && c.filter != "null" && !strings.EqualFold(c.filter, t.DefaultDomainName) || s.cipp.isBlocked(t.CustomerID) {
				continue
			}
			rows = append(rows, t)
		}
	}
	cippJSON(c.w, rows)
}

// cippTenantRows are the customers that CIPP knows, by display name: those
// with an active relationship, and those that somebody excluded.
func (s *Server) cippTenantRows() []cippTenant {
	all, active := s.cippRelationships()
	var rows []cippTenant
	if s.cipp.settings().PartnerListed {
		own := s.cippTenantRow(s.fleet.Partner(), nil)
		own.DisplayName, own.Domains = "*Partner Tenant", "PartnerTenant"
		rows = append(rows, own)
	}
	for _, t := range s.fleet.Customers() {
		switch {
		case s.cipp.isExcluded(t.ID):
			row := s.cippTenantRow(t, all[t.ID])
			row.Excluded, row.ExcludeUser, row.ExcludeDate = true, "admin@"+s.fleet.Partner().DefaultDomain(), graphTime(s.started)[:len(time.DateOnly)]
			rows = append(rows, row)
		case len(active[t.ID]) > 0:
			rows = append(rows, s.cippTenantRow(t, active[t.ID]))
		}
	}
	slices.SortFunc(rows, func(a, b cippTenant) int { return cmp.Compare(a.DisplayName, b.DisplayName) })
	return rows
}

// cippRelationships are the relationships that CIPP looks at, by customer:
// none that Microsoft made for a transition.
func (s *Server) cippRelationships() (all, active map[string][]fleet.Relationship) {
	all, active = map[string][]fleet.Relationship{}, map[string][]fleet.Relationship{}
	now := s.now()
	for _, r := range s.fleet.Relationships() {
		if strings.HasPrefix(r.DisplayName, "MLT_") {
			continue
		}
		all[r.TenantID] = append(all[r.TenantID], r)
		if r.Status == "active" && now.Before(r.End) {
			active[r.TenantID] = append(active[r.TenantID], r)
		}
	}
	return all, active
}

func (s *Server) cippTenantRow(t fleet.Tenant, relations []fleet.Relationship) cippTenant {
	row := cippTenant{
		PartitionKey: "Tenants", RowKey: t.ID, CustomerID: t.ID, DisplayName: t.DisplayName, RelationshipCount: len(relations),
		DefaultDomainName: t.DefaultDomain(), InitialDomainName: t.InitialDomain(), LastRefresh: graphTime(s.started),
	}
	for _, r := range relations {
		row.DelegatedPrivilegeStatus = "granularDelegatedAdminPrivileges"
		row.RelationshipEnd = max(row.RelationshipEnd, graphTime(r.End))
		row.HasAutoExtend = row.HasAutoExtend || r.AutoExtend != "PT0S"
	}
	return row
}

// errCIPPScope is what CIPP says of a tenant that it does not manage.
const errCIPPScope = "Not allowed. You cannot manage your own tenant or tenants not under your scope"

// cippTenant finds the directory of a tenantFilter: an id, or the default or
// initial domain, of a customer that is managed and not excluded.
func (s *Server) cippTenant(filter string) (fleet.Tenant, bool) {
	t, ok := s.fleet.Tenant(filter)
	if !ok || !strings.EqualFold(filter, t.ID) && !strings.EqualFold(filter, t.DefaultDomain()) && !strings.EqualFold(filter, t.InitialDomain()) {
		return fleet.Tenant{}, false
	}
	if t.Index == 0 {
		return t, s.cipp.settings().PartnerListed
	}
	_, active := s.cippRelationships()
	return t, !s.cipp.isExcluded(t.ID) && len(active[t.ID]) > 0
}
