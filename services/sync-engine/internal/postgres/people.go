package postgres

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"github.com/google/uuid"

	"github.com/entrasync/entrasync/pkg/pg"
	"github.com/entrasync/entrasync/services/sync-engine/internal/postgres/sqlc"
	"github.com/entrasync/entrasync/services/sync-engine/internal/syncengine"
)

// sourcePrefix names the engine before a table.
const sourcePrefix = "sync-engine."

// FindPerson implements syncengine.PersonStore.
func (s *Store) FindPerson(ctx context.Context, subject syncengine.PersonSubject) (p syncengine.Person, err error) {
	err = s.in(ctx, func(ctx context.Context, q *sqlc.Queries, _ string) error {
		f := &finding{q: q, contacts: map[uuid.UUID]bool{}, identities: map[string]*syncengine.PersonIdentity{}}
		if err := f.begin(ctx, subject); err != nil {
			return err
		}
		p, err = f.end(ctx)
		return err
	}, pg.ReadOnly(), pg.RepeatableRead())
	return p, err
}

// finding follows a person from contacts to identities and back.
type finding struct {
	q          *sqlc.Queries
	contacts   map[uuid.UUID]bool
	identities map[string]*syncengine.PersonIdentity // by object id
	addresses  []string
}

func (f *finding) begin(ctx context.Context, subject syncengine.PersonSubject) error {
	var ids []uuid.UUID
	if subject.ContactID != "" {
		id, err := parse(subject.ContactID, syncengine.ErrUnknownContact)
		if err != nil {
			return err
		}
		ids = append(ids, id)
	}
	contacts, err := f.q.PersonContacts(ctx, sqlc.PersonContactsParams{Ids: ids, Email: subject.Email})
	if err != nil {
		return err
	}
	if len(contacts) == 0 && subject.ContactID != "" {
		return syncengine.ErrUnknownContact
	}
	for i := range contacts {
		f.contacts[contacts[i].ID] = true
	}
	if subject.ObjectID != "" {
		f.identity("", subject.ObjectID, "")
	}
	if subject.Email == "" {
		return nil
	}
	f.addresses = append(f.addresses, subject.Email)
	reported, err := f.q.PersonReported(ctx, subject.Email)
	for _, id := range reported {
		f.identity("", id, "")
	}
	if err != nil {
		return err
	}
	return f.kept(ctx, subject.Email)
}

// kept adds identities without a link.
func (f *finding) kept(ctx context.Context, email string) error {
	kept, err := f.q.PersonKept(ctx, sqlc.PersonKeptParams{ObjectIds: f.objects(), Email: email})
	for _, row := range kept {
		f.identity(row.EntraTenantID, row.EntraObjectID, row.Upn)
		f.addresses = append(f.addresses, row.Addresses...)
	}
	return err
}

func (f *finding) identity(directory, object, upn string) {
	was := f.identities[object]
	if was == nil {
		was = &syncengine.PersonIdentity{ObjectID: object}
		f.identities[object] = was
	}
	was.EntraTenantID, was.UserPrincipalName = cmp.Or(was.EntraTenantID, directory), cmp.Or(was.UserPrincipalName, upn)
}

func (f *finding) objects() []string {
	objects := make([]string, 0, len(f.identities))
	for object := range f.identities {
		objects = append(objects, object)
	}
	return objects
}

func (f *finding) ids() []uuid.UUID {
	ids := make([]uuid.UUID, 0, len(f.contacts))
	for id := range f.contacts {
		ids = append(ids, id)
	}
	return ids
}

// follow goes along links until they lead to no other person.
func (f *finding) follow(ctx context.Context) error {
	for known := -1; known != len(f.contacts)+len(f.identities); {
		known = len(f.contacts) + len(f.identities)
		links, err := f.q.PersonLinks(ctx, sqlc.PersonLinksParams{ContactIds: f.ids(), ObjectIds: f.objects()})
		if err != nil {
			return err
		}
		for _, link := range links {
			f.contacts[link.ContactID] = true
			f.identity(link.EntraTenantID, link.EntraObjectID, "")
		}
	}
	return f.kept(ctx, "")
}

func (f *finding) end(ctx context.Context) (p syncengine.Person, err error) {
	if err := f.follow(ctx); err != nil {
		return p, err
	}
	contacts, err := f.q.PersonContacts(ctx, sqlc.PersonContactsParams{Ids: f.ids()})
	if err != nil {
		return p, err
	}
	for i := range contacts {
		c := &contacts[i]
		p.Contacts = append(p.Contacts, syncengine.PersonContact{ID: c.ID.String(), ClientID: c.ClientID.String(), FullName: c.FullName, Email: c.Email})
		if c.EntraObjectID != nil {
			f.identity(pg.Text(c.EntraTenantID), *c.EntraObjectID, pg.Text(c.EntraUserPrincipalName))
		}
		f.addresses = append(f.addresses, pg.Text(c.EmailNorm))
	}
	for _, identity := range f.identities {
		p.Identities = append(p.Identities, *identity)
		f.addresses = append(f.addresses, strings.ToLower(identity.UserPrincipalName))
	}
	slices.SortFunc(p.Identities, func(a, b syncengine.PersonIdentity) int { return strings.Compare(a.ObjectID, b.ObjectID) })
	p.Addresses, err = f.own(ctx)
	return p, err
}

// own are the addresses that no other contact has, nor an identity that waits in the queue
// beside one of the person's: a shared address identifies no one person.
func (f *finding) own(ctx context.Context) ([]string, error) {
	all := slices.Compact(slices.Sorted(slices.Values(f.addresses)))
	shared, err := f.q.SharedAddresses(ctx, sqlc.SharedAddressesParams{Addresses: all, Ids: f.ids(), ObjectIds: f.objects()})
	return slices.DeleteFunc(all, func(a string) bool { return a == "" || slices.Contains(shared, a) }), err
}

// PersonRecords implements syncengine.PersonStore.
func (s *Store) PersonRecords(ctx context.Context, p *syncengine.Person) (records []syncengine.PersonRecord, err error) {
	contacts, objects, texts := p.Keys()
	ids, err := parseAll(contacts)
	if err != nil {
		return nil, err
	}
	err = s.in(ctx, func(ctx context.Context, q *sqlc.Queries, _ string) error {
		rows, err := q.PersonRecords(ctx, sqlc.PersonRecordsParams{ContactIds: ids, ObjectIds: objects, Texts: texts})
		for _, row := range rows {
			records = append(records, syncengine.PersonRecord{Source: sourcePrefix + row.Source, JSON: row.Record})
		}
		return err
	}, pg.ReadOnly(), pg.StatementTimeout(s.timeouts.Directory))
	return records, err
}
