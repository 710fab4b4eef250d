package migrations_test

import (
	"flag"
	"hash/fnv"
	"io/fs"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/entrasync/entrasync/migrations"
	"github.com/entrasync/entrasync/pkg/pgtest"
)

// exhaustive has every boundary of every file tried, as `make soak` does. Otherwise a run tries a
// sixth of a file's boundaries, and a fourth of the files with a mark, others each time.
var (
	exhaustive = flag.Bool("exhaustive", false, "try every boundary of every migration")
	seed       = flag.Uint64("seed", rand.Uint64(), "chooses what is tried")
)

// sample takes every n-th of a list, from another one on for each of the list's names.
func sample[T any](t *testing.T, all []T, n int, name string) (some []T) {
	t.Helper()
	if *exhaustive {
		return all
	}
	hash := fnv.New64a()
	_, _ = hash.Write([]byte(name))
	first := int((hash.Sum64() ^ *seed) % uint64(min(n, len(all))))
	for i := first; i < len(all); i += n {
		some = append(some, all[i])
	}
	t.Logf("%s: %d of %d; -seed=%d does it again, -exhaustive tries all", name, len(some), len(all), *seed)
	return some
}

// ladder is a database on which one context goes up and down.
type ladder struct {
	t      *testing.T
	db     *pgtest.DB
	cutter *pgtest.Cutter
	name   string
	files  []string   // NNNNNN_name, in order
	shapes [][]string // after so many files
}

func climb(t *testing.T, name string) *ladder {
	t.Helper()
	db := pgtest.Empty(t)
	require.NoError(t, migrations.Bootstrap(t.Context(), connect(t, db.AdminURL), nil))
	l := &ladder{t: t, db: db, cutter: db.Cutter(), name: name}
	entries, err := fs.Glob(migrations.Files(), name+"/*.up.sql")
	require.NoError(t, err)
	for _, entry := range entries {
		l.files = append(l.files, strings.TrimSuffix(strings.TrimPrefix(entry, name+"/"), ".up.sql"))
	}
	slices.Sort(l.files)
	// The table of the version is made once and stays.
	require.NoError(t, migrations.Up(t.Context(), db.AdminURL, name))
	require.NoError(t, migrations.Down(t.Context(), db.AdminURL, name))
	l.shapes = append(l.shapes, shape(t, db))
	for range l.files {
		require.NoError(t, migrations.Steps(t.Context(), db.AdminURL, name, 1))
		l.shapes = append(l.shapes, shape(t, db))
	}
	require.NoError(t, migrations.Down(t.Context(), db.AdminURL, name))
	return l
}

func (l *ladder) through() string { return l.cutter.Through(l.db.AdminURL) }

// version is how many files the database says are applied; there is no mark.
func (l *ladder) version() (at int) {
	l.t.Helper()
	states, err := migrations.Version(l.t.Context(), l.db.AdminURL, l.name)
	require.NoError(l.t, err)
	require.False(l.t, states[0].Dirty)
	return slices.IndexFunc(l.files, func(file string) bool { return number(file) == int(states[0].Version) }) + 1
}

func number(file string) (n int) {
	for _, c := range file[:strings.IndexByte(file, '_')] {
		n = n*10 + int(c-'0')
	}
	return n
}

// settled checks that what is there is what the version says, and gives it: then
// the next up has nothing to mend.
func (l *ladder) settled(from, to int, when string) (at int) {
	l.t.Helper()
	at = l.version()
	require.Contains(l.t, []int{from, to}, at, when)
	l.shaped(at, when)
	return at
}

// shaped checks that what is there is what so many files make. A file down does
// not take back that constraints were validated.
func (l *ladder) shaped(at int, when string) {
	l.t.Helper()
	there := shape(l.t, l.db)
	for i, want := range l.shapes[at] {
		if i >= len(there) || strings.TrimSuffix(want, " NOT VALID") != strings.TrimSuffix(there[i], " NOT VALID") {
			require.Equal(l.t, want, there[min(i, len(there)-1)], when)
		}
	}
	require.Len(l.t, there, len(l.shapes[at]), when)
}

// move brings the database to so many files.
func (l *ladder) move(from, to int) {
	l.t.Helper()
	if from != to {
		require.NoError(l.t, migrations.Steps(l.t.Context(), l.db.AdminURL, l.name, to-from))
	}
}

// TestAMigrationKilledBetweenAnyTwoStatementsIsWholeOrNotThere ends the server's
// side at boundaries between statements of each file, up and down.
func TestAMigrationKilledBetweenAnyTwoStatementsIsWholeOrNotThere(t *testing.T) {
	t.Parallel()
	for _, name := range migrations.Contexts() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := climb(t, name)
			for i, file := range l.files {
				l.killed(file+".up.sql", i, i+1)
				l.move(i, i+1)
			}
			require.NoError(t, migrations.Up(t.Context(), l.db.AdminURL, name))
			l.shaped(len(l.files), "up again")
			for i := len(l.files); i > 0; i-- {
				l.killed(l.files[i-1]+".down.sql", i, i-1)
				l.move(i, i-1)
			}
		})
	}
}

// killed does a file again and again and ends the server's side at another
// boundary each time.
func (l *ladder) killed(file string, from, to int) {
	l.t.Helper()
	text, err := fs.ReadFile(migrations.Files(), l.name+"/"+file)
	require.NoError(l.t, err)
	boundaries := boundariesOf(string(text))
	require.NotEmpty(l.t, boundaries)
	require.Equal(l.t, from, l.settled(from, to, file))
	before := l.rows()
	for _, boundary := range sample(l.t, boundaries, 6, file) {
		found := false
		l.cutter.Edit(func(sql string) string {
			if !strings.HasPrefix(sql, string(text)) {
				return sql
			}
			found = true
			return sql[:boundary] + "\n; RESET ROLE; SELECT pg_terminate_backend(pg_backend_pid());" + sql[boundary:]
		})
		require.Error(l.t, migrations.Steps(l.t.Context(), l.through(), l.name, to-from))
		l.cutter.Edit(nil)
		require.True(l.t, found, "%s was sent otherwise", file)
		require.Equal(l.t, before, l.rows(), "%s left something when it was killed at byte %d", file, boundary)
	}
}

// rows is a digest of the version and of who wrote the rows of the catalogue last. It is the same
// only where nothing was committed, and costs a fraction of the shape.
func (l *ladder) rows() (digest string) {
	l.t.Helper()
	require.NoError(l.t, l.db.Admin.QueryRow(l.t.Context(), `
		WITH ours AS (SELECT c.oid, c.xmin FROM pg_class c WHERE c.relnamespace = to_regnamespace($1))
		SELECT md5(COALESCE((SELECT string_agg(v.version || ' ' || v.dirty, ',') FROM `+l.name+`.schema_migrations v), '') || string_agg(line, ',' ORDER BY line)) FROM (
			SELECT 'class ' || o.oid || ' ' || o.xmin AS line FROM ours o
			UNION ALL SELECT 'column ' || a.attrelid || ' ' || a.attnum || ' ' || a.xmin FROM pg_attribute a JOIN ours o ON o.oid = a.attrelid
			UNION ALL SELECT 'default ' || d.oid || ' ' || d.xmin FROM pg_attrdef d JOIN ours o ON o.oid = d.adrelid
			UNION ALL SELECT 'constraint ' || r.oid || ' ' || r.xmin FROM pg_constraint r JOIN ours o ON o.oid = r.conrelid
			UNION ALL SELECT 'policy ' || p.oid || ' ' || p.xmin FROM pg_policy p JOIN ours o ON o.oid = p.polrelid
			UNION ALL SELECT 'trigger ' || g.oid || ' ' || g.xmin FROM pg_trigger g JOIN ours o ON o.oid = g.tgrelid
			UNION ALL SELECT 'function ' || f.oid || ' ' || f.xmin FROM pg_proc f WHERE f.pronamespace = to_regnamespace($1)
			UNION ALL SELECT 'type ' || y.oid || ' ' || y.xmin FROM pg_type y WHERE y.typnamespace = to_regnamespace($1)) lines`,
		l.name).Scan(&digest))
	return digest
}

// boundariesOf are the places behind the semicolons that end statements.
func boundariesOf(sql string) (ends []int) {
	for i := 0; i < len(sql); i++ {
		rest := sql[i:]
		switch {
		case strings.HasPrefix(rest, "--"):
			i += skip(rest, "\n", 2)
		case strings.HasPrefix(rest, "$$"):
			i += skip(rest, "$$", 2)
		case rest[0] == '\'':
			i += skip(rest, "'", 1)
		case rest[0] == ';':
			ends = append(ends, i+1)
		}
	}
	return ends
}

// skip is how far the end of what begins here is.
func skip(rest, end string, after int) int {
	n := strings.Index(rest[after:], end)
	if n < 0 {
		return len(rest)
	}
	return after + n + len(end) - 1
}

// TestAMigrationCutAtAnyMessageIsWholeOrNotThere ends the connection before each
// message and before the answer to each.
func TestAMigrationCutAtAnyMessageIsWholeOrNotThere(t *testing.T) {
	t.Parallel()
	for _, answer := range []bool{false, true} {
		t.Run(map[bool]string{false: "message", true: "answer"}[answer], func(t *testing.T) {
			t.Parallel()
			l := climb(t, "mapping")
			for _, step := range [][2]int{{0, 1}, {1, 0}} {
				from, to := step[0], step[1]
				lost := false
				for message := 0; ; message++ {
					require.Less(t, message, 60, "it never comes through")
					l.cutter.Arm(message, answer)
					err := migrations.Steps(t.Context(), l.through(), l.name, to-from)
					if !l.cutter.Disarm() {
						require.NoError(t, err)
						break
					}
					at := l.settled(from, to, "cut at a message")
					lost = lost || at == to
					l.move(at, from)
				}
				require.Equal(t, to, l.settled(from, to, "not cut"))
				require.True(t, lost, "the file was done and the rest cut off")
			}
		})
	}
}

// TestUpResolvesTheMarkOfAKill sets the marks that builds left which wrote version
// and file apart, applied and not.
func TestUpResolvesTheMarkOfAKill(t *testing.T) {
	t.Parallel()
	for _, name := range migrations.Contexts() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := climb(t, name)
			at := 0
			resolved := func(applied, mark int) {
				t.Helper()
				l.move(at, applied)
				version := -1
				if mark > 0 {
					version = number(l.files[mark-1])
				}
				_, err := l.db.Admin.Exec(t.Context(), `TRUNCATE `+name+`.schema_migrations`)
				require.NoError(t, err)
				_, err = l.db.Admin.Exec(t.Context(), `INSERT INTO `+name+`.schema_migrations (version, dirty) VALUES ($1, true)`, version)
				require.NoError(t, err)
				require.NoError(t, migrations.Up(t.Context(), l.db.AdminURL, name), "%d applied, the mark at %d", applied, mark)
				at = l.version()
				require.Equal(t, len(l.files), at)
				l.shaped(at, "resolved")
			}
			marked := make([]int, len(l.files))
			for i := range marked {
				marked[i] = i
			}
			for _, i := range sample(t, marked, 4, name) {
				resolved(i, i+1)   // up, before the file took effect
				resolved(i+1, i+1) // up, after it
				resolved(i+1, i)   // down, before
				resolved(i, i)     // down, after
			}
		})
	}
}
