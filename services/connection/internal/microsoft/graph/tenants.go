package graph

import (
	"cmp"
	"context"
	"log/slog"
	"net/url"
	"strings"
	"time"

	"github.com/entrasync/entrasync/pkg/errs"
	"github.com/entrasync/entrasync/services/connection/internal/connection"
	"github.com/entrasync/entrasync/services/connection/internal/microsoft"
	"github.com/entrasync/entrasync/services/connection/internal/outbound"
)

// tenantsURL asks for a source's rows, so many a page.
func (c *Client) tenantsURL(top string) *url.URL {
	switch c.source {
	case Customers:
		return c.graphURL("/v1.0/tenantRelationships/delegatedAdminCustomers", url.Values{"$top": {top}})
	case Lighthouse:
		return c.graphURL("/beta/tenantRelationships/managedTenants/tenants", url.Values{"$top": {top}})
	}
	return c.graphURL("/v1.0/tenantRelationships/delegatedAdminRelationships",
		url.Values{"$filter": {"status eq 'active'"}, "$top": {top}})
}

const (
	tenantsTop = "300" // the most that Graph gives
	// maxTenantPages ends a listing that has no end, and is kept in memory.
	maxTenantPages = 1000
	// namedByMicrosoft begins the names of relationships that Microsoft made for its
	// own Lighthouse.
	namedByMicrosoft = "MLT_"
)

// relationship is a delegatedAdminRelationship as far as it is used.
type relationship struct {
	DisplayName string `json:"displayName"`
	Customer    struct {
		TenantID    string `json:"tenantId"`
		DisplayName string `json:"displayName"`
	} `json:"customer"`
	AutoExtendDuration string    `json:"autoExtendDuration"` // ISO 8601; PT0S: it ends
	EndDateTime        time.Time `json:"endDateTime"`
}

// contract is a /contracts row as far as it is used.
type contract struct {
	CustomerID        string `json:"customerId"`
	DefaultDomainName string `json:"defaultDomainName"`
	DisplayName       string `json:"displayName"`
}

// tenantRow is a delegatedAdminCustomer, or a tenant of Lighthouse, as far as it is
// used.
type tenantRow struct {
	TenantID    string   `json:"tenantId"`
	DisplayName string   `json:"displayName"`
	Contract    contract `json:"contract"` // Lighthouse only
}

// Probe lists one managed tenant, whether or not there is one.
func (c *Client) Probe(ctx context.Context, tokens connection.TokenSource) (int, error) {
	request, err := c.newRequest(ctx, microsoft.AtPartner, tokens, connection.High)
	if err != nil {
		return 0, err
	}
	request.url, request.cost = c.tenantsURL("1"), costOf(costDefault, false, 1)
	rows := 0
	err = c.read(ctx, request, func(a answer) error {
		raw, err := outbound.ReadBody(a.body, nil, maxPageBytes)
		if err != nil {
			return err
		}
		page, _, err := parseRows[struct{}](raw)
		rows = min(len(page), 1)
		return err
	})
	return rows, classified(err)
}

// ListManagedTenants returns the customers that the source names, each once, ordered
// by id.
func (c *Client) ListManagedTenants(ctx context.Context, tokens connection.TokenSource, p connection.Priority, emit func([]connection.ManagedTenant) error) error {
	request, err := c.newRequest(ctx, microsoft.AtPartner, tokens, p)
	if err != nil {
		return err
	}
	request.url, request.cost = c.tenantsURL(tenantsTop), costOf(costDefault, false, 0)
	customers, err := c.customers(ctx, request)
	if err != nil {
		return err
	}
	if c.source != Lighthouse {
		if err := c.addContracts(ctx, request, customers); err != nil {
			return err
		}
	}
	tenants := make([]connection.ManagedTenant, 0, len(customers))
	for id, known := range customers {
		tenants = append(tenants, connection.ManagedTenant{
			EntraTenantID: id, DisplayName: cmp.Or(known.name, id), PrimaryDomain: known.domain, AccessEndsAt: known.ends(),
		})
	}
	return connection.EmitManagedTenants(tenants, emit)
}

// customer is what is known of one managed tenant.
type customer struct {
	name   string
	domain string
	last   time.Time // the latest end
	renews bool      // one of the relationships renews itself
}

// ends is when access ends, nil when it renews itself or nothing says so.
func (c *customer) ends() *time.Time {
	if c.renews || c.last.IsZero() {
		return nil
	}
	return &c.last
}

// customers reads the source.
func (c *Client) customers(ctx context.Context, request graphRequest) (map[string]*customer, error) {
	found := map[string]*customer{}
	if c.source == Relationships {
		rows, err := collect[relationship](ctx, c, request)
		for _, r := range rows {
			addRelationship(found, r)
		}
		return found, err
	}
	rows, err := collect[tenantRow](ctx, c, request)
	for _, r := range rows {
		if id := strings.ToLower(r.TenantID); id != "" {
			found[id] = &customer{name: cmp.Or(r.DisplayName, r.Contract.DisplayName), domain: r.Contract.DefaultDomainName}
		}
	}
	return found, err
}

// addContracts adds domains, without a call for each tenant. They are an extra: not
// every partner's consent covers contracts, and where these cannot be read domains
// come from each tenant's own directory.
func (c *Client) addContracts(ctx context.Context, request graphRequest, customers map[string]*customer) error {
	request.url, request.cost = c.graphURL("/v1.0/contracts", nil), costOf(costContracts, false, 0)
	rows, err := collect[contract](ctx, c, request)
	if err != nil {
		if ctx.Err() != nil || errs.ReasonOf(err) == connection.ReasonThrottled {
			return err
		}
		slog.WarnContext(ctx, "contracts not read, domains come from the directories", "error", err)
		return nil
	}
	for _, k := range rows {
		if known, ok := customers[strings.ToLower(k.CustomerID)]; ok {
			known.name, known.domain = cmp.Or(known.name, k.DisplayName), k.DefaultDomainName
		}
	}
	return nil
}

// addRelationship leaves out those that Microsoft made for itself.
func addRelationship(into map[string]*customer, r relationship) {
	id := strings.ToLower(r.Customer.TenantID)
	if id == "" || strings.HasPrefix(r.DisplayName, namedByMicrosoft) {
		return
	}
	known, ok := into[id]
	if !ok {
		known = &customer{}
		into[id] = known
	}
	known.name = cmp.Or(known.name, r.Customer.DisplayName)
	if r.EndDateTime.After(known.last) {
		known.last = r.EndDateTime
	}
	if r.AutoExtendDuration != "" && r.AutoExtendDuration != "PT0S" {
		known.renews = true
	}
}

// collect reads all pages of a small listing.
func collect[T any](ctx context.Context, c *Client, request graphRequest) (all []T, err error) {
	var rows []T
	err = restarting(func() error {
		all = nil
		return c.walk(ctx, request, maxTenantPages, func(raw []byte) (next string, err error) {
			rows, next, err = parseRows[T](raw)
			return next, err
		}, func() error {
			all = append(all, rows...)
			return nil
		})
	})
	if err != nil {
		return nil, classified(err)
	}
	return all, nil
}
