package round

import (
	"bytes"
	"context"
	_ "embed" // the statements
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/entrasync/entrasync/pkg/pg"
	"github.com/entrasync/entrasync/services/sync-engine/internal/postgres/sqlc"
	"github.com/entrasync/entrasync/services/sync-engine/internal/syncengine"
)

var (
	//go:embed next_range.sql
	nextRange string
	//go:embed lock_head.sql
	lockHead string
	//go:embed moved_clients.sql
	movedClients string
	//go:embed release_clients.sql
	releaseClients string
	//go:embed redecide_clear.sql
	redecideClear string
	//go:embed redecide_match.sql
	redecideMatch string
	//go:embed redecide_takeover.sql
	redecideTakeover string
	//go:embed redecide_links.sql
	redecideLinks string
	//go:embed redecide_addresses.sql
	redecideAddresses string
	//go:embed redecide_removed.sql
	redecideRemoved string
	//go:embed apply_create_contacts.sql
	applyCreateContacts string
	//go:embed apply_release.sql
	applyRelease string
	//go:embed apply_released.sql
	applyReleased string
	//go:embed apply_takeover.sql
	applyTakeover string
	//go:embed apply_insert_links.sql
	applyInsertLinks string
	//go:embed apply_take_links.sql
	applyTakeLinks string
	//go:embed apply_link_contacts.sql
	applyLinkContacts string
	//go:embed apply_contacts.sql
	applyContacts string
	//go:embed apply_inactivate.sql
	applyInactivate string
	//go:embed apply_missing.sql
	applyMissing string
	//go:embed apply_links.sql
	applyLinks string
	//go:embed apply_changes.sql
	applyChanges string
	//go:embed count.sql
	count string
)

// ApplyNext applies the next range, or the next two at once where there is a worker.
func (r *Round) ApplyNext(ctx context.Context, rules syncengine.Rules, now func() time.Time) (applied int, done bool, err error) {
	r.by(rules)
	r.clock = now
	err = r.engage(ctx)
	switch {
	case err != nil:
	case r.assisted():
		applied, done, err = r.applyTwo(ctx)
	default:
		applied, done, err = r.applyOne(ctx, rules)
	}
	if err != nil {
		return 0, false, fmt.Errorf("applying the range after %d: %w", r.plan.last, err)
	}
	return applied, done, nil
}

// applyOne applies a range in one transaction. Locks are taken in one
// order everywhere: the client's head, the rows, the feed's head. Where the host moves
// contacts of the range to clients whose heads it has not locked, it begins anew.
func (r *Round) applyOne(ctx context.Context, rules syncengine.Rules) (applied int, done bool, err error) {
	of, raised := span{after: r.plan.last}, false
	for others := (&movedError{}); ; {
		err = r.inRange(ctx, func(ctx context.Context, tx pgx.Tx) error {
			of, applied, done, err = r.nextRange(ctx, tx, of.after)
			if err != nil || of.upTo == of.after {
				return err
			}
			raised, err = r.applyRange(ctx, tx, rules, of, others.to)
			return err
		})
		if !errors.As(err, &others) {
			break
		}
	}
	if err != nil {
		return 0, false, err
	}
	r.plan.last, r.session.rows = of.upTo, r.session.rows+applied
	if raised {
		r.plan.raised++
	}
	return applied, done, nil
}

// nextRange is the range of the plan after a number and how many rows it has; done where it is the last, and
// where there is none: it is empty then.
func (r *Round) nextRange(ctx context.Context, tx pgx.Tx, after int) (of span, rows int, done bool, err error) {
	of = span{after, after}
	last, args := after, with(r.args(of), "limit", syncengine.RangeSize)
	args["numbers"] = decideSize
	err = tx.QueryRow(ctx, nextRange, args).Scan(&of.upTo, &rows, &last)
	if pg.NoRows(err) {
		return of, 0, true, nil
	}
	return of, rows, of.upTo == last, err
}

// movedError ends the transaction of a range: contacts that it would write are at clients whose heads it
// has not locked.
type movedError struct {
	to []uuid.UUID // the clients, and those whose heads it had locked
}

func (*movedError) Error() string { return "contacts moved to other clients" }

// applyRange applies a range. Besides the heads of clients that it finds itself it locks those of others.
func (r *Round) applyRange(ctx context.Context, tx pgx.Tx, rules syncengine.Rules, of span, others []uuid.UUID) (raised bool, err error) {
	if err := r.checkRevision(ctx, tx); err != nil {
		return false, err
	}
	locked, moved, err := r.lockHeads(ctx, tx, of, others)
	if err != nil {
		return false, err
	}
	if moved {
		if err := r.redecide(ctx, tx, rules, of); err != nil {
			return false, err
		}
	}
	if len(locked) > 0 || moved { // while this waited for the locks, contacts may have gone further
		at, released, err := r.elsewhere(ctx, tx, of)
		if err != nil {
			return false, err
		}
		at = append(at, released...)
		if slices.ContainsFunc(at, func(client uuid.UUID) bool { return !slices.Contains(locked, client) }) {
			return false, &movedError{to: append(at, locked...)}
		}
	}
	return len(locked) > 0, r.writeRange(ctx, tx, of)
}

// writeRange writes what is planned for a range; the client's head is locked.
func (r *Round) writeRange(ctx context.Context, tx pgx.Tx, of span) error {
	c, err := r.countPlanned(ctx, tx, of)
	if err != nil {
		return err
	}
	if err := r.reportPlan(ctx, tx, of, c); err != nil {
		return err
	}
	if err := r.write(ctx, tx, of, c.actions); err != nil {
		return err
	}
	if err := r.count(ctx, tx, c.changes); err != nil {
		return err
	}
	// The feed's head is locked last and until the commit only.
	return exec(ctx, tx, with(r.args(of), "at", r.clock()), applyChanges)
}

// elsewhere are the clients other than the round's at which contacts of the range are: of those that change,
// which the host moved, and of those whose links are given to contacts of this client.
func (r *Round) elsewhere(ctx context.Context, tx pgx.Tx, of span) (moved, released []uuid.UUID, err error) {
	args := r.args(of)
	moved, err = uuids(ctx, tx, movedClients, args)
	if err == nil && r.plan.relinks {
		released, err = uuids(ctx, tx, releaseClients, args)
	}
	return moved, released, err
}

// lockHeads locks the client's head. Where contacts of other clients are written it raises the heads of all
// of them, and the client's own, in one order for all; it returns those. moved when somebody else may have
// changed contacts of the range since the plan was made.
func (r *Round) lockHeads(ctx context.Context, tx pgx.Tx, of span, others []uuid.UUID) (raised []uuid.UUID, moved bool, err error) {
	clients, released, err := r.elsewhere(ctx, tx, of)
	if err != nil {
		return nil, false, err
	}
	clients = append(clients, others...)
	moved = len(clients) > 0
	if moved || r.plan.relinks {
		raised = slices.Concat(clients, released, []uuid.UUID{r.clientID})
		slices.SortFunc(raised, func(a, b uuid.UUID) int { return bytes.Compare(a[:], b[:]) })
		raised = slices.Compact(raised)
		if err := sqlc.New(tx).RaiseClientHeads(ctx, sqlc.RaiseClientHeadsParams{TenantID: r.tenantID, ClientIds: raised}); err != nil {
			return nil, false, err
		}
	}
	var revision int64
	if err := tx.QueryRow(ctx, lockHead, r.args(of)).Scan(&revision); err != nil {
		return nil, false, err
	}
	if len(raised) > 0 {
		revision--
	}
	return raised, moved || revision != r.plan.revision+r.plan.raised, nil
}

// count adds what a range came to to the managed tenant's result.
func (r *Round) count(ctx context.Context, tx pgx.Tx, p syncengine.Changes) error {
	tag, err := tx.Exec(ctx, count, pgx.NamedArgs{
		"run": r.runID, "managed_tenant": r.managed.ManagedTenantID, "created": p.Created, "linked": p.Linked, "updated": p.Updated,
		"inactivated": p.Inactivated, "inactivated_gone": p.InactivatedGone, "reactivated": p.Reactivated,
	})
	if err == nil && tag.RowsAffected() == 0 {
		return syncengine.ErrRunCancelled
	}
	return err
}

// redecide plans the range again: the host or a person changed contacts of the
// client since the plan was made.
func (r *Round) redecide(ctx context.Context, tx pgx.Tx, rules syncengine.Rules, of span) error {
	r.plan.found = anything
	args := r.args(of)
	if err := indexAddresses(ctx, tx); err != nil {
		return err
	}
	if err := r.indexPlan(ctx, tx); err != nil {
		return err
	}
	if err := exec(ctx, tx, args, redecideRemoved, redecideClear, redecideMatch, redecideTakeover, redecideLinks, redecideAddresses, findLinksRange, decideLinked, decideAddresses); err != nil {
		return err
	}
	if err := r.decideUnlinkedRange(ctx, tx, rules, of); err != nil {
		return err
	}
	if err := r.decideRemoved(ctx, tx, span{of.after - r.staged, of.upTo - r.staged}); err != nil {
		return err
	}
	if err := r.redecideGuarded(ctx, tx, of); err != nil || !r.plan.held {
		return err
	}
	return exec(ctx, tx, args, holdPlan, holdKnown)
}

// write runs the statements of the actions that occur in the range.
func (r *Round) write(ctx context.Context, tx pgx.Tx, of span, actions map[syncengine.Action]int) error {
	creates, links, inactivates := actions[syncengine.ActionCreate], actions[syncengine.ActionLink], actions[syncengine.ActionInactivate]
	changes := actions[syncengine.ActionUpdate] + actions[syncengine.ActionReactivate] + actions[syncengine.ActionResume] + actions[syncengine.ActionTouch]
	insertLinks := applyInsertLinks
	if r.plan.takes {
		insertLinks = applyTakeLinks
	}
	released, takeovers := 0, 0
	if r.plan.relinks {
		released = creates + links
	}
	if r.plan.takeovers {
		takeovers = links
	}
	args := r.args(of)
	for _, s := range []struct {
		rows int
		sql  string
	}{
		{creates, applyCreateContacts},
		{released, applyRelease},
		{released, applyReleased},
		{takeovers, applyTakeover},
		{creates + links, insertLinks},
		{links, applyLinkContacts},
		{changes, applyContacts},
		{inactivates, applyInactivate},
		{actions[syncengine.ActionMissing], applyMissing},
		{changes + inactivates + actions[syncengine.ActionSeen] + actions[syncengine.ActionMissing] + actions[syncengine.ActionAbsent], applyLinks},
	} {
		if s.rows == 0 {
			continue
		}
		statements := []string{s.sql}
		if s.sql == insertLinks {
			statements = []string{plansKept, s.sql, plansMadeAnew}
		}
		if err := exec(ctx, tx, args, statements...); err != nil {
			return err
		}
	}
	return nil
}

// The foreign key of a link is checked by a statement of the server's own for each row.
// In the session of a round that was planned anew each time, which took three times as
// long as the rest of the insertion.
const (
	plansKept     = `SET LOCAL plan_cache_mode = auto`
	plansMadeAnew = `SET LOCAL plan_cache_mode = force_custom_plan`
)
