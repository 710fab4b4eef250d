package round

import (
	"context"
	_ "embed" // the statements
	"fmt"
	"slices"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/entrasync/entrasync/services/sync-engine/internal/syncengine"
)

var (
	//go:embed suppose_read.sql
	supposeRead string
	//go:embed suppose.sql
	suppose string
	//go:embed suppose_write.sql
	supposeWrite string
)

// Suppose implements syncengine.Round. What the run's earlier directories of the client
// would write stands in the run's report. The session's contacts and links become those
// of the tenant with that laid over them: the statements of a round find them by the
// names that they use anyway.
func (r *Round) Suppose(ctx context.Context) error {
	if err := r.suppose(ctx); err != nil {
		return fmt.Errorf("supposing what the run would write: %w", err)
	}
	return nil
}

func (r *Round) suppose(ctx context.Context) error {
	after := [2]string{}
	for {
		var some supposed
		err := r.inRange(ctx, func(ctx context.Context, tx pgx.Tx) error {
			var err error
			if some, err = r.readSupposed(ctx, tx, after); err != nil || len(some.ids) == 0 {
				return err
			}
			return r.writeSupposed(ctx, tx, &some)
		})
		if err != nil || len(some.ids) < syncengine.RangeSize {
			return err
		}
		after = some.last
	}
}

// supposed are contacts as the run would leave them, and the identities that they
// would be linked to.
type supposed struct {
	ids                                                   []uuid.UUID
	directories, objects, upns, names, emails, normEmails []string
	inactive                                              []bool

	last [2]string // managed tenant and identity
}

// readSupposed reads some of them from the run's report, after a managed tenant and an
// identity.
func (r *Round) readSupposed(ctx context.Context, tx pgx.Tx, after [2]string) (some supposed, err error) {
	args := r.args(everything)
	args["position"], args["after_tenant"], args["after_object"], args["limit"] = r.managed.Position, after[0], after[1], syncengine.RangeSize
	rows, err := tx.Query(ctx, supposeRead, args)
	if err != nil {
		return some, err
	}
	var id uuid.UUID
	var directory, object, upn, name, email, norm string
	var inactive bool
	var fields, values []string
	_, err = pgx.ForEachRow(rows, []any{&some.last[0], &directory, &object, &upn, &id, &fields, &values, &name, &email, &norm, &inactive}, func() error {
		some.last[1] = object
		if i := slices.Index(fields, "fullName"); i >= 0 {
			name = values[i]
		}
		if i := slices.Index(fields, "email"); i >= 0 {
			email = values[i]
			norm, _ = syncengine.NormaliseAddress(email)
		}
		some.ids, some.inactive = append(some.ids, id), append(some.inactive, inactive)
		some.directories, some.objects, some.upns = append(some.directories, directory), append(some.objects, object), append(some.upns, upn)
		some.names, some.emails, some.normEmails = append(some.names, name), append(some.emails, email), append(some.normEmails, norm)
		return nil
	})
	return some, err
}

// writeSupposed lays them over the session's contacts and links.
func (r *Round) writeSupposed(ctx context.Context, tx pgx.Tx, some *supposed) error {
	if !r.session.supposes {
		if _, err := tx.Exec(ctx, suppose); err != nil {
			return err
		}
		// What the session prepared for rounds before this one reads the tenant's tables still.
		if err := r.conn.Raw().DeallocateAll(ctx); err != nil {
			return err
		}
		r.session.supposes = true
	}
	return exec(ctx, tx, pgx.NamedArgs{
		"client": r.clientID, "ids": some.ids, "directories": some.directories, "objects": some.objects, "upns": some.upns,
		"names": some.names, "emails": some.emails, "norm_emails": some.normEmails, "inactive": some.inactive,
	}, supposeWrite)
}
