package cipp

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"sync"

	"github.com/entrasync/entrasync/services/connection/internal/connection"
)

const (
	// userSelect is exactly what a connection.User holds.
	userSelect = "id,userPrincipalName,mail,displayName,givenName,surname,accountEnabled,userType,jobTitle,department," +
		"mobilePhone,businessPhones,proxyAddresses,otherMails,assignedLicenses"
	pageSize    = "999" // the most that Graph gives
	maxRestarts = 3
	// maxCounted is how many pages of ids a tenant's details are worth.
	maxCounted = 20
)

// The reasons for which a listing starts again.
const (
	pageTokenExpired = "page_token_expired"
	noDelta          = "no_delta"
)

// buffers are used again: a page of a large directory is about a megabyte.
var buffers = sync.Pool{New: func() any { b := make([]byte, 0, 1<<20); return &b }}

// graphQuery asks for an endpoint of Graph in a managed tenant. The version is said:
// CIPP's own choice is the beta one.
func graphQuery(managedTenant, endpoint, properties string) url.Values {
	return url.Values{
		"tenantFilter": {managedTenant}, "Endpoint": {endpoint}, "$select": {properties}, "manualPagination": {"true"}, "Version": {"v1.0"},
	}
}

// ListUsers streams a managed tenant's users, always all of them: CIPP keeps no
// account of changes. Memory is that of one page.
func (d *Directory) ListUsers(ctx context.Context, tokens connection.TokenSource, r connection.UsersRequest, emit func(connection.UsersEvent) error) error {
	if r.DeltaLink != "" { // of a direct connection that was before this one
		if err := emit(connection.UsersEvent{Restarted: &connection.Restarted{Full: true, Reason: noDelta}}); err != nil {
			return err
		}
	}
	handOn := func(p *page) error {
		if len(p.users) == 0 {
			return nil
		}
		return emit(connection.UsersEvent{Page: &connection.UsersPage{Users: p.users}})
	}
	for restarts := 0; ; restarts++ {
		err := d.walk(ctx, tokens, r.ManagedTenant, userSelect, handOn)
		if err == nil {
			return emit(connection.UsersEvent{Completed: &connection.Completed{Full: true}})
		}
		if !errors.Is(err, errLinkRefused) || restarts == maxRestarts {
			return err
		}
		if err := emit(connection.UsersEvent{Restarted: &connection.Restarted{Full: r.DeltaLink != "", Reason: pageTokenExpired}}); err != nil {
			return err
		}
	}
}

var (
	// errLinkRefused: CIPP does not take its own link any more. Why, its text alone
	// says; it may have expired, so the listing is worth another start.
	errLinkRefused = errors.New("a link to the next page was refused")
	errCircle      = errors.New("the links between pages lead in a circle")
)

// walk hands on the pages of a managed tenant's users, one after the other.
func (d *Directory) walk(ctx context.Context, tokens connection.TokenSource, managedTenant, properties string, handOn func(*page) error) error {
	buffer := buffers.Get().(*[]byte)
	defer buffers.Put(buffer)
	var p page
	var id string
	seen := map[[sha256.Size]byte]bool{}
	q := call{endpoint: "ListGraphRequest", query: graphQuery(managedTenant, "users", properties), about: ofTenant, tokens: tokens}
	q.query.Set("$top", pageSize)
	for link := ""; ; {
		var err error
		*buffer, err = d.read(ctx, q, *buffer, func(body []byte, requestID string) error {
			id = requestID
			return parsePage(body, &p)
		})
		if err != nil {
			return walkFailure(err, link != "")
		}
		if err := handOn(&p); err != nil {
			return err
		}
		// Older releases give the caller's own link back with the last page.
		if p.NextLink == "" || p.NextLink == link {
			return nil
		}
		key := sha256.Sum256([]byte(p.NextLink))
		if seen[key] {
			return unreadable(errCircle, id)
		}
		seen[key], link = true, p.NextLink
		q.query.Set("nextLink", link)
	}
}

// walkFailure classifies what ended a walk; on says that it was not at its first
// page.
func walkFailure(err error, on bool) error {
	r, refused := errors.AsType[*refusal](err)
	failure := classified(err, ofTenant)
	if refused && on && r.status == http.StatusBadRequest && r.number == 0 {
		return fmt.Errorf("%w: %w", errLinkRefused, failure)
	}
	return failure
}

// CountUsers counts the users of a managed tenant by their ids: CIPP passes no
// count of Graph on.
func (d *Directory) CountUsers(ctx context.Context, tokens connection.TokenSource, r connection.TenantRequest) (int32, error) {
	for restarts := 0; ; restarts++ {
		var n int32
		err := d.walk(ctx, tokens, r.ManagedTenant, "id", func(p *page) error {
			n += int32(len(p.users))
			return nil
		})
		if err == nil {
			return n, nil
		}
		if !errors.Is(err, errLinkRefused) || restarts == maxRestarts {
			return 0, err
		}
	}
}

// errEnough ends a count that is not worth its requests.
var errEnough = errors.New("too many to count")

// TenantDetails asks a managed tenant's own directory for its domains and, where
// they are not too many, the number of its users. What one of them gives is
// returned also when the other fails, beside the error.
func (d *Directory) TenantDetails(ctx context.Context, tokens connection.TokenSource, r connection.TenantRequest) (connection.Details, error) {
	var details connection.Details
	q := call{endpoint: "ListGraphRequest", query: graphQuery(r.ManagedTenant, "organization", "id,verifiedDomains"), about: ofTenant, tokens: tokens}
	_, err := d.read(ctx, q, nil, func(body []byte, _ string) error { return parseOrganization(body, &details) })
	if err != nil {
		return details, classified(err, ofTenant)
	}
	var n int32
	pages := 0
	err = d.walk(ctx, tokens, r.ManagedTenant, "id", func(p *page) error {
		n += int32(len(p.users))
		if pages++; pages == maxCounted && p.NextLink != "" {
			return errEnough
		}
		return nil
	})
	switch {
	case err == nil:
		details.UserCount = &n
	case !errors.Is(err, errEnough):
		return details, err
	}
	return details, nil
}
