package postgres

import (
	"context"
	"strings"

	"github.com/entrasync/entrasync/pkg/pg"
	"github.com/entrasync/entrasync/services/sync-engine/internal/postgres/round"
	"github.com/entrasync/entrasync/services/sync-engine/internal/postgres/sqlc"
	"github.com/entrasync/entrasync/services/sync-engine/internal/syncengine"
)

// keptPage is how many kept identities one statement reads.
const keptPage = 5000

// EachKeptUser implements syncengine.FilterTestStore.
func (s *Store) EachKeptUser(ctx context.Context, entraTenantID string, page func([]syncengine.User) error) error {
	for after := ""; ; {
		var users []syncengine.User
		err := s.in(ctx, func(ctx context.Context, q *sqlc.Queries, _ string) error {
			rows, err := q.ListKeptUsers(ctx, sqlc.ListKeptUsersParams{EntraTenantID: entraTenantID, After: after, Size: keptPage})
			users = make([]syncengine.User, 0, len(rows))
			for i := range rows {
				user, err := keptUser(&rows[i])
				if err != nil {
					return err
				}
				users = append(users, user)
			}
			return err
		}, pg.ReadOnly())
		if err != nil {
			return err
		}
		if len(users) > 0 {
			after = users[len(users)-1].ObjectID
			if err := page(users); err != nil {
				return err
			}
		}
		if len(users) < keptPage {
			return nil
		}
	}
}

// Linked implements syncengine.FilterTestStore.
func (s *Store) Linked(ctx context.Context, entraTenantID string, objectIDs []string) (linked map[string]bool, err error) {
	err = s.in(ctx, func(ctx context.Context, q *sqlc.Queries, _ string) error {
		found, err := q.LinkedIdentities(ctx, sqlc.LinkedIdentitiesParams{EntraTenantID: entraTenantID, ObjectIds: objectIDs})
		linked = make(map[string]bool, len(found))
		for _, id := range found {
			linked[id] = true
		}
		return err
	}, pg.ReadOnly())
	return linked, err
}

// keptUser is a user as it was listed. Of one about whom a person decides only what a
// contact would get may be kept: given name and surname are then taken from the name.
func keptUser(row *sqlc.ListKeptUsersRow) (syncengine.User, error) {
	user, err := round.KeptUser(row.EntraObjectID, row.Properties)
	if err != nil {
		return syncengine.User{}, err
	}
	if user != nil {
		return *user, nil
	}
	known := syncengine.User{
		ObjectID: row.EntraObjectID, UserPrincipalName: row.Upn, AccountEnabled: row.Enabled, UserType: row.UserType, LicenceCount: row.Licences,
	}
	if row.Named {
		known.DisplayName = row.FullName
		known.GivenName, known.Surname, _ = strings.Cut(row.FullName, " ")
	}
	if row.Mailed {
		known.Mail = row.Email
	} else if row.Email != "" {
		known.ProxyAddresses = []string{"SMTP:" + row.Email}
	}
	return known, nil
}
