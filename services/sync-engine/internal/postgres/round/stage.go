package round

import (
	"context"
	_ "embed" // the statements
	"fmt"
	"slices"
	"strings"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/entrasync/entrasync/pkg/pg"
	"github.com/entrasync/entrasync/services/sync-engine/internal/syncengine"
)

var (
	//go:embed drop_indexes.sql
	dropIndexes string
	//go:embed prepare.sql
	prepare string
	//go:embed tally.sql
	tally string
	//go:embed tally_listed.sql
	tallyListed string
	//go:embed tally_filtered.sql
	tallyFiltered string
	//go:embed failures.sql
	failures string
)

var stageColumns = []string{
	"n", "object_id", "content", "failure", "nameless", "verdict", "pattern", "upn", "enabled", "full_name", "name_key", "named", "email", "email_norm", "mailed",
	"phone", "role", "addresses", "own", "contact_id", "removed", "properties", "licences", "user_type",
}

// Stage copies a batch into the temporary table, numbered on. It returns before the
// copy is done, so that the next batch is read meanwhile; whatever uses the connection
// next waits for it. A round whose mapping moved ends here already: a long listing would
// be for nothing.
func (r *Round) Stage(ctx context.Context, identities []syncengine.Identity) error {
	if err := r.inRange(ctx, r.checkRevision); err != nil {
		return fmt.Errorf("staging: %w", err)
	}
	if err := r.prepareSession(ctx); err != nil {
		return fmt.Errorf("staging: %w", err)
	}
	if r.staged > 0 && r.session.reused && !r.session.bare && !r.delta {
		if _, err := r.conn.Raw().Exec(ctx, dropIndexes); err != nil {
			return fmt.Errorf("staging: %w", pg.Classify(err))
		}
		r.session.bare = true
	}
	source := &copySource{identities: slices.Clone(identities), n: r.staged, at: -1}
	done := make(chan error, 1)
	r.session.copying = done
	go func() {
		_, err := r.conn.Raw().CopyFrom(ctx, pgx.Identifier{"stage"}, stageColumns, source)
		done <- err
	}()
	r.staged += len(identities)
	r.session.rows += len(identities)
	return nil
}

// copied waits until the batch before is staged.
func (r *Round) copied() error {
	if r.session.copying == nil {
		return nil
	}
	err := <-r.session.copying
	r.session.copying = nil
	return pg.Classify(err)
}

// copySource feeds identities to COPY without holding a second copy of them.
type copySource struct {
	identities []syncengine.Identity
	n, at      int
	values     [24]any
	err        error
}

func (s *copySource) Next() bool {
	s.at++
	return s.at < len(s.identities)
}

func (s *copySource) Err() error { return s.err }

func (s *copySource) Values() ([]any, error) {
	i := &s.identities[s.at]
	id, err := uuid.NewV7() // rises with n, so that contacts are inserted in order of their key
	if err != nil {
		return nil, err
	}
	kept, err := propertiesOf(i.User)
	if err != nil {
		return nil, err
	}
	s.values = [24]any{
		int32(s.n + s.at + 1), i.ObjectID, i.Content, text(i.Failure), i.Nameless, text(i.Verdict), text(i.Pattern), // far below 2³¹
		i.UserPrincipalName, i.Enabled, i.FullName, i.NameKey, i.HasDisplayName, i.Email, text(i.EmailNorm), i.EmailIsMail, i.Phone, i.Role,
		strings.Join(i.Addresses, " "), int32(i.Own), id, i.Removed, kept, i.Licences, i.UserType, // far below 2³¹
	}
	return s.values[:], nil
}

// text is NULL for an empty text.
func text(s string) any {
	if s == "" {
		return nil
	}
	return s
}

// Prepare merges repeats, adds to what changed those that are to be decided about
// again, finds the links, and counts.
func (r *Round) Prepare(ctx context.Context, step syncengine.Step) (t syncengine.Tally, err error) {
	if err := r.prepareSession(ctx); err != nil {
		return t, fmt.Errorf("preparing what was staged: %w", err)
	}
	merge := prepare
	if r.delta {
		merge = prepareChanges
	}
	err = r.inDirectory(ctx, func(ctx context.Context, tx pgx.Tx) error {
		_, err := tx.Exec(ctx, merge)
		return err
	})
	if err == nil && r.delta {
		err = r.stageUndecided(ctx)
	}
	if err == nil {
		err = r.findLinks(ctx, step)
	}
	if err == nil {
		err = r.inDirectory(ctx, func(ctx context.Context, tx pgx.Tx) error { return r.tally(ctx, tx, &t) }, pg.ByIndex())
	}
	if err == nil {
		t.Filtered = map[string]int{}
		if t.Passed+t.Failed < t.Identities {
			err = r.eachRange(ctx, step, func(ctx context.Context, tx pgx.Tx, of span) error {
				return r.tallyFiltered(ctx, tx, of, t.Filtered)
			})
		}
	}
	if err == nil && r.delta {
		err = r.tallyDirectory(ctx, &t)
	}
	if err != nil {
		return syncengine.Tally{}, fmt.Errorf("preparing what was staged: %w", err)
	}
	return t, nil
}

// tally counts what was staged.
func (r *Round) tally(ctx context.Context, tx pgx.Tx, t *syncengine.Tally) error {
	dropped, filtered := 0, 0
	if err := tx.QueryRow(ctx, tally).Scan(&dropped, &t.Failed, &filtered, &t.Nameless); err != nil {
		return err
	}
	t.Identities = r.staged - dropped
	t.Passed = t.Identities - t.Failed - filtered
	if !r.delta {
		linked := 0
		if err := tx.QueryRow(ctx, tallyListed).Scan(&t.ActiveLinks, &linked); err != nil {
			return err
		}
		r.plan.allLinked = linked == t.Passed
	}
	if t.Failed == 0 {
		return nil
	}
	rows, err := tx.Query(ctx, failures)
	if err != nil {
		return err
	}
	t.Failures, err = pgx.CollectRows(rows, pgx.RowToStructByPos[syncengine.Failure])
	return err
}

// tallyFiltered adds the range's filtered identities up, by reason.
func (r *Round) tallyFiltered(ctx context.Context, tx pgx.Tx, of span, filtered map[string]int) error {
	rows, err := tx.Query(ctx, tallyFiltered, r.args(of))
	if err != nil {
		return err
	}
	var reason string
	var n int
	_, err = pgx.ForEachRow(rows, []any{&reason, &n}, func() error {
		filtered[reason] += n
		return nil
	})
	return err
}
