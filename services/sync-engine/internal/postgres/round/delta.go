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
	//go:embed restart.sql
	restart string
	//go:embed gone_index.sql
	stageIndex string
	//go:embed known_staged.sql
	knownStaged string
	//go:embed known_kept.sql
	knownKept string
	//go:embed prepare_changes.sql
	prepareChanges string
	//go:embed undecided_next.sql
	undecidedNext string
	//go:embed stage_undecided.sql
	stageUndecided string
)

// LastRound is where the directory's last round left off.
func (r *Round) LastRound(ctx context.Context) (last syncengine.LastRound, err error) {
	err = r.inRange(ctx, func(ctx context.Context, tx pgx.Tx) error {
		row, err := sqlc.New(tx).GetDirectory(ctx, r.managed.EntraTenantID)
		if pg.NoRows(err) {
			return nil
		}
		last = syncengine.LastRound{
			DeltaLink: syncengine.DeltaLink(pg.Text(row.DeltaLink)), Fingerprint: row.SettingsFingerprint, ClientID: row.ClientID.String(),
			MappingRevision: row.MappingRevision, FullAt: row.LastFullAt,
		}
		return err
	})
	return last, err
}

// Restart forgets what was staged. Changes are looked up by identity while more come.
func (r *Round) Restart(ctx context.Context, delta bool) error {
	r.staged, r.delta = 0, delta
	_, err := r.conn.Raw().Exec(ctx, restart)
	if err == nil && delta {
		_, err = r.conn.Raw().Exec(ctx, stageIndex)
	}
	return pg.Classify(err)
}

// Known are the users of these ids of whom this round said something already, or who
// are kept.
func (r *Round) Known(ctx context.Context, ids []string) (map[string]syncengine.Known, error) {
	known := make(map[string]syncengine.Known, len(ids))
	err := r.inRange(ctx, func(ctx context.Context, tx pgx.Tx) error {
		args := with(r.args(everything), "ids", ids)
		for _, sql := range []string{knownKept, knownStaged} { // the later replaces the earlier
			if err := r.knownBy(ctx, tx, sql, args, known); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("looking up what changed: %w", err)
	}
	return known, nil
}

func (r *Round) knownBy(ctx context.Context, tx pgx.Tx, sql string, args pgx.NamedArgs, known map[string]syncengine.Known) error {
	rows, err := tx.Query(ctx, sql, args)
	if err != nil {
		return err
	}
	var id string
	var removed bool
	var kept []byte
	_, err = pgx.ForEachRow(rows, []any{&id, &removed, &kept}, func() error {
		if removed {
			delete(known, id)
			return nil
		}
		user, err := userOf(id, kept)
		known[id] = syncengine.Known{User: user}
		return err
	})
	return err
}

// stageUndecided adds the identities that a person decides about, so that a delta
// round decides about them again as a full one does.
func (r *Round) stageUndecided(ctx context.Context) error {
	for after := ""; ; {
		var upTo *string
		err := r.inRange(ctx, func(ctx context.Context, tx pgx.Tx) error {
			args := r.args(everything)
			args["after_id"], args["limit"], args["last"] = after, decideSize, r.staged
			if err := tx.QueryRow(ctx, undecidedNext, args).Scan(&upTo); err != nil || upTo == nil {
				return err
			}
			tag, err := tx.Exec(ctx, stageUndecided, with(args, "up_to_id", *upTo))
			if err == nil {
				r.staged += int(tag.RowsAffected())
				r.session.rows += int(tag.RowsAffected())
			}
			return err
		})
		if err != nil || upTo == nil {
			return err
		}
		after = *upTo
	}
}
