package postgres_test

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/entrasync/entrasync/services/sync-engine/internal/postgres"
	"github.com/entrasync/entrasync/services/sync-engine/internal/syncengine"
)

// Statements that go through all that was staged, once, and touch no table of the
// tenant: they may scan and hash.
var directoryWide = []string{"round/prepare", "round/decide_duplicates", "round/hold_digest"}

// Statements that are nothing but tables and indexes, or empty temporary tables.
var unplanned = []string{
	"round/create", "round/clear", "round/bare", "round/restart", "round/decide_gone_index", "round/decide_indexes",
}

// Statements that count all that was staged and a directory's links, or look
// whether it has some.
var countLinks = []string{"round/tally", "round/free_links"}

// statementArgs are arguments of every statement for one range of a round.
func statementArgs(e *engine) map[string][]any {
	const after, upTo, first, last = 5000, 10000, "00005000", "00010000"
	c, run, decision := uuid.MustParse(client), uuid.New(), uuid.New()
	span := []any{after, upTo}
	return map[string][]any{
		"round/apply_changes": {msp, after, upTo, run, e.now}, "round/apply_contacts": {after, upTo, e.now},
		"round/apply_create_contacts": {msp, directory, c, after, upTo, e.now, true}, "round/apply_inactivate": {after, upTo, e.now},
		"round/apply_insert_links": {msp, directory, c, after, upTo, e.now, run}, "round/apply_link_contacts": {directory, after, upTo, e.now},
		"round/apply_links": {msp, directory, c, after, upTo, e.now}, "round/apply_release": {directory, c, after, upTo},
		"round/apply_released":   {msp, directory, c, after, upTo, e.now, run},
		"round/apply_take_links": {msp, directory, c, after, upTo, e.now, run}, "round/count": {run, managed, 1, 1, 1, 1, 1, 1},
		"round/decide_addresses": {directory, c, after, upTo}, "round/decide_elsewhere": {c, after, upTo},
		"round/decide_gone": {directory, c, true, first, last, upTo}, "round/gone_next": {directory, first, 5000},
		"round/decide_linked": {directory, c, after, upTo, true, true, true, true, true, true}, "round/decide_matches": {directory, c, after, upTo},
		"round/decide_unlinked": {directory, after, upTo, c}, "round/failures": nil, "round/free_links": {directory, c}, "round/head": {c},
		"round/hold_clear": {run, managed}, "round/hold_digest": nil, "round/hold_known": span, "round/hold_plan": span,
		"round/hold_record": {msp, run, managed, after, upTo}, "round/lock_head": {msp, c}, "round/moved_clients": {c, after, upTo},
		"round/next_range": span, "round/planned": span, "round/queue": {c, after, 200}, "round/redecide_clear": span, "round/redecide_match": span,
		"round/redecide_gone": span, "round/redecide_gone_visible": span, "round/release_clients": {directory, c, after, upTo},
		"round/tally": {directory, c}, "round/tally_filtered": {directory, c, c, after, upTo},
		"orphans/clients": {directory, first, last}, "orphans/end": {msp, directory, decision, first, last, "user-1", e.now},
		"orphans/follow_next": {directory, c, first, 5000}, "orphans/follow_range": {msp, directory, c, first, last, e.now},
		"orphans/next": {directory, decision, first, 5000}, "round/prepare": nil, "round/decide_duplicates": nil,
	}
}

// planNode is a node of EXPLAIN (FORMAT JSON).
type planNode struct {
	Type     string     `json:"Node Type"`
	Relation string     `json:"Relation Name"`
	Index    string     `json:"Index Name"`
	Cond     string     `json:"Index Cond"`
	CTE      string     `json:"CTE Name"`
	Parent   string     `json:"Parent Relationship"`
	Plans    []planNode `json:"Plans"`
}

func (n *planNode) each(f func(*planNode)) {
	f(n)
	for i := range n.Plans {
		n.Plans[i].each(f)
	}
}

// explain gives the plan of each statement of a file.
func explain(ctx context.Context, tx pgx.Tx, sql string, args []any) (plans []planNode, err error) {
	for _, part := range strings.Split(sql, ";\n") {
		var lines []string
		for _, line := range strings.Split(part, "\n") {
			if !strings.HasPrefix(strings.TrimSpace(line), "--") {
				lines = append(lines, line)
			}
		}
		part = strings.TrimSpace(strings.Join(lines, "\n"))
		if verb, _, _ := strings.Cut(part, " "); part == "" || verb == "CREATE" || verb == "ANALYZE" {
			continue
		}
		var text []byte
		if err := tx.QueryRow(ctx, "EXPLAIN (FORMAT JSON, VERBOSE false) "+part, args...).Scan(&text); err != nil {
			return nil, fmt.Errorf("%s: %w", part, err)
		}
		var out []struct{ Plan planNode }
		if err := json.Unmarshal(text, &out); err != nil {
			return nil, err
		}
		plans = append(plans, out[0].Plan)
	}
	return plans, nil
}

// faults are what a plan has that reads more than its range, or reads it once for
// each row of something.
func faults(state, name string, plan planNode) (found []string) {
	wide, counts := slices.Contains(directoryWide, name), slices.Contains(countLinks, name)
	plan.each(func(n *planNode) {
		filled := state != empty
		tenants := n.Relation == "contacts" || n.Relation == "entra_contact_links"
		switch {
		case n.Type == "Seq Scan" && (tenants || !wide && !counts):
			found = append(found, "scans "+n.Relation)
		case strings.HasPrefix(n.Type, "Index") && n.Cond == "" && tenants && !counts:
			found = append(found, "reads all of "+n.Index)
		case filled && n.Relation == "contacts" && strings.HasPrefix(n.Type, "Index") && !strings.Contains(n.Cond, "email_norm =") && !strings.Contains(n.Cond, "(id ="):
			found = append(found, "looks up contacts by "+n.Cond)
		case filled && n.Relation == "entra_contact_links" && strings.HasPrefix(n.Type, "Index") && !strings.Contains(n.Cond, "entra_object_id") && !counts:
			found = append(found, "looks up links by "+n.Cond)
		case !wide && (n.Type == "Hash Join" || n.Type == "Merge Join"):
			found = append(found, n.Type)
		case n.Type == "Nested Loop" && !n.Plans[0].oneRow():
			found = append(found, inner(&n.Plans[1])...)
		}
	})
	return found
}

// oneRow reports a side that is the feed's head or the number of its changes.
func (n *planNode) oneRow() bool {
	if n.Type == "Nested Loop" {
		return n.Plans[0].oneRow() && n.Plans[1].oneRow()
	}
	return n.CTE == "head" || n.CTE == "counted"
}

// inner are faults of what a nested loop does for each row of its outer side.
func inner(side *planNode) (found []string) {
	side.each(func(n *planNode) {
		if len(n.Plans) > 0 && n.Type != "Bitmap Heap Scan" {
			return
		}
		few := n.oneRow() || n.Type == "Function Scan" || n.Type == "Result" || n.Type == "Tid Scan" || n.Type == "Bitmap Heap Scan"
		if !few && n.Cond == "" {
			found = append(found, fmt.Sprintf("for each row reads all of %s%s%s", n.Type+" ", n.Relation, n.CTE))
		}
	})
	return found
}

// TestEveryStatementReadsItsRangeAlone looks at the plan of every statement of a
// round and of orphaned links, whatever the planner knows of the tables.
func TestEveryStatementReadsItsRangeAlone(t *testing.T) {
	t.Parallel()
	const users = 12_000
	analyse := func(e *engine) { e.exec(`ANALYZE contacts`); e.exec(`ANALYZE entra_contact_links`) }
	for name, prepare := range map[string]func(e *engine){
		empty:            func(*engine) {},
		"never analysed": func(e *engine) { e.hosted(users); e.round() },
		"analysed":       func(e *engine) { e.hosted(users); e.round(); analyse(e) },
		"analysed before the tenant came": func(e *engine) {
			e.exec(`INSERT INTO contacts (tenant_id, id, client_id, full_name, name_key, email, email_norm, made_by, created_at, updated_at)
				SELECT 'msp-2', gen_random_uuid(), $1::uuid, 'N', 'n', n || '@other.example', n || '@other.example', 'host', now(), now() FROM generate_series(1, 20000) n`, other)
			e.exec(`INSERT INTO entra_contact_links (tenant_id, entra_tenant_id, entra_object_id, contact_id, client_id, status, last_seen_at, last_synced_at, created_at)
				SELECT tenant_id, 'other', email, id, client_id, 'active', now(), now(), now() FROM contacts`)
			analyse(e)
			e.hosted(users)
			e.round()
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := setup(t)
			e.exec(`ALTER TABLE contacts SET (autovacuum_enabled = off)`)
			e.exec(`ALTER TABLE entra_contact_links SET (autovacuum_enabled = off)`)
			e.dir.stream = streamOf(users)
			prepare(e)
			e.lookAtPlans(name, users)
		})
	}
}

// empty is the state of tables that have no row yet: there the planner may read all.
// It plans anew for each range, so that it sees them grow.
const empty = "empty"

func (e *engine) lookAtPlans(state string, users int) {
	e.t.Helper()
	run := e.started(syncengine.TypeAllTenants, false)
	_, tenant, err := e.store.RunTenant(e.ctx(), run.ID, managed)
	require.NoError(e.t, err)
	opened, err := e.store.OpenRound(e.ctx(), tenant, e.now)
	require.NoError(e.t, err)
	defer opened.Release()
	e.decideAll(opened, users)
	round := opened.(*postgres.Round)
	statements, err := postgres.Statements()
	require.NoError(e.t, err)
	args := statementArgs(e)
	for name, sql := range statements {
		if slices.Contains(unplanned, name) || state == empty && strings.HasPrefix(name, "orphans/") { // of which there are none then
			continue
		}
		values, known := args[name]
		require.True(e.t, known, "%s has no arguments here", name)
		in := round.InRange
		if slices.Contains(directoryWide, name) {
			in = round.InDirectory
		}
		err := in(e.ctx(), func(ctx context.Context, tx pgx.Tx) error {
			plans, err := explain(ctx, tx, sql, values)
			for i := range plans {
				assert.Empty(e.t, faults(state, name, plans[i]), "%s, %s: %+v", state, name, plans[i])
			}
			return err
		})
		require.NoError(e.t, err)
	}
	_, err = e.results.Finalise(e.ctx(), run.ID, syncengine.StateCancelled, nil, nil)
	require.NoError(e.t, err)
}

// decideAll stages and decides, so that the round's tables are full.
func (e *engine) decideAll(round syncengine.Round, users int) {
	e.t.Helper()
	step := func(int) error { return nil }
	settings, err := e.store.Settings(e.ctx(), e.now)
	require.NoError(e.t, err)
	reader, err := syncengine.NewReader(settings)
	require.NoError(e.t, err)
	require.NoError(e.t, round.Follow(e.ctx(), e.now, step))
	err = streamOf(users)(func(page []syncengine.User) error {
		identities := make([]syncengine.Identity, len(page))
		for i := range page {
			identities[i] = reader.Read(&page[i])
		}
		return round.Stage(e.ctx(), identities)
	})
	require.NoError(e.t, err)
	_, err = round.Prepare(e.ctx(), step)
	require.NoError(e.t, err)
	_, err = round.Decide(e.ctx(), syncengine.Rules{Settings: settings, Now: e.now}, true, step)
	require.NoError(e.t, err)
}
