package cipp

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/entrasync/entrasync/services/connection/internal/connection"
)

// probeTime leaves the caller time to answer.
const probeTime = 40 * time.Second

// tenantRow is a row of ListTenants as far as it is used.
type tenantRow struct {
	CustomerID        string `json:"customerId"`
	DefaultDomainName string `json:"defaultDomainName"`
	InitialDomainName string `json:"initialDomainName"`
	DisplayName       string `json:"displayName"`
	RelationshipEnd   string `json:"relationshipEnd"`
	HasAutoExtend     loose  `json:"hasAutoExtend"`
	Excluded          loose  `json:"Excluded"`
	Domains           string `json:"domains"`
}

// ownTenant marks the partner's own row, where CIPP lists it.
const ownTenant = "PartnerTenant"

// loose is a switch that PowerShell writes in several ways.
type loose bool

// UnmarshalJSON takes true, "true" and 1, in any case; all else is false.
func (l *loose) UnmarshalJSON(raw []byte) error {
	text := strings.ToLower(strings.Trim(string(raw), `"`))
	*l = text == "true" || text == "1"
	return nil
}

// directoryID is the form of a tenant's id.
var directoryID = regexp.MustCompile(`\A[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}\z`)

var (
	errNotRows = errors.New("not a list of tenants")
	// errFailedRow: CIPP reports a failure by a row without an id, with status 200.
	// Taken for a list, such an answer would mean that every tenant is gone.
	errFailedRow = errors.New("a list of tenants with a row that is none")
)

// parseTenants reads ListTenants. A row that is no tenant spoils the whole: a list
// that lacks somebody is worse than none.
func parseTenants(body []byte) ([]tenantRow, error) {
	body = bytes.TrimPrefix(body, []byte("\ufeff"))
	var rows []tenantRow
	if err := json.Unmarshal(body, &rows); err != nil || rows == nil {
		return nil, errNotRows // the cause may quote it
	}
	for _, row := range rows {
		if !directoryID.MatchString(row.CustomerID) {
			return nil, errFailedRow
		}
	}
	return rows, nil
}

// parseMe reads an answer about the caller. CIPP refuses with an answer without one, and with status
// 200, where the API client has no role or comes from an address that is not allowed.
func parseMe(body []byte) (refused bool, err error) {
	var me struct {
		Principal json.RawMessage `json:"clientPrincipal"`
	}
	var who map[string]json.RawMessage
	if json.Unmarshal(bytes.TrimPrefix(body, []byte("\ufeff")), &me) != nil || json.Unmarshal(me.Principal, &who) != nil {
		return false, errors.New("not an answer about the caller") // the cause may quote it
	}
	return who == nil, nil
}

// ends is when access ends; nil when it renews itself or is not known.
func (r tenantRow) ends() *time.Time {
	if r.HasAutoExtend {
		return nil
	}
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02T15:04:05", time.DateOnly} {
		if at, err := time.Parse(layout, r.RelationshipEnd); err == nil {
			return &at
		}
	}
	return nil
}

// isPartner reports whether the row is the partner's own tenant.
func (r tenantRow) isPartner(partner string) bool {
	return r.Domains == ownTenant || slices.ContainsFunc([]string{r.CustomerID, r.DefaultDomainName, r.InitialDomainName}, func(name string) bool {
		return strings.EqualFold(name, partner)
	})
}

// Probe asks CIPP for the caller's name and lists its tenants; it returns how many came
// (0 or 1).
func (d *Directory) Probe(ctx context.Context, tokens connection.TokenSource) (int, error) {
	bounded, cancel := context.WithTimeout(ctx, d.client.probeTime)
	defer cancel()
	n, err := d.probe(bounded, tokens)
	if bounded.Err() != nil && ctx.Err() == nil {
		return 0, lost(ctx, bounded.Err(), connection.RequestIDOf(err))
	}
	return n, err
}

func (d *Directory) probe(ctx context.Context, tokens connection.TokenSource) (int, error) {
	var id string
	refused := false
	_, err := d.read(ctx, call{endpoint: "me", tokens: tokens}, nil, func(body []byte, requestID string) (err error) {
		id = requestID
		refused, err = parseMe(body)
		return err
	})
	if err != nil {
		return 0, classified(err, ofCIPP)
	}
	if refused {
		return 0, (&refusal{status: http.StatusForbidden, requestID: id}).classify(ofCIPP)
	}
	rows, err := d.tenants(ctx, tokens)
	return min(len(rows), 1), err
}

// ListManagedTenants returns the customers that CIPP manages, each once, ordered by
// id. Those that somebody excluded there are left out.
func (d *Directory) ListManagedTenants(ctx context.Context, tokens connection.TokenSource, _ connection.Priority, emit func([]connection.ManagedTenant) error) error {
	rows, err := d.tenants(ctx, tokens)
	if err != nil {
		return err
	}
	tenants := make([]connection.ManagedTenant, 0, len(rows))
	for _, r := range rows {
		id := strings.ToLower(r.CustomerID)
		tenants = append(tenants, connection.ManagedTenant{
			EntraTenantID: id, DisplayName: cmp.Or(r.DisplayName, id), PrimaryDomain: cmp.Or(r.DefaultDomainName, r.InitialDomainName), AccessEndsAt: r.ends(),
		})
	}
	return connection.EmitManagedTenants(tenants, emit)
}

// tenants reads the rows that count.
func (d *Directory) tenants(ctx context.Context, tokens connection.TokenSource) (rows []tenantRow, err error) {
	_, err = d.read(ctx, call{endpoint: "ListTenants", tokens: tokens}, nil, func(body []byte, _ string) (err error) {
		rows, err = parseTenants(body)
		return err
	})
	if err != nil {
		return nil, classified(err, ofCIPP)
	}
	return slices.DeleteFunc(rows, func(r tenantRow) bool { return bool(r.Excluded) || r.isPartner(d.partner) }), nil
}
