package round

import (
	"context"
	_ "embed" // the statements
	"encoding/json"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/entrasync/entrasync/pkg/pg"
	"github.com/entrasync/entrasync/services/sync-engine/internal/postgres/sqlc"
	"github.com/entrasync/entrasync/services/sync-engine/internal/syncengine"
)

var (
	//go:embed restart.sql
	restart string
	//go:embed known_staged.sql
	knownStaged string
	//go:embed known_kept.sql
	knownKept string
	//go:embed host_changed.sql
	hostChanged string
	//go:embed undecided_next.sql
	undecidedNext string
	//go:embed stage_undecided.sql
	stageUndecided string
)

// LastRound is where the directory's last round left off.
func (r *Round) LastRound(ctx context.Context) (syncengine.LastRound, error) {
	var err error
	if r.last == nil {
		err = r.inRange(ctx, func(ctx context.Context, tx pgx.Tx) error {
			r.last, err = r.lastRound(ctx, sqlc.New(tx))
			return err
		})
	}
	if err != nil {
		return syncengine.LastRound{}, fmt.Errorf("reading the last round: %w", err)
	}
	return *r.last, nil
}

func (r *Round) lastRound(ctx context.Context, q *sqlc.Queries) (*syncengine.LastRound, error) {
	row, err := q.GetDirectory(ctx, sqlc.GetDirectoryParams{ClientID: r.clientID, EntraTenantID: r.managed.EntraTenantID})
	if err != nil {
		return nil, err
	}
	r.seen = seen{head: row.Head, feed: row.Feed, since: row.FeedSeq}
	if row.ClientID == nil || row.MappingRevision == nil {
		return &syncengine.LastRound{}, nil
	}
	last := syncengine.LastRound{
		DeltaLink: syncengine.DeltaLink(pg.Text(row.DeltaLink)), Fingerprint: row.SettingsFingerprint, ClientID: row.ClientID.String(),
		MappingRevision: *row.MappingRevision, FullAt: row.LastFullAt, HostMoved: row.ClientRevision == nil || *row.ClientRevision != row.Head,
	}
	if row.Standing == nil || row.FeedSeq == nil {
		return &last, nil
	}
	if err := json.Unmarshal(row.Standing, &last.Standing); err != nil {
		return nil, fmt.Errorf("reading what the directory comes to: %w", err)
	}
	return &last, nil
}

// HostChanged implements syncengine.Round.
func (r *Round) HostChanged(ctx context.Context, linked bool, most int) (ids []string, err error) {
	if r.seen.since == nil { // the last round was one of an earlier release
		return nil, nil
	}
	err = r.inRange(ctx, func(ctx context.Context, tx pgx.Tx) error {
		args := r.args(everything)
		args["since"], args["with_linked"], args["limit"] = *r.seen.since, linked, most
		rows, err := tx.Query(ctx, hostChanged, args)
		if err != nil {
			return err
		}
		ids, err = pgx.CollectRows(rows, pgx.RowTo[string])
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("looking for what the host changed: %w", err)
	}
	return ids, nil
}

// LastMembers implements syncengine.Round.
func (r *Round) LastMembers(ctx context.Context) (members *syncengine.Members, err error) {
	err = r.inRange(ctx, func(ctx context.Context, tx pgx.Tx) error {
		r.members, err = sqlc.New(tx).GetGroupMembers(ctx, r.managed.EntraTenantID)
		if pg.NoRows(err) || err == nil && r.members == nil {
			return nil
		}
		if err == nil {
			members, err = syncengine.ReadMembers(r.members)
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("reading the members of groups: %w", err)
	}
	return members, nil
}

// Restart forgets what was staged. Changes are looked up by identity while more come.
func (r *Round) Restart(ctx context.Context, delta bool) error {
	if err := r.copied(); err != nil {
		return err
	}
	staged := r.staged
	r.staged, r.delta = 0, delta
	if !r.session.ready {
		return nil
	}
	var err error
	if staged > 0 {
		_, err = r.conn.Raw().Exec(ctx, restart)
	}
	if err == nil && delta {
		_, err = r.conn.Raw().Exec(ctx, stageIndex)
	}
	return pg.Classify(err)
}

// Known are the users of these ids of whom this round said something already, or who
// are kept.
func (r *Round) Known(ctx context.Context, ids []string) (map[string]syncengine.Known, error) {
	known := make(map[string]syncengine.Known, len(ids))
	if err := r.prepareSession(ctx); err != nil {
		return nil, err
	}
	err := r.inRange(ctx, func(ctx context.Context, tx pgx.Tx) error {
		args := with(r.args(everything), "ids", ids)
		statements := []string{knownKept, knownStaged} // the later replaces the earlier
		if r.staged == 0 {
			statements = statements[:1]
		}
		for _, sql := range statements {
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
		user, err := KeptUser(id, kept)
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
			args["after_id"], args["limit"] = after, decideSize
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
