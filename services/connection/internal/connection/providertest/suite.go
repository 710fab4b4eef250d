// Package providertest is what every provider of directories must do, as one suite
// for all of them.
package providertest

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/entrasync/entrasync/pkg/errs"
	"github.com/entrasync/entrasync/services/connection/internal/connection"
)

// Tenant is a managed tenant as it is in truth.
type Tenant struct {
	ID            string
	DisplayName   string
	PrimaryDomain string
	Domains       []string
	Users         int
}

// Refusal is a way in which a directory is not to be had.
type Refusal struct {
	Name string
	// Order makes every reading of the tenant's users fail in this way until Restore.
	Order  func(t *testing.T, tenant string)
	Reason string
	Class  connection.Class
}

// Subject is a provider under test, with a party behind it that does as it is ordered.
type Subject struct {
	// Open returns a provider that remembers nothing of the tests before.
	Open func(t *testing.T) connection.Provider
	// Partner and Customer give tokens for the partner's and for managed tenants.
	Partner  connection.TokenSource
	Customer func(managedTenant string) connection.TokenSource

	Tenants []Tenant // all of them
	// Large is a tenant with more users than a page has.
	Large    Tenant
	PageSize int // users in a page, at most

	// Delta reports whether the provider gives delta links; without it Edit may be nil.
	Delta bool
	// Edit changes one user's job title.
	Edit func(t *testing.T, tenant, user, jobTitle string)

	// Requests counts what was asked for the tenant's users so far.
	Requests func(t *testing.T, tenant string) int
	Refusals []Refusal
	Restore  func(t *testing.T) // ends what a refusal ordered
}

// Run holds a provider against the port's promises, one after the other: what is
// ordered of the party behind it holds for all.
func Run(t *testing.T, s Subject) {
	t.Helper()
	t.Run("a probe gives one tenant", s.probe)
	t.Run("all managed tenants are listed once", s.managedTenants)
	t.Run("details are the tenant's own", s.details)
	t.Run("users are counted", s.count)
	t.Run("a full listing has every user once", s.full)
	t.Run("changes since a link", s.changes)
	t.Run("a page is handed on before the next is asked for", s.onePage)
	t.Run("a caller that stops ends the listing", s.stops)
	t.Run("a cancelled caller is let go", s.cancelled)
	for _, r := range s.Refusals {
		t.Run("refused: "+r.Name, func(t *testing.T) { s.refused(t, r) })
	}
}

func (s Subject) probe(t *testing.T) {
	n, err := s.Open(t).Probe(t.Context(), s.Partner)
	require.NoError(t, err)
	require.Equal(t, 1, n)
}

func (s Subject) managedTenants(t *testing.T) {
	got := map[string]connection.ManagedTenant{}
	err := s.Open(t).ListManagedTenants(t.Context(), s.Partner, connection.Normal, func(tenants []connection.ManagedTenant) error {
		for _, tenant := range tenants {
			require.NotContains(t, got, tenant.EntraTenantID)
			got[tenant.EntraTenantID] = tenant
		}
		return nil
	})
	require.NoError(t, err)
	require.Len(t, got, len(s.Tenants))
	for _, want := range s.Tenants {
		require.Contains(t, got, want.ID)
		require.Equal(t, want.DisplayName, got[want.ID].DisplayName)
		if domain := got[want.ID].PrimaryDomain; domain != "" {
			require.Equal(t, want.PrimaryDomain, domain)
		}
	}
	broke := errors.New("the caller has had enough")
	err = s.Open(t).ListManagedTenants(t.Context(), s.Partner, connection.Normal, func([]connection.ManagedTenant) error { return broke })
	require.ErrorIs(t, err, broke)
}

func (s Subject) details(t *testing.T) {
	for _, want := range s.Tenants[:2] {
		got, err := s.Open(t).TenantDetails(t.Context(), s.Customer(want.ID), connection.TenantRequest{ManagedTenant: want.ID})
		require.NoError(t, err)
		require.Equal(t, want.PrimaryDomain, got.PrimaryDomain)
		require.Subset(t, want.Domains, got.Domains)
		require.Contains(t, got.Domains, want.PrimaryDomain)
		if got.UserCount != nil {
			require.EqualValues(t, want.Users, *got.UserCount)
		}
	}
}

func (s Subject) count(t *testing.T) {
	for _, want := range []Tenant{s.Tenants[0], s.Large} {
		n, err := s.Open(t).CountUsers(t.Context(), s.Customer(want.ID), connection.TenantRequest{ManagedTenant: want.ID})
		require.NoError(t, err)
		require.EqualValues(t, want.Users, n)
	}
}

// listing is what a listing gave.
type listing struct {
	users    map[string]connection.User
	removed  int
	largest  int // page
	complete *connection.Completed
}

func (s Subject) list(ctx context.Context, t *testing.T, tenant, link string) (listing, error) {
	t.Helper()
	l := listing{users: map[string]connection.User{}}
	r := connection.UsersRequest{ManagedTenant: tenant, DeltaLink: link}
	err := s.Open(t).ListUsers(ctx, s.Customer(tenant), r, func(e connection.UsersEvent) error {
		require.Nil(t, l.complete, "nothing comes after the end")
		switch {
		case e.Page != nil:
			for _, u := range e.Page.Users {
				l.users[u.EntraObjectID] = u
			}
			l.removed += len(e.Page.Removed)
			l.largest = max(l.largest, len(e.Page.Users))
		case e.Restarted != nil:
			clear(l.users)
		case e.Completed != nil:
			l.complete = e.Completed
		}
		return nil
	})
	return l, err
}

func (s Subject) full(t *testing.T) {
	for _, tenant := range []Tenant{s.Tenants[0], s.Large} {
		l, err := s.list(t.Context(), t, tenant.ID, "")
		require.NoError(t, err)
		require.Len(t, l.users, tenant.Users)
		require.LessOrEqual(t, l.largest, s.PageSize)
		require.NotNil(t, l.complete)
		require.True(t, l.complete.Full)
		require.Equal(t, s.Delta, l.complete.DeltaLink != "")
		for id, u := range l.users {
			require.NotEmpty(t, id)
			require.Empty(t, u.Defect)
			require.Equal(t, connection.Set, u.UserPrincipalName.Presence)
		}
	}
}

func (s Subject) changes(t *testing.T) {
	tenant := s.Tenants[0]
	l, err := s.list(t.Context(), t, tenant.ID, "")
	require.NoError(t, err)
	if !s.Delta {
		require.Empty(t, l.complete.DeltaLink)
		return
	}
	link := l.complete.DeltaLink
	none, err := s.list(t.Context(), t, tenant.ID, link)
	require.NoError(t, err)
	require.Empty(t, none.users)
	require.False(t, none.complete.Full)
	var user string
	for user = range l.users {
		break
	}
	s.Edit(t, tenant.ID, user, "Archivist")
	changed, err := s.list(t.Context(), t, tenant.ID, link)
	require.NoError(t, err)
	require.Len(t, changed.users, 1)
	require.Equal(t, connection.Text{Presence: connection.Set, Value: "Archivist"}, changed.users[user].JobTitle)
	require.Zero(t, changed.removed)
	require.False(t, changed.complete.Full)
	require.NotEmpty(t, changed.complete.DeltaLink)
}

func (s Subject) onePage(t *testing.T) {
	before := s.Requests(t, s.Large.ID)
	pages := 0
	r := connection.UsersRequest{ManagedTenant: s.Large.ID}
	err := s.Open(t).ListUsers(t.Context(), s.Customer(s.Large.ID), r, func(e connection.UsersEvent) error {
		if e.Page != nil {
			pages++
			require.Equal(t, pages, s.Requests(t, s.Large.ID)-before, "no page is asked for in advance")
		}
		return nil
	})
	require.NoError(t, err)
	require.Greater(t, pages, 1)
}

func (s Subject) stops(t *testing.T) {
	broke := errors.New("the caller has had enough")
	before := s.Requests(t, s.Large.ID)
	r := connection.UsersRequest{ManagedTenant: s.Large.ID}
	err := s.Open(t).ListUsers(t.Context(), s.Customer(s.Large.ID), r, func(connection.UsersEvent) error { return broke })
	require.ErrorIs(t, err, broke)
	require.Equal(t, 1, s.Requests(t, s.Large.ID)-before)
}

func (s Subject) cancelled(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	r := connection.UsersRequest{ManagedTenant: s.Large.ID}
	err := s.Open(t).ListUsers(ctx, s.Customer(s.Large.ID), r, func(e connection.UsersEvent) error {
		require.Nil(t, e.Completed)
		cancel()
		return nil
	})
	require.ErrorIs(t, err, context.Canceled)
	_, err = s.Open(t).TenantDetails(ctx, s.Customer(s.Large.ID), connection.TenantRequest{ManagedTenant: s.Large.ID})
	require.ErrorIs(t, err, context.Canceled)
}

func (s Subject) refused(t *testing.T, r Refusal) {
	tenant := s.Tenants[1]
	r.Order(t, tenant.ID)
	l, err := s.list(t.Context(), t, tenant.ID, "")
	s.Restore(t)
	require.Equal(t, r.Reason, errs.ReasonOf(err))
	require.Equal(t, r.Class, connection.ClassOf(err))
	require.Nil(t, l.complete, "what broke off never reads as complete")
	e, ok := errors.AsType[*errs.Error](err)
	require.True(t, ok)
	require.NotEmpty(t, e.Public())
	require.NotEmpty(t, e.Metadata()["remedy"])
	l, err = s.list(t.Context(), t, tenant.ID, "")
	require.NoError(t, err, "it is over when it is over")
	require.Len(t, l.users, tenant.Users)
}
