package server

import (
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/entrasync/entrasync/deploy/simulator/fleet"
)

// tenantPage is the largest page of the tenantRelationships collections;
// directory objects have the pages of users.
const tenantPage = 300

type verifiedDomain struct {
	Capabilities string `json:"capabilities"`
	IsDefault    bool   `json:"isDefault"`
	IsInitial    bool   `json:"isInitial"`
	Name         string `json:"name"`
	Type         string `json:"type"`
}

// openOrganization are the properties that User.Read gives; the others come as null.
var openOrganization = []string{"id", "displayName", "verifiedDomains"}

// organization answers GET /organization.
func (s *Server) organization(c *call, _ []string) *graphError {
	if e := onlyOptions(c.query, "$select"); e != nil {
		return e
	}
	t := c.tenant
	domains := []verifiedDomain{}
	for _, d := range t.Domains {
		domains = append(domains, verifiedDomain{"Email, OfficeCommunicationsOnline", d.Default, d.Initial, d.Name, "Managed"})
	}
	row := map[string]any{
		"id": t.ID, "deletedDateTime": nil, "displayName": t.DisplayName, "createdDateTime": graphTime(t.CreatedAt),
		"businessPhones": []string{}, "city": nil, "country": nil, "countryLetterCode": "GB", "preferredLanguage": "en",
		"tenantType": "AAD", "onPremisesSyncEnabled": nil, "technicalNotificationMails": []string{}, "verifiedDomains": domains,
	}
	if !c.claims.allows(readOrganization, readOrganization) {
		for name := range row {
			if !slices.Contains(openOrganization, name) {
				row[name] = nil
			}
		}
	}
	row, e := project(row, c.query.Get("$select"), "microsoft.graph.organization")
	if e != nil {
		return e
	}
	return c.writeJSON(map[string]any{"@odata.context": graphResource + "/v1.0/$metadata#organization", "value": []any{row}})
}

// relationshipStatuses are the members of delegatedAdminRelationshipStatus.
var relationshipStatuses = []string{
	"activating", "active", "approvalPending", "approved", "created", "expired", "expiring", "terminated",
	"terminating", "terminationRequested", "unknownFutureValue",
}

var statusFilter = regexp.MustCompile(`^(status|customer/tenantId) eq '([^']*)'$`)

// listRelationships answers GET /tenantRelationships/delegatedAdminRelationships.
func (s *Server) listRelationships(c *call, _ []string) *graphError {
	if e := onlyOptions(c.query, "$filter", "$top", "$skiptoken", "$select"); e != nil {
		return e
	}
	keep := func(fleet.Relationship) bool { return true }
	if raw := c.query.Get("$filter"); raw != "" {
		var tests [][]string
		for term := range strings.SplitSeq(raw, " and ") {
			m := statusFilter.FindStringSubmatch(strings.TrimSpace(term))
			if m == nil || m[1] == "status" && !slices.Contains(relationshipStatuses, m[2]) {
				return badFilter(raw)
			}
			tests = append(tests, m)
		}
		keep = func(r fleet.Relationship) bool {
			for _, m := range tests {
				if m[1] == "status" && r.Status != m[2] || m[1] != "status" && r.TenantID != m[2] {
					return false
				}
			}
			return true
		}
	}
	rows := []map[string]any{}
	for _, r := range s.fleet.Relationships() {
		if keep(r) {
			rows = append(rows, relationshipJSON(r))
		}
	}
	return s.writeCollection(c, "/tenantRelationships/delegatedAdminRelationships", "microsoft.graph.delegatedAdminRelationship", rows)
}

func relationshipJSON(r fleet.Relationship) map[string]any {
	roles := []map[string]string{}
	for _, id := range r.Roles {
		roles = append(roles, map[string]string{"roleDefinitionId": id})
	}
	return map[string]any{
		"id": r.ID, "displayName": r.DisplayName, "duration": r.Duration, "status": r.Status, "autoExtendDuration": r.AutoExtend,
		"customer":        map[string]string{"tenantId": r.TenantID, "displayName": r.TenantName},
		"accessDetails":   map[string]any{"unifiedRoles": roles},
		"createdDateTime": graphTime(r.Created), "lastModifiedDateTime": graphTime(r.Modified),
		"activatedDateTime": graphTime(r.Activated), "endDateTime": graphTime(r.End),
	}
}

// delegatedCustomers answers GET /tenantRelationships/delegatedAdminCustomers.
func (s *Server) delegatedCustomers(c *call, _ []string) *graphError {
	if e := onlyOptions(c.query, "$top", "$skiptoken", "$select"); e != nil {
		return e
	}
	rows := []map[string]any{}
	for _, t := range s.managed() {
		rows = append(rows, map[string]any{"id": t.ID, "tenantId": t.ID, "displayName": t.DisplayName})
	}
	return s.writeCollection(c, "/tenantRelationships/delegatedAdminCustomers", "microsoft.graph.delegatedAdminCustomer", rows)
}

// managed are the customers with an active relationship.
func (s *Server) managed() []fleet.Tenant {
	active, now := map[string]bool{}, s.now()
	for _, r := range s.fleet.Relationships() {
		if r.Status == "active" && now.Before(r.End) {
			active[r.TenantID] = true
		}
	}
	return slices.DeleteFunc(slices.Clone(s.fleet.Customers()), func(t fleet.Tenant) bool { return !active[t.ID] })
}

// contracts answers GET /contracts.
func (s *Server) contracts(c *call, _ []string) *graphError {
	if e := onlyOptions(c.query, "$top", "$skiptoken", "$select"); e != nil {
		return e
	}
	rows := []map[string]any{}
	for _, t := range s.fleet.Customers() {
		if t.InContracts {
			rows = append(rows, map[string]any{
				"id": t.ContractID(), "deletedDateTime": nil, "contractType": "Contract", "customerId": t.ID,
				"defaultDomainName": t.DefaultDomain(), "displayName": t.DisplayName,
			})
		}
	}
	return s.writeCollection(c, "/contracts", "microsoft.graph.contract", rows)
}

// managedTenants answers Lighthouse's GET /beta/tenantRelationships/managedTenants/tenants.
func (s *Server) managedTenants(c *call, _ []string) *graphError {
	if e := onlyOptions(c.query, "$top", "$skiptoken"); e != nil {
		return e
	}
	rows := []map[string]any{}
	for _, t := range s.managed() {
		rows = append(rows, map[string]any{
			"id": t.ID, "tenantId": t.ID, "displayName": t.DisplayName,
			"createdDateTime": graphTime(t.CreatedAt), "lastUpdatedDateTime": graphTime(t.CreatedAt),
			"contract":                map[string]any{"contractType": 1, "defaultDomainName": t.DefaultDomain(), "displayName": t.DisplayName},
			"tenantStatusInformation": map[string]any{"onboardingStatus": "active", "delegatedPrivilegeStatus": "delegatedAdminPrivileges", "tenantOnboardingEligibilityReason": "none"},
		})
	}
	return s.writeCollection(c, "/tenantRelationships/managedTenants/tenants", "", rows)
}

// writeCollection pages over a small collection. An empty type has no $select.
func (s *Server) writeCollection(c *call, path, typeName string, rows []map[string]any) *graphError {
	largest := largestPage
	if strings.HasPrefix(path, "/tenantRelationships/") {
		largest = tenantPage
	}
	top, e := pageSize(c.query, defaultPage, largest)
	if e != nil {
		return e
	}
	if _, none := c.fired["empty-listing"]; none {
		rows = rows[:0]
	}
	from := 0
	if raw := c.query.Get("$skiptoken"); raw != "" {
		if _, ok := c.fired["expired-page-token"]; ok {
			return errExpiredPage
		}
		t, ok := s.openToken(raw, c.tenant.ID)
		switch {
		case !ok || t.Kind != path || t.Filter != c.query.Get("$filter") || t.Position > len(rows):
			return errPageToken
		case s.age(t) > skipLife:
			return errExpiredPage
		}
		from = t.Position
	}
	to := min(from+top, len(rows))
	page := rows[from:to]
	for i := range page {
		if typeName == "" {
			break
		}
		if page[i], e = project(page[i], c.query.Get("$select"), typeName); e != nil {
			return e
		}
	}
	body := map[string]any{"@odata.context": graphResource + "/" + c.version + "/$metadata#" + path[1:], "value": page}
	if to < len(rows) {
		q := c.r.URL.Query()
		q.Set("$top", strconv.Itoa(top))
		q.Set("$skiptoken", s.sealToken(pageToken{Kind: path, Tenant: c.tenant.ID, Filter: c.query.Get("$filter"), Position: to}))
		body["@odata.nextLink"] = c.root() + path + "?" + q.Encode()
	}
	return c.writeJSON(body)
}
