package round

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/entrasync/entrasync/pkg/pg"
	"github.com/entrasync/entrasync/pkg/pgtest"
	"github.com/entrasync/entrasync/pkg/tenant"
	"github.com/entrasync/entrasync/services/sync-engine/internal/syncengine"
)

// Statements that go through all that was staged, once: they may scan it, and hash.
var directoryWide = []string{"prepare", "prepare_changes", "find_links", "shared_addresses", "decide_duplicates", "hold_digest", "let_through_count", "explain_sharing"}

// Statements that are nothing but tables and indexes, or empty temporary tables.
var unplanned = []string{"create", "clear_tables", "drop_indexes", "restart", "worker_index", "worker_clear", "stage_index", "links_index", "address_index", "takeover_index", "plan_indexes", "suppose", "suppose_write"}

// Statements that count all that was staged and a directory's links, or look
// whether it has some.
var countLinks = []string{"tally", "tally_listed", "tally_links", "tally_passed", "find_links", "free_links", "rejects_some"}

// Statements that put all that was staged beside all of something: each side is to be
// read once.
var inOnePass = []string{"find_links", "decide_duplicates"}

// Statements that go through a directory's kept identities, once, or look whether it has some.
var countKept = []string{"tally_kept", "kept_failures", "keeps_some"}

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

// each calls f for every node. The scan of an index for a bitmap names no table: it is given
// that of the scan which reads the bitmap.
func (n *planNode) each(f func(*planNode)) {
	f(n)
	for i := range n.Plans {
		if strings.HasPrefix(n.Type, "Bitmap") && n.Plans[i].Relation == "" {
			n.Plans[i].Relation = n.Relation
		}
		n.Plans[i].each(f)
	}
}

// explain gives the plan of each statement of a file.
func explain(ctx context.Context, tx pgx.Tx, sql string, args pgx.NamedArgs) (plans []planNode, err error) {
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
		if err := tx.QueryRow(ctx, "EXPLAIN (FORMAT JSON) "+part, args).Scan(&text); err != nil {
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
	wide, counts, keptAll := slices.Contains(directoryWide, name), slices.Contains(countLinks, name), slices.Contains(countKept, name)
	plan.each(func(n *planNode) {
		filled := state != empty
		tenants := n.Relation == "contacts" || n.Relation == "entra_contact_links" || n.Relation == "kept_identities"
		switch {
		case n.Type == "Seq Scan" && (tenants || !wide && !counts):
			found = append(found, "scans "+n.Relation)
		case n.readsIndex() && n.Cond == "" && tenants && !counts:
			found = append(found, "reads all of "+n.Index)
		case filled && n.Relation == "contacts" && n.readsIndex() && n.Index != "contacts_email" && n.Index != "contacts_pkey":
			found = append(found, "looks up contacts in "+n.Index+" by "+n.Cond)
		case filled && n.Relation == "entra_contact_links" && n.readsIndex() && !strings.Contains(n.Cond, "entra_object_id") && !counts:
			found = append(found, "looks up links by "+n.Cond)
		case filled && n.Relation == "kept_identities" && n.readsIndex() && !strings.Contains(n.Cond, "entra_object_id") && !keptAll:
			found = append(found, "looks up kept identities by "+n.Cond)
		case !wide && (n.Type == "Hash Join" || n.Type == "Merge Join"):
			found = append(found, n.Type)
		case n.Type == "Nested Loop" && slices.Contains(inOnePass, name):
			found = append(found, "reads a side for each row of another")
		case n.Type == "Nested Loop" && !n.Plans[0].oneRow():
			found = append(found, inner(&n.Plans[1])...)
		}
	})
	return found
}

func (n *planNode) readsIndex() bool {
	return strings.HasPrefix(n.Type, "Index") || n.Type == "Bitmap Index Scan"
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

// empty is the state of tables that have no row yet: there the planner may read all.
// It plans anew for each range, so that it sees them grow.
const empty = "empty"

// TestEveryStatementReadsItsRangeAlone looks at the plan of every statement of a
// round, whatever the planner knows of the tables.
func TestEveryStatementReadsItsRangeAlone(t *testing.T) {
	t.Parallel()
	const users = 12_000
	for name, prepare := range map[string]func(b *bundle){
		empty:            func(*bundle) {},
		"never analysed": func(b *bundle) { b.contacts(msp, users/3); b.round(users, true) },
		"analysed":       func(b *bundle) { b.contacts(msp, users/3); b.round(users, true); b.analyse() },
		"analysed before the tenant came": func(b *bundle) {
			b.contacts("msp-2", 2*users)
			b.exec(`INSERT INTO entra_contact_links (tenant_id, entra_tenant_id, entra_object_id, contact_id, client_id, status, last_seen_at, last_synced_at, created_at)
				SELECT tenant_id, 'other', email, id, client_id, 'active', now(), now(), now() FROM contacts`)
			b.analyse()
			b.contacts(msp, users/3)
			b.round(users, true)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			prepare(b)
			b.lookAtPlans(name, b.round(users, false))
		})
	}
}

func (b *bundle) lookAtPlans(state string, r *Round) {
	b.t.Helper()
	args := r.args(span{5000, 10000})
	args["after_id"], args["up_to_id"], args["limit"], args["last"] = "00005000", "00010000", 5000, 10000
	args["decision"], args["decided_by"], args["ns"] = uuid.New(), "user-1", []int32{5001, 5002}
	args["approved"], args["managed_tenant"], args["at"] = uuid.New(), "m", b.now
	args["object_id"], args["n"], args["since"], args["with_linked"] = "00005001", 5001, 0, true
	args["position"], args["after_tenant"], args["after_object"] = 1, "", ""
	args["decided"], args["ids"] = []string{"x"}, []string{"00005000", "00005001"}
	for _, n := range []string{"created", "linked", "updated", "inactivated", "inactivated_gone", "reactivated"} {
		args[n] = 1
	}
	// As rounds have that list what changed, and that write more than new contacts.
	_, err := r.conn.Raw().Exec(b.ctx, stageIndex+planIndexes+addressIndex)
	require.NoError(b.t, err)
	_, err = r.conn.Raw().Exec(b.ctx, takeoverIndex) // and those that find accounts made again
	require.NoError(b.t, err)
	args["takes"], args["known"], args["links"], args["matched"], args["shared"], args["left"] = true, true, true, true, true, true
	args["hashes"], args["numbers"] = []int64{1, 2}, 25000
	for name, sql := range statements(b.t) {
		if slices.Contains(unplanned, name) || state == empty && strings.HasPrefix(name, "orphans_") { // of which there are none then
			continue
		}
		in := r.inRange
		if slices.Contains(directoryWide, name) {
			in = func(ctx context.Context, fn pg.TxFunc) error { return r.inDirectory(ctx, fn) }
		}
		if slices.Contains(inOnePass, name) {
			in = func(ctx context.Context, fn pg.TxFunc) error { return r.inDirectory(ctx, fn, pg.InOnePass()) }
		}
		err := in(b.ctx, func(ctx context.Context, tx pgx.Tx) error {
			plans, err := explain(ctx, tx, sql, args)
			for i := range plans {
				assert.Empty(b.t, faults(state, name, plans[i]), "%s, %s: %+v", state, name, plans[i])
			}
			return err
		})
		require.NoError(b.t, err)
	}
}

// TestWhatIsSupposedIsReadByIndex: a preflight's later directories of a client look
// contacts and links up as a round does, with what the earlier ones would write laid
// over them.
func TestWhatIsSupposedIsReadByIndex(t *testing.T) {
	t.Parallel()
	const users = 12_000
	b := setup(t)
	b.contacts(msp, users/3)
	b.round(users, true)
	b.analyse()
	r := b.round(users, false)
	_, err := r.conn.Raw().Exec(b.ctx, suppose+stageIndex+planIndexes+addressIndex)
	require.NoError(t, err)
	_, err = r.conn.Raw().Exec(b.ctx, `INSERT INTO supposed SELECT gen_random_uuid(), gen_random_uuid(), 'N', '', 's' || n || '@corp.example', false, 'd', 's' || n, ''
		FROM generate_series(1, 4000) n`)
	require.NoError(t, err)
	args := r.args(span{5000, 10000})
	args["ns"], args["limit"], args["decided"] = []int32{5001, 5002}, 200, []string{}
	args["after_id"], args["up_to_id"] = "00005000", "00010000"
	sql := statements(t)
	for _, name := range []string{
		"find_links_range", "decide_linked", "decide_addresses", "decide_matches", "match_names", "decide_unlinked", "decide_gone", "queue", "report_changed", "report_queued",
		"report_unchanged", "report_others", "links_next",
	} {
		require.NoError(t, r.inRange(b.ctx, func(ctx context.Context, tx pgx.Tx) error {
			plans, err := explain(ctx, tx, sql[name], with(args, "last", users))
			for i := range plans {
				assert.Empty(t, faults("supposed", name, plans[i]), name)
			}
			return err
		}), name)
	}
}

// statements are those of a round and of orphaned links, by their file.
func statements(t testing.TB) map[string]string {
	t.Helper()
	found := map[string]string{}
	for _, folder := range []string{"", "../orphans/"} {
		files, err := filepath.Glob(folder + "*.sql")
		require.NoError(t, err)
		require.NotEmpty(t, files)
		for _, file := range files {
			text, err := os.ReadFile(file)
			require.NoError(t, err)
			name := strings.TrimSuffix(strings.TrimPrefix(file, "../"), ".sql")
			found[strings.ReplaceAll(name, "/", "_")] = string(text)
		}
	}
	return found
}

// TestStatementsAreNamedOnce holds that a statement has the name of its file, for
// traces, and names only arguments that a round gives: an unknown one would be null.
func TestStatementsAreNamedOnce(t *testing.T) {
	t.Parallel()
	r := &Round{}
	r.by(syncengine.Rules{})
	known := r.args(everything)
	for _, more := range []string{
		"after_id", "up_to_id", "limit", "numbers", "decision", "decided_by", "ns", "ids", "decided", "at",
		"created", "linked", "updated", "inactivated", "inactivated_gone", "reactivated", "approved", "object_id", "n", "since", "with_linked",
		"position", "after_tenant", "after_object", "known", "directories", "objects", "upns", "names", "emails", "norm_emails", "inactive",
	} {
		known[more] = nil
	}
	argument := regexp.MustCompile(`@([a-z_]+)`)
	for name, sql := range statements(t) {
		require.True(t, strings.HasPrefix(sql, "-- name: "+name+"\n"), name)
		for _, found := range argument.FindAllStringSubmatch(sql, -1) {
			require.Contains(t, known, found[1], name)
		}
	}
}

// TestActionsAreTheSameInGoAndSQL compares the constants with the check of the plan.
func TestActionsAreTheSameInGoAndSQL(t *testing.T) {
	t.Parallel()
	_, check, found := strings.Cut(create, "CHECK (action IN (")
	require.True(t, found)
	check, _, found = strings.Cut(check, "))")
	require.True(t, found)
	var actions []syncengine.Action
	for _, word := range regexp.MustCompile(`(?m)^ +'([a-z]+)'`).FindAllStringSubmatch(check, -1) {
		actions = append(actions, syncengine.Action(word[1]))
	}
	require.Equal(t, []syncengine.Action{
		syncengine.ActionCreate, syncengine.ActionLink, syncengine.ActionUpdate, syncengine.ActionReactivate, syncengine.ActionResume, syncengine.ActionTouch, syncengine.ActionSeen, syncengine.ActionMissing, syncengine.ActionAbsent,
		syncengine.ActionInactivate, syncengine.ActionQueue,
	}, actions)
}

const (
	msp       = "msp-1"
	directory = "11111111-1111-4111-8111-111111111111"
	managed   = "22222222-2222-4222-8222-222222222222"
	client    = "33333333-3333-4333-8333-333333333333"
)

// bundle is a database of the engine's that no autovacuum touches.
type bundle struct {
	t    testing.TB
	db   *pgtest.DB
	ctx  context.Context
	now  time.Time
	step syncengine.Step
}

func setup(t testing.TB) *bundle {
	t.Helper()
	b := &bundle{
		t: t, db: pgtest.Database(t, "syncengine"), now: time.Date(2026, 5, 1, 8, 0, 0, 0, time.UTC), step: func(int) error { return nil },
		ctx: tenant.With(t.Context(), tenant.Call{Tenant: msp}),
	}
	b.exec(`ALTER TABLE contacts SET (autovacuum_enabled = off)`)
	b.exec(`ALTER TABLE entra_contact_links SET (autovacuum_enabled = off)`)
	b.exec(`ALTER TABLE kept_identities SET (autovacuum_enabled = off)`)
	return b
}

func (b *bundle) exec(sql string, args ...any) {
	b.t.Helper()
	_, err := b.db.Admin.Exec(b.ctx, sql, args...)
	require.NoError(b.t, err)
}

func (b *bundle) analyse() {
	b.t.Helper()
	b.exec(`ANALYZE contacts`)
	b.exec(`ANALYZE entra_contact_links`)
	b.exec(`ANALYZE kept_identities`)
}

// contacts are of the first n users.
func (b *bundle) contacts(tenantID string, n int) {
	b.t.Helper()
	b.exec(`INSERT INTO contacts (tenant_id, id, client_id, full_name, name_key, email, email_norm, made_by, created_at, updated_at)
		SELECT $1::text, gen_random_uuid(), $2::uuid, 'N', 'n', 'u' || n || '@corp.example', 'u' || n || '@corp.example', 'host', now(), now()
		FROM generate_series(1, $3::int) n`, tenantID, client, n)
	b.exec(`INSERT INTO client_heads (tenant_id, client_id, revision) VALUES ($1, $2, 1)`, tenantID, client)
}

// round decides for n users and, where it is to, applies; else it is left open with
// its plan made.
func (b *bundle) round(n int, apply bool) *Round {
	b.t.Helper()
	run := uuid.NewString()
	b.exec(`INSERT INTO entra_sync_runs (tenant_id, id, type, dry_run, trigger, state, workflow_id, initiated_by, created_at)
		VALUES ($1, $2, 'all-tenants', false, 'manual', 'running', 'workflow', 'user-1', now())`, msp, run)
	b.exec(`INSERT INTO entra_sync_run_tenants (tenant_id, run_id, managed_tenant_id, entra_tenant_id, client_id, mapping_revision, group_no, position, state)
		VALUES ($1, $2, $3, $4, $5, 1, 0, 0, 'queued')`, msp, run, managed, directory, client)
	r, err := Open(b.ctx, b.db.Pool("syncengine"), syncengine.ManagedTenant{
		RunID: run, ManagedTenantID: managed, EntraTenantID: directory, ClientID: client, MappingRevision: 1,
	}, Timeouts{}, b.now, Place{Leave: func() {}})
	require.NoError(b.t, err)
	b.t.Cleanup(r.Release)
	clock := func() time.Time { return b.now }
	require.NoError(b.t, r.ApplyRevision(b.ctx, clock, b.step))
	b.stage(r, n)
	_, err = r.Prepare(b.ctx, b.step)
	require.NoError(b.t, err)
	rules := syncengine.Rules{Now: b.now}
	_, _, err = r.Decide(b.ctx, rules, true, b.step)
	require.NoError(b.t, err)
	for done := !apply; !done; {
		_, done, err = r.ApplyNext(b.ctx, rules, clock)
		require.NoError(b.t, err)
	}
	if apply {
		require.NoError(b.t, r.Keep(b.ctx, true, b.step))
		r.Release()
		b.exec(`UPDATE entra_sync_runs SET state = 'completed', completed_at = now() WHERE id = $1`, run)
	}
	return r
}

func (b *bundle) stage(r *Round, n int) {
	b.t.Helper()
	reader, err := syncengine.NewReader(syncengine.Settings{})
	require.NoError(b.t, err)
	identities := make([]syncengine.Identity, n)
	for i := range identities {
		enabled := i%2 == 0 // the others are kept
		identities[i] = reader.Read(&syncengine.User{
			ObjectID: fmt.Sprintf("%08d", i+1), UserPrincipalName: fmt.Sprintf("u%d@corp.example", i+1), DisplayName: fmt.Sprintf("User %d", i+1),
			AccountEnabled: &enabled, ProxyAddresses: []string{fmt.Sprintf("smtp:alias%d@corp.example", i+1)},
		})
	}
	for chunk := range slices.Chunk(identities, syncengine.RangeSize) {
		require.NoError(b.t, r.Stage(b.ctx, chunk))
	}
}
