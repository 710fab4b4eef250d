package microsoft

import (
	"cmp"
	"context"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/entrasync/entrasync/pkg/errs"
	"github.com/entrasync/entrasync/services/connection/internal/connection"
)

const (
	relationshipsPath = "/v1.0/tenantRelationships/delegatedAdminRelationships"
	relationshipsTop  = "300"
	// tenantsChunk is how many managed tenants are handed on at once.
	tenantsChunk = 500
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

// Probe lists one active relationship, whether or not there is one.
func (c *Client) Probe(ctx context.Context, tokens connection.TokenSource) (int, error) {
	address := c.graphURL(relationshipsPath, url.Values{"$filter": {"status eq 'active'"}, "$top": {"1"}})
	var answer struct {
		Value *[]relationship `json:"value"`
	}
	g := get{url: address, at: atPartner, tokens: tokens, priority: "high"}
	if err := c.readJSON(ctx, g, &answer); err != nil {
		return 0, settle(err)
	}
	if answer.Value == nil {
		return 0, classifyAnswer(errSyntax)
	}
	return min(len(*answer.Value), 1), nil
}

// ListManagedTenants gives the customers with an active relationship, each once.
func (c *Client) ListManagedTenants(ctx context.Context, tokens connection.TokenSource, emit func([]connection.ManagedTenant) error) error {
	byTenant := map[string]*customer{}
	address := c.graphURL(relationshipsPath, url.Values{"$filter": {"status eq 'active'"}, "$top": {relationshipsTop}})
	err := collect(ctx, c, get{url: address, at: atPartner, tokens: tokens}, func(r relationship) {
		addRelationship(byTenant, r)
	})
	if err != nil {
		return err
	}
	contracts := map[string]contract{}
	err = collect(ctx, c, get{url: c.graphURL("/v1.0/contracts", nil), at: atPartner, tokens: tokens}, func(k contract) {
		contracts[strings.ToLower(k.CustomerID)] = k
	})
	// Not every partner's consent covers contracts; domains then come from each
	// tenant's own directory.
	if err != nil && errs.ReasonOf(err) != connection.ReasonConsentMissing {
		return err
	}
	tenants := make([]connection.ManagedTenant, 0, len(byTenant))
	for id, customer := range byTenant {
		known := contracts[id]
		tenants = append(tenants, connection.ManagedTenant{
			EntraTenantID: id, DisplayName: cmp.Or(customer.name, known.DisplayName, id), PrimaryDomain: known.DefaultDomainName,
			AccessEndsAt: customer.ends(),
		})
	}
	slices.SortFunc(tenants, func(a, b connection.ManagedTenant) int { return cmp.Compare(a.EntraTenantID, b.EntraTenantID) })
	for chunk := range slices.Chunk(tenants, tenantsChunk) {
		if err := emit(chunk); err != nil {
			return err
		}
	}
	return nil
}

// customer gathers the relationships with one managed tenant.
type customer struct {
	name   string
	last   time.Time // the latest end
	renews bool      // one of the relationships renews itself
}

// ends is when access ends, zero when it renews itself.
func (c *customer) ends() time.Time {
	if c.renews {
		return time.Time{}
	}
	return c.last
}

// addRelationship leaves out those that Microsoft made for its own Lighthouse
// (MLT_).
func addRelationship(into map[string]*customer, r relationship) {
	id := strings.ToLower(r.Customer.TenantID)
	if id == "" || strings.HasPrefix(r.DisplayName, "MLT_") {
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
func collect[T any](ctx context.Context, c *Client, g get, each func(T)) error {
	for g.url != nil {
		var answer struct {
			Value    *[]T   `json:"value"`
			NextLink string `json:"@odata.nextLink"`
		}
		if err := c.readJSON(ctx, g, &answer); err != nil {
			return settle(err)
		}
		if answer.Value == nil {
			return classifyAnswer(errSyntax)
		}
		for _, item := range *answer.Value {
			each(item)
		}
		from := g.url
		g.url = nil
		if answer.NextLink != "" {
			next, err := c.sameHost(answer.NextLink)
			if err != nil || *next == *from {
				return classifyAnswer(errForeignLink)
			}
			g.url = next
		}
	}
	return nil
}
