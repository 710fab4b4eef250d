package round

import (
	"context"
	_ "embed" // the statements
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/entrasync/entrasync/pkg/pg"
	"github.com/entrasync/entrasync/services/sync-engine/internal/postgres/sqlc"
	"github.com/entrasync/entrasync/services/sync-engine/internal/syncengine"
)

var (
	//go:embed explain_planned.sql
	explainPlanned string
	//go:embed explain_link.sql
	explainLink string
	//go:embed explain_addresses.sql
	explainAddresses string
	//go:embed explain_sharing.sql
	explainSharing string
	//go:embed explain_left.sql
	explainLeft string
)

// OpenExplanation opens a round of no run, which decides and is never applied. It takes
// no lock: it sees what is committed, beside a round that writes. leave as for Open.
func OpenExplanation(ctx context.Context, pool *pg.Pool, of syncengine.ManagedTenant, timeouts Timeouts, leave func()) (*Round, error) {
	r, err := connected(ctx, pool, of, timeouts, leave)
	if err != nil {
		return nil, err
	}
	r.mapping.client = &r.clientID
	if err = r.inRange(ctx, func(ctx context.Context, tx pgx.Tx) error {
		applied, err := r.mapping.Current(ctx, sqlc.New(tx))
		r.mapping.applied = applied == r.mapping.revision
		return err
	}); err != nil {
		r.Release()
		return nil, err
	}
	return r, nil
}

// DecidedAbout implements syncengine.ExplainRound.
func (r *Round) DecidedAbout(ctx context.Context, objectID string) (d syncengine.DecidedIdentity, err error) {
	args := with(r.args(everything), "object_id", objectID)
	err = r.inRange(ctx, func(ctx context.Context, tx pgx.Tx) error {
		err := tx.QueryRow(ctx, explainPlanned, args).Scan(&d.Number, &d.Action, &d.Reason, &d.Fields, &d.ContactID, &d.Rejected, &d.HeldIn, &d.Holder, &d.TakesOver)
		if err != nil {
			return err
		}
		if d.Link, err = explainedLink(ctx, tx, args); err != nil {
			return err
		}
		args["n"] = d.Number
		d.Addresses, err = explainedAddresses(ctx, tx, args)
		return err
	})
	if err == nil {
		err = r.inDirectory(ctx, func(ctx context.Context, tx pgx.Tx) error {
			rows, err := tx.Query(ctx, explainSharing, args)
			if err != nil {
				return err
			}
			d.Sharing, err = pgx.CollectRows(rows, pgx.RowTo[string])
			return err
		})
	}
	if err != nil {
		return d, fmt.Errorf("reading what was decided: %w", err)
	}
	if d.Link != nil && d.ContactID == "" {
		d.ContactID = d.Link.Contact.ID
	}
	if d.Action == syncengine.ActionCreate {
		d.ContactID = "" // it is made by a round that is applied
	}
	r.session.closed = true
	return d, nil
}

// DecideAfter implements syncengine.ExplainRound.
func (r *Round) DecideAfter(ctx context.Context, rules syncengine.Rules, left string) error {
	r.by(rules)
	err := r.inRange(ctx, func(ctx context.Context, tx pgx.Tx) error {
		if err := exec(ctx, tx, with(r.args(everything), "object_id", left), explainLeft); err != nil {
			return err
		}
		return r.redecide(ctx, tx, rules, everything)
	})
	if err != nil {
		return fmt.Errorf("deciding again: %w", err)
	}
	return nil
}

func explainedLink(ctx context.Context, tx pgx.Tx, args pgx.NamedArgs) (*syncengine.DecidedLink, error) {
	var l syncengine.DecidedLink
	c := &l.Contact
	err := tx.QueryRow(ctx, explainLink, args).Scan(&c.ID, &l.ClientID, &l.Status, &l.Since, &c.FullName, &c.Email, &c.Phone, &c.Role,
		&c.SignInName, &c.Deleted, &c.Shows)
	if pg.NoRows(err) {
		return nil, nil // there is none
	}
	return &l, err
}

func explainedAddresses(ctx context.Context, tx pgx.Tx, args pgx.NamedArgs) (list []syncengine.DecidedAddress, err error) {
	rows, err := tx.Query(ctx, explainAddresses, args)
	if err != nil {
		return nil, err
	}
	var address string
	var c syncengine.Candidate
	_, err = pgx.ForEachRow(rows, []any{&address, &c.ContactID, &c.FullName, &c.Email, &c.Inactive, &c.LinkedTo}, func() error {
		if len(list) == 0 || list[len(list)-1].Address != address {
			list = append(list, syncengine.DecidedAddress{Address: address})
		}
		if c.ContactID != "" {
			last := &list[len(list)-1]
			last.Contacts = append(last.Contacts, c)
		}
		return nil
	})
	return list, err
}
