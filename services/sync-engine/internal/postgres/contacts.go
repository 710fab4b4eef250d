package postgres

import (
	"context"
	"strings"

	"github.com/google/uuid"

	"github.com/entrasync/entrasync/pkg/pg"
	"github.com/entrasync/entrasync/services/sync-engine/internal/postgres/sqlc"
	"github.com/entrasync/entrasync/services/sync-engine/internal/syncengine"
)

// lastKey is behind every name.
const lastKey = "\U0010FFFF"

// Contact reads one contact, deleted ones too.
func (s *Store) Contact(ctx context.Context, id string) (contact syncengine.Contact, err error) {
	parsed, err := parse(id, syncengine.ErrUnknownContact)
	if err != nil {
		return contact, err
	}
	err = s.in(ctx, func(ctx context.Context, q *sqlc.Queries, _ string) error {
		row, err := q.GetContact(ctx, parsed)
		if pg.NoRows(err) {
			return syncengine.ErrUnknownContact
		}
		contact = contactOf(row)
		return err
	}, pg.ReadOnly())
	return contact, err
}

// filter is a ContactFilter as the queries take it.
type filter struct {
	client           *uuid.UUID
	inactive, linked *bool
	search           *searched // nil without one
}

// searched are the ranges of texts that begin with what was typed: of names, of parts of names,
// which are cut, and of addresses. One without a beginning is empty.
type searched struct{ name, part, address textRange }

type textRange struct{ from, to string }

// beginningWith is the range of texts that begin so.
func beginningWith(text string) textRange {
	if text == "" {
		return textRange{from: lastKey, to: lastKey}
	}
	return textRange{from: text, to: text + lastKey}
}

// after is behind which place of the range a page begins, where the one before ended at a key and an
// id: a scan begins at one place, and not at the greater of two.
func (r textRange) after(key string, id uuid.UUID) (string, uuid.UUID) {
	if key < r.from {
		return r.from, uuid.Nil
	}
	return key, id
}

// partRunes is how many characters a part of a name has at most.
const partRunes = 64

func searchOf(s syncengine.ContactSearch) *searched {
	part := s.Words
	if runes := []rune(part); len(runes) > partRunes {
		part = string(runes[:partRunes])
	}
	return &searched{name: beginningWith(s.Words), part: beginningWith(part), address: beginningWith(s.Address)}
}

// filterOf reports false when nothing can match.
func filterOf(f syncengine.ContactFilter) (filter, bool) {
	out := filter{}
	if f.ClientID != "" {
		id, err := uuid.Parse(f.ClientID)
		if err != nil {
			return filter{}, false
		}
		out.client = &id
	}
	if f.Search != (syncengine.ContactSearch{}) {
		out.search = searchOf(f.Search)
	}
	if f.Status != "" {
		inactive := f.Status == "inactive"
		out.inactive = &inactive
	}
	if f.Entra != "" {
		linked := f.Entra == "linked"
		out.linked = &linked
	}
	return out, true
}

// Contacts implements syncengine.ContactStore, without deleted contacts.
func (s *Store) Contacts(ctx context.Context, page syncengine.ContactPage) (contacts []syncengine.Contact, order syncengine.ContactOrder, err error) {
	f, ok := filterOf(page.Filter)
	if !ok {
		return nil, order, nil
	}
	var after uuid.UUID
	afterKey := ""
	if page.After != nil {
		afterKey = page.After.NameKey
		if after, err = uuid.Parse(page.After.ID); err != nil {
			return nil, order, errBadPage
		}
	}
	// One snapshot: whether the order is still the same is asked of what the page is read from.
	err = s.in(ctx, func(ctx context.Context, q *sqlc.Queries, _ string) error {
		if order, err = orderOf(ctx, q, f); err != nil {
			return err
		}
		if page.After != nil && page.After.ContactOrder != order {
			return syncengine.ErrOrderChanged
		}
		contacts, err = list(ctx, q, page, f, order, afterKey, after)
		return err
	}, pg.ReadOnly(), pg.Serial(), pg.ByIndex(), pg.RepeatableRead())
	return contacts, order, err
}

// fewContacts is how many contacts a client has at most whose contacts are searched one by one.
const fewContacts = 2000

// orderOf is the order of a list as it is now.
func orderOf(ctx context.Context, q *sqlc.Queries, f filter) (order syncengine.ContactOrder, err error) {
	if f.client != nil && f.search == nil {
		return order, nil // of id
	}
	if order.Keyed, err = q.Keyed(ctx); err != nil || f.client == nil {
		return order, err
	}
	has, err := q.CountUpTo(ctx, sqlc.CountUpToParams{ClientID: *f.client, Bound: fewContacts + 1})
	order.ByPlace = has > fewContacts
	return order, err
}

func list(ctx context.Context, q *sqlc.Queries, page syncengine.ContactPage, f filter, order syncengine.ContactOrder, afterKey string, after uuid.UUID) ([]syncengine.Contact, error) {
	size := int32(page.Size) // at most a few hundred
	switch {
	case f.search != nil && f.client != nil && !order.ByPlace:
		rows, err := q.SearchContactsOfClient(ctx, sqlc.SearchContactsOfClientParams{
			ClientID: *f.client, AfterID: after, FromName: f.search.name.from, FromAddress: f.search.address.from,
			Inactive: f.inactive, Linked: f.linked, Size: size,
		})
		return contactsOf(rows, func(r sqlc.SearchContactsOfClientRow) syncengine.Contact { return contactOf(sqlc.GetContactRow(r)) }), err
	case f.search != nil:
		return search(ctx, q, f, afterKey, after, size)
	case f.client != nil:
		rows, err := q.ListContactsOfClient(ctx, sqlc.ListContactsOfClientParams{
			ClientID: *f.client, AfterID: after, Inactive: f.inactive, Linked: f.linked, Size: size,
		})
		return contactsOf(rows, func(r sqlc.ListContactsOfClientRow) syncengine.Contact { return contactOf(sqlc.GetContactRow(r)) }), err
	}
	rows, err := q.ListContactsByName(ctx, sqlc.ListContactsByNameParams{
		AfterKey: afterKey, AfterID: after, Inactive: f.inactive, Linked: f.linked, Size: size,
	})
	return contactsOf(rows, func(r sqlc.ListContactsByNameRow) syncengine.Contact { return contactOf(sqlc.GetContactRow(r)) }), err
}

// search finds contacts by index, in order of what was found.
func search(ctx context.Context, q *sqlc.Queries, f filter, afterKey string, after uuid.UUID, size int32) ([]syncengine.Contact, error) {
	s := f.search
	params := sqlc.SearchContactsParams{
		FromName: s.name.from, ToName: s.name.to, FromPart: s.part.from, ToPart: s.part.to, FromAddress: s.address.from, ToAddress: s.address.to,
		ClientID: f.client, Inactive: f.inactive, Linked: f.linked, Size: size,
	}
	params.AfterName, params.AfterNameID = s.name.after(afterKey, after)
	params.AfterPart, params.AfterPartID = s.part.after(afterKey, after)
	params.AfterAddress, params.AfterAddressID = s.address.after(afterKey, after)
	rows, err := q.SearchContacts(ctx, params)
	return contactsOf(rows, foundContact), err
}

// foundContact is a contact whose place in the list is where it was found.
func foundContact(r sqlc.SearchContactsRow) syncengine.Contact {
	c := contactOf(sqlc.GetContactRow{
		ID: r.ID, ClientID: r.ClientID, ExternalID: r.ExternalID, FullName: r.FullName, Email: r.Email, Phone: r.Phone, Role: r.Role,
		SignInName: r.SignInName, Inactive: r.Inactive, Deleted: r.Deleted, Version: r.Version, EntraTenantID: r.EntraTenantID, EntraObjectID: r.EntraObjectID,
		EntraSyncSource: r.EntraSyncSource, LastEntraSyncAt: r.LastEntraSyncAt, EntraUserPrincipalName: r.EntraUserPrincipalName,
		EntraAccountEnabled: r.EntraAccountEnabled, EntraSyncStatus: r.EntraSyncStatus, EntraSyncStatusReason: r.EntraSyncStatusReason,
		LinkStatus: r.LinkStatus,
	})
	c.NameKey = r.Place
	return c
}

// CountContacts counts what a list would hold, up to a bound.
func (s *Store) CountContacts(ctx context.Context, cf syncengine.ContactFilter, bound int) (count int, err error) {
	f, ok := filterOf(cf)
	if !ok {
		return 0, nil
	}
	params := sqlc.CountContactsParams{
		ClientID: f.client, Inactive: f.inactive, Linked: f.linked, Bound: int32(bound), // some thousand
	}
	err = s.in(ctx, func(ctx context.Context, q *sqlc.Queries, _ string) error {
		if f.search == nil {
			n, err := q.CountContacts(ctx, params)
			count = int(n)
			return err
		}
		n, err := q.CountFound(ctx, sqlc.CountFoundParams{
			FromName: f.search.name.from, ToName: f.search.name.to, FromPart: f.search.part.from, ToPart: f.search.part.to,
			FromAddress: f.search.address.from, ToAddress: f.search.address.to, ClientID: f.client, Inactive: f.inactive, Linked: f.linked,
			Bound: int32(bound),
		})
		count = min(int(n), bound)
		return err
	}, pg.ReadOnly(), pg.Serial(), pg.ByIndex())
	return count, err
}

func contactsOf[R any](rows []R, one func(R) syncengine.Contact) []syncengine.Contact {
	contacts := make([]syncengine.Contact, len(rows))
	for i, row := range rows {
		contacts[i] = one(row)
	}
	return contacts
}

func contactOf(r sqlc.GetContactRow) syncengine.Contact {
	return syncengine.Contact{
		ID: r.ID.String(), ClientID: r.ClientID.String(), ExternalID: pg.Text(r.ExternalID), FullName: r.FullName, NameKey: r.NameKey,
		Email: r.Email, Phone: r.Phone, Role: r.Role, SignInName: r.SignInName, Inactive: r.Inactive, Deleted: r.Deleted, Version: r.Version,
		EntraTenantID: r.EntraTenantID, EntraObjectID: r.EntraObjectID, SyncSource: r.EntraSyncSource, LastSyncAt: r.LastEntraSyncAt,
		UPN: r.EntraUserPrincipalName, AccountEnabled: r.EntraAccountEnabled, SyncStatus: r.EntraSyncStatus,
		SyncReason: r.EntraSyncStatusReason, LinkStatus: r.LinkStatus,
	}
}

// clean makes a text storable in a search: PostgreSQL takes no NUL.
func clean(s string) string { return strings.ReplaceAll(s, "\x00", "") }
