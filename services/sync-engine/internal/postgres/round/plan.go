package round

import (
	"context"
	_ "embed" // the statements
	"maps"
	"math"
	"strings"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/entrasync/entrasync/services/sync-engine/internal/syncengine"
)

// plan is how far the round has come with its plan, which is a temporary table.
type plan struct {
	revision int64 // of the client's head when it was made
	raised   int64 // by how much this round raised the head since
	rows     int   // when it was made
	relinks  bool  // links of the directory wait to be given to contacts of this client
	held     bool  // Hold has taken the inactivations out of it
	complete bool  // identities that were not staged are gone
	rejects  bool  // a person has kept some of the directory's links active
	found
	// It may have accounts that were made again, which take contacts over.
	takeovers bool
	allLinked bool // every identity that was staged and passed has one
	queues    bool // it may have identities for a person
	left      int  // of what was staged, the identities that left the directory
	// A person has approved that the directory lists nobody.
	emptyApproved bool
	// The run whose held inactivations go through; zero for none.
	approved uuid.UUID
	last     int // n up to which it is applied
}

// found is what the state has, as far as the plan depends on it: what is not there is not looked for.
type found struct {
	takes   bool // the directory has links whose rows may be written over (apply_take_links.sql)
	matches bool // the client may have contacts, one of which may be an identity's
	shared  bool // identities may share an address with another one or a contact: they are listed
	matched bool // table match may have rows
	links   bool // identities that were staged, or were not and are gone, may have a link
}

// anything is what may be there after somebody else wrote.
var anything = found{takes: true, matches: true, shared: true, matched: true, links: true}

// span is a range of n: of what was staged, and of what is planned.
type span struct{ after, upTo int }

// everything is all that was staged and planned.
var everything = span{0, math.MaxInt32}

// decideSize is how many identities or links one transaction decides. They are not
// locked meanwhile, so that it may be more than one applies.
const decideSize = 5 * syncengine.RangeSize

// by keeps the rules as arguments.
func (r *Round) by(rules syncengine.Rules) {
	s := rules.Settings
	r.overwrites = s.Overwrites()
	r.rules = pgx.NamedArgs{
		"now": rules.Now, "inactivate": s.MarkInactiveWhenDisabled,
		"field_display_name": s.FieldDisplayName, "field_email": s.FieldEmail, "field_phone": s.FieldPhone, "field_role": s.FieldRole,
		"field_upn": s.FieldUPN,
	}
}

// args are the arguments that a statement may name, for one range.
func (r *Round) args(of span) pgx.NamedArgs {
	args := pgx.NamedArgs{
		"tenant": r.tenantID, "directory": r.managed.EntraTenantID, "client": r.clientID, "relink_client": r.relinkClient(),
		"managed_tenant": r.managed.ManagedTenantID, "run": r.runID, "after": of.after, "up_to": of.upTo,
		"last": r.staged, "complete": r.plan.complete, "takes": r.plan.takes, "shared": r.plan.shared, "hashes": nil,
		"matched": r.plan.matched, "links": r.plan.links, "left": r.plan.left > 0, "dry_run": r.managed.DryRun,
	}
	maps.Copy(args, r.rules)
	return args
}

// with is args and one more.
func with(args pgx.NamedArgs, name string, value any) pgx.NamedArgs {
	args = maps.Clone(args)
	args[name] = value
	return args
}

// relinkClient is the client whose links to be relinked count as none. Before the
// links are in line with the round's mapping, which only a dry run leaves so, what
// was decided is void.
func (r *Round) relinkClient() uuid.UUID {
	if !r.mapping.applied {
		return uuid.Nil
	}
	return r.clientID
}

//go:embed head.sql
var head string

// mayHaveLinks reports whether identities that were staged may have links by now: the round found some, or
// the head's revision moved, as it does where a person links one.
func (r *Round) mayHaveLinks(ctx context.Context, tx pgx.Tx) (bool, error) {
	if r.plan.links {
		return true, nil
	}
	var revision int64
	var matches bool
	err := tx.QueryRow(ctx, head, r.args(everything)).Scan(&revision, &matches)
	return revision != r.plan.revision+r.plan.raised, err
}

// exec runs statements one after the other.
func exec(ctx context.Context, tx pgx.Tx, args pgx.NamedArgs, statements ...string) error {
	for _, sql := range statements {
		if _, err := tx.Exec(ctx, sql, args); err != nil {
			return err
		}
	}
	return nil
}

// unopposed is an insertion without its ON CONFLICT, for rows that none can be in the way of: to look for
// such rows takes a fifth of its time.
func unopposed(sql string) string {
	insertion, _, _ := strings.Cut(sql, "\nON CONFLICT")
	return insertion
}

// eachRange calls fn for all that was staged, range by range, each in a
// transaction of its own.
func (r *Round) eachRange(ctx context.Context, step syncengine.Step, fn func(ctx context.Context, tx pgx.Tx, of span) error) error {
	for after := 0; after < r.staged; after += decideSize {
		of := span{after, min(after+decideSize, r.staged)}
		if err := r.inRange(ctx, func(ctx context.Context, tx pgx.Tx) error { return fn(ctx, tx, of) }); err != nil {
			return err
		}
		if err := step(of.upTo - of.after); err != nil {
			return err
		}
	}
	return nil
}

// eachPlanned calls fn for all that is planned, range by range, each in a
// transaction of its own.
func (r *Round) eachPlanned(ctx context.Context, step syncengine.Step, fn func(ctx context.Context, tx pgx.Tx, of span) error) error {
	last := 0
	err := r.inDirectory(ctx, func(ctx context.Context, tx pgx.Tx) error {
		return tx.QueryRow(ctx, "SELECT COALESCE(max(n), 0) FROM plan").Scan(&last)
	})
	for after := 0; err == nil && after < last; after += syncengine.RangeSize {
		of := span{after, after + syncengine.RangeSize}
		if err = r.inRange(ctx, func(ctx context.Context, tx pgx.Tx) error { return fn(ctx, tx, of) }); err == nil {
			err = step(min(syncengine.RangeSize, last-after))
		}
	}
	return err
}

//go:embed planned.sql
var planned string

// counted is what rows of the plan come to.
type counted struct {
	changes syncengine.Changes
	queued  map[string]int // identities for a person, by reason
	actions map[syncengine.Action]int
}

// planned is how many rows those are.
func (c *counted) planned() (all int) {
	for _, n := range c.actions {
		all += n
	}
	return all
}

// countPlanned counts the plan's rows of a range.
func (r *Round) countPlanned(ctx context.Context, tx pgx.Tx, of span) (counted, error) {
	c := counted{queued: map[string]int{}, actions: map[syncengine.Action]int{}}
	rows, err := tx.Query(ctx, planned, r.args(of))
	if err != nil {
		return c, err
	}
	var what syncengine.Action
	var reason string
	var visible, all int
	_, err = pgx.ForEachRow(rows, []any{&what, &reason, &visible, &all}, func() error {
		c.actions[what] += all
		switch what {
		case syncengine.ActionCreate:
			c.changes.Created += visible
		case syncengine.ActionLink:
			c.changes.Linked += visible
		case syncengine.ActionUpdate, syncengine.ActionResume:
			c.changes.Updated += visible
		case syncengine.ActionReactivate:
			c.changes.Reactivated += visible
		case syncengine.ActionInactivate:
			c.changes.Inactivated += visible
			if reason == syncengine.InactiveDeleted {
				c.changes.InactivatedGone += visible
			}
		case syncengine.ActionQueue:
			c.queued[reason] += all
		case syncengine.ActionTouch, syncengine.ActionSeen, syncengine.ActionMissing, syncengine.ActionAbsent: // nothing that shows
		}
		return nil
	})
	r.plan.queues = r.plan.queues || len(c.queued) > 0
	return c, err
}
