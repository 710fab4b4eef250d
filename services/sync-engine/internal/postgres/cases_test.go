package postgres_test

import (
	"cmp"
	"encoding/json"
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/tools/txtar"

	"github.com/entrasync/entrasync/pkg/errs"
	"github.com/entrasync/entrasync/services/sync-engine/internal/syncengine"
)

var update = flag.Bool("update", false, "write into the case files what they come to")

// TestCases plays the case files of testdata/rounds, which are the rule book of a
// round: each is named after its rule and begins with it. The sections of a file
// are steps, in order; see cases for what each does. With -update the sections that
// hold what happened are written anew: read what changed.
func TestCases(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/rounds/*.txtar")
	require.NoError(t, err)
	require.GreaterOrEqual(t, len(files), 150)
	engines := make(chan *engine, runtime.GOMAXPROCS(0))
	for range cap(engines) {
		engines <- setup(t)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			t.Parallel()
			archive, err := txtar.ParseFile(file)
			require.NoError(t, err)
			require.NotEmpty(t, strings.TrimSpace(string(archive.Comment)), "it does not say its rule")
			e := <-engines
			defer func() { engines <- e }()
			e.anew(t)
			c := &caseFile{engine: e}
			for i, section := range archive.Files {
				play, known := cases[section.Name]
				require.True(t, known, "there is no step %q", section.Name)
				lines := strings.FieldsFunc(string(section.Data), func(r rune) bool { return r == '\n' })
				got := play(c, lines)
				if got == nil {
					continue
				}
				if *update {
					archive.Files[i].Data = []byte(strings.Join(append(got, ""), "\n"))
					continue
				}
				require.Equal(t, all(lines), got, "step %d, %s", i+1, section.Name)
			}
			if *update {
				require.NoError(t, os.WriteFile(file, txtar.Format(archive), 0o600))
			}
		})
	}
}

// anew makes the engine of another test as good as a new one: a database of its own costs
// more than most cases.
func (e *engine) anew(t *testing.T) {
	t.Helper()
	e.t, e.revision, e.now = t, 1, dawn
	e.forget()
	*e.dir, *e.mapping = *newDirectory(), *newMapping()
	e.queue.items, e.queue.decided, e.queue.completed, e.queue.resolved, e.queue.pushed, e.queue.followed = nil, nil, nil, nil, nil, nil
}

// caseFile is a case under way.
type caseFile struct {
	*engine
	told []syncengine.ContactResult // the host, last
	last syncengine.ManagedTenant   // what the last round came to
	held []syncengine.ManagedTenant // what rounds came to that a guard held
	// What a person decided last about an identity.
	resolved syncengine.Resolution
}

// cases are the steps of a case file. A step that gives lines holds what happened.
var cases = map[string]func(c *caseFile, lines []string) []string{
	// One setting a line: its column and its value as JSON.
	"settings": (*caseFile).settings,
	// The same of what the managed tenant has of its own.
	"own settings": (*caseFile).ownSettings,
	// Groups of the directory, each an id and its members; one that is not named cannot be read.
	"groups": (*caseFile).groups,
	// A round that fails, and why.
	"failing round": (*caseFile).failing,
	// Contacts that the host sends for the client, each an address and a name.
	"contacts": func(c *caseFile, lines []string) []string { return c.send(client, lines) },
	// The same for another client.
	"contacts of the other client": func(c *caseFile, lines []string) []string { return c.send(other, lines) },
	// What the host changes: a contact's name, a colon, and the fields as JSON.
	"host": (*caseFile).hostChanges,
	// Contacts that the host sends for the client, as JSON.
	"host sends": (*caseFile).hostSends,
	// What the host was answered last: of each record what became of it, and what was wrong.
	"the host was told": func(c *caseFile, _ []string) []string { return all(c.answers()) },
	// The whole directory: a user a line, as JSON; enabled, and with a sign-in name, where nothing else is said.
	"users": (*caseFile).list,
	// The listings that follow: "full", "changes" for some of the users, or "breaks off" after the first page.
	"listing": (*caseFile).listing,
	// Whether delta links lead anywhere from here on: "work", or "expired".
	"delta links": func(c *caseFile, lines []string) []string { c.dir.expired = lines[0] == "expired"; return nil },
	// What the last round asked Microsoft for: everybody or what changed, and whom it read by id.
	"asked": func(c *caseFile, _ []string) []string { return c.askedFor() },
	// What changed of a user besides, as JSON, in the next list of changes: no more is named.
	"a part of a change": (*caseFile).partly,
	// All that the next list of changes says, a page a line: of a user, as JSON, no more than this, or "left" and an id.
	"a list of changes": (*caseFile).listChanges,
	// A round: how it ended, then what the feed says and what waits for a person.
	"round": func(c *caseFile, _ []string) []string { return c.play(false) },
	// The same without writing anything.
	"dry run": func(c *caseFile, _ []string) []string { return c.play(true) },
	// A round of which only the feed and the queue are looked at.
	"decisions": func(c *caseFile, _ []string) []string { c.round(); return c.decisions(0, false) },
	// What the directory is mapped to from here on: client, other or nobody.
	"mapping": (*caseFile).mapTo,
	// The same, while the engine has not heard of it yet.
	"mapping just now": func(c *caseFile, lines []string) []string { c.remap(mappedTo[lines[0]]); return nil },
	// What a person decides about orphaned links: relink or leave.
	"orphans": func(c *caseFile, lines []string) []string {
		_, err := c.decide(lines[0])
		require.NoError(c.t, err)
		return nil
	},
	// The identities about which a person has decided what the queue asked.
	"decided in the queue": func(c *caseFile, lines []string) []string { c.queue.decided = lines; return nil },
	// Which contact a person links an identity to that the last round queued, or "new", and what the feed says of it.
	"resolve": (*caseFile).resolve,
	// The same person takes that back.
	"undo": func(c *caseFile, _ []string) []string {
		seq := c.seq()
		require.NoError(c.t, c.undoer().Do(c.ctx(), undoOf(c.resolved)))
		return all(c.feed(seq))
	},
	// What a person decides about what the last round held; of an approval the run that it starts.
	"approve": func(c *caseFile, _ []string) []string {
		return c.outcome(c.seq(), func() syncengine.ManagedTenant { return c.approved(c.last) })
	},
	"reject": func(c *caseFile, _ []string) []string { return c.reject(c.last) },
	// The same about what the first of the rounds held that were.
	"reject the first": func(c *caseFile, _ []string) []string { return c.reject(c.held[0]) },
	// The report of the last round.
	"report": func(c *caseFile, _ []string) []string { return all(c.brief(c.last.RunID, syncengine.IdentityFilter{})) },
	// All contacts.
	"contacts are": (*caseFile).show,
	// All links: whose, and which contact they are to.
	"links are": func(c *caseFile, _ []string) []string {
		return all(c.rows(`SELECT l.entra_object_id || ' ' || CASE WHEN l.ended_at IS NULL THEN l.status ELSE 'ended' END, c.full_name
			FROM entra_contact_links l JOIN contacts c ON c.id = l.contact_id ORDER BY 1`))
	},
	// What became of links.
	"history is": func(c *caseFile, _ []string) []string {
		return all(c.rows(`SELECT h.entra_object_id || ' ' || h.event, c.full_name || COALESCE(', then ' || d.full_name, '') || CASE h.decided_by WHEN '' THEN '' ELSE ', by ' || h.decided_by END
			FROM entra_contact_link_history h JOIN contacts c ON c.id = h.old_contact_id LEFT JOIN contacts d ON d.id = h.new_contact_id ORDER BY h.at, 1`))
	},
}

// all are lines that hold what happened, none where nothing did: nil holds nothing, and is not compared.
func all(lines []string) []string { return append([]string{}, lines...) }

func (c *caseFile) settings(lines []string) []string {
	for _, line := range lines {
		column, text, _ := strings.Cut(line, " ")
		var value any
		require.NoError(c.t, json.Unmarshal([]byte(text), &value))
		c.setting(column, value)
	}
	return nil
}

func (c *caseFile) send(to string, lines []string) []string {
	var records []syncengine.ContactRecord
	for _, line := range lines {
		email, name, _ := strings.Cut(line, " ")
		id := email
		if to != client {
			id = "other " + email
		}
		records = append(records, syncengine.ContactRecord{ExternalID: &id, ClientID: &to, FullName: name, Email: &email})
	}
	c.told = c.host(records...)
	return nil
}

func (c *caseFile) hostSends(lines []string) []string {
	records := make([]syncengine.ContactRecord, len(lines))
	for i, line := range lines {
		require.NoError(c.t, json.Unmarshal([]byte(line), &records[i]))
		records[i].ClientID = ptr(client)
	}
	c.told = c.host(records...)
	return nil
}

func (c *caseFile) resolve(lines []string) []string {
	id, name, _ := strings.Cut(lines[0], ": ")
	contact := ""
	if name != "new" {
		ids := c.rows(`SELECT id::text FROM contacts WHERE full_name = $1`, name)
		require.Len(c.t, ids, 1, name)
		contact = ids[0]
	}
	c.resolved = c.resolution(id, contact)
	c.resolved.Mapping = c.mapped()
	seq := c.seq()
	c.now = c.now.Add(1)
	_, err := c.resolver().Do(c.ctx(), c.resolved)
	require.NoError(c.t, err)
	return append(lines[:1:1], c.feed(seq)...)
}

func (c *caseFile) reject(of syncengine.ManagedTenant) []string {
	_, _, err := c.decideHeld(of, syncengine.DecisionReject, of.Held.Digest)
	require.NoError(c.t, err)
	return nil
}

func (c *caseFile) answers() (lines []string) {
	for _, r := range c.told {
		line := r.Outcome
		for _, v := range r.Violations {
			line += ": " + v.Field + " " + v.Message
		}
		for _, w := range r.Warnings {
			line += ", warned: " + w.Field + " " + w.Message
		}
		lines = append(lines, line)
	}
	return lines
}

func (c *caseFile) listing(lines []string) []string {
	c.dir.full, c.dir.fail = lines[0] != "changes", nil
	if lines[0] == "breaks off" {
		c.dir.fail = errs.New(errs.Unavailable, "broken", "The listing broke off.")
	}
	return nil
}

func (c *caseFile) hostChanges(lines []string) []string {
	c.told = nil
	for _, line := range lines {
		name, fields, _ := strings.Cut(line, ": ")
		var r syncengine.ContactRecord
		require.NoError(c.t, json.Unmarshal([]byte(fields), &r))
		if r.ClientID != nil && *r.ClientID == "other" {
			r.ClientID = ptr(other)
		}
		ids := c.rows(`SELECT id::text FROM contacts WHERE full_name = $1`, name)
		require.Len(c.t, ids, 1, name)
		r.ID = &ids[0]
		c.told = append(c.told, c.host(r)...)
	}
	return nil
}

func (c *caseFile) list(lines []string) []string {
	c.dir.users = nil
	for _, line := range lines {
		var u syncengine.User
		require.NoError(c.t, json.Unmarshal([]byte(line), &u))
		u.UserPrincipalName = cmp.Or(u.UserPrincipalName, u.ObjectID+"@corp.example")
		if !strings.Contains(line, `"AccountEnabled"`) {
			u.AccountEnabled = ptr(true)
		}
		c.dir.users = append(c.dir.users, u)
	}
	return nil
}

// askedFor also forgets whom was read.
func (c *caseFile) askedFor() []string {
	what := "what changed"
	if c.dir.asked[len(c.dir.asked)-1] == "" {
		what = "everybody"
	}
	lines := []string{what}
	for _, id := range c.dir.read {
		lines = append(lines, "read "+id)
	}
	c.dir.read = nil
	return lines
}

// partly changes users of the directory, and has the next list of changes name only
// what is said here.
func (c *caseFile) partly(lines []string) []string {
	named := map[string]syncengine.Properties{}
	for _, line := range lines {
		var u syncengine.User
		require.NoError(c.t, json.Unmarshal([]byte(line), &u))
		at := slices.IndexFunc(c.dir.users, func(was syncengine.User) bool { return was.ObjectID == u.ObjectID })
		require.GreaterOrEqual(c.t, at, 0, line)
		c.dir.users = slices.Clone(c.dir.users)
		require.NoError(c.t, json.Unmarshal([]byte(line), &c.dir.users[at]))
		named[u.ObjectID] = ^empty(&u)
	}
	c.dir.changes = func(users []syncengine.User, removed []string) []change {
		for i := range users {
			if only, partly := named[users[i].ObjectID]; partly {
				users[i] = without(users[i], ^only)
			}
		}
		c.dir.changes = nil
		return []change{{users: users, removed: removed}}
	}
	return nil
}

func (c *caseFile) listChanges(lines []string) []string {
	pages := make([]change, len(lines))
	for i, line := range lines {
		if id, left := strings.CutPrefix(line, "left "); left {
			pages[i].removed = []string{id}
			continue
		}
		var u syncengine.User
		require.NoError(c.t, json.Unmarshal([]byte(line), &u))
		pages[i].users = []syncengine.User{without(u, empty(&u))}
	}
	c.dir.changes = func([]syncengine.User, []string) []change {
		c.dir.changes = nil
		return pages
	}
	return nil
}

// mappedTo are the clients that a case names; nobody is none.
var mappedTo = map[string]string{"client": client, "other": other, "nobody": ""}

func (c *caseFile) mapTo(lines []string) []string {
	c.remap(mappedTo[lines[0]])
	c.followed()
	return nil
}

// play does a round and says what it came to.
func (c *caseFile) play(dryRun bool) []string {
	return c.outcome(c.seq(), func() syncengine.ManagedTenant { return c.do(syncengine.TypeAllTenants, dryRun) })
}

// outcome says what a round came to.
func (c *caseFile) outcome(seq int, do func() syncengine.ManagedTenant) []string {
	c.queue.items = nil
	got := do()
	c.last = got
	counted := []string{}
	for _, counter := range []struct {
		name string
		n    int
	}{
		{"failed", got.Counters.Failed},
		{"inactivated", got.Counters.Inactivated},
		{"reactivated", got.Counters.Reactivated},
		{"filtered", got.Counters.Filtered},
		{"ambiguous", got.Counters.Ambiguous},
		{"created", got.Counters.Created},
		{"linked", got.Counters.Linked},
		{"updated", got.Counters.Updated},
		{"unchanged", got.Counters.Unchanged},
	} {
		if counter.n > 0 {
			counted = append(counted, fmt.Sprintf("%d %s", counter.n, counter.name))
		}
	}
	lines := []string{string(got.State) + ": " + cmp.Or(strings.Join(counted, ", "), "nobody")}
	if got.Held != nil {
		c.held = append(c.held, got)
		lines = append(lines, fmt.Sprintf("held %s %d", got.Held.Reason, got.Held.Count))
	}
	for _, reason := range slices.Sorted(maps.Keys(got.Filtered)) {
		lines = append(lines, fmt.Sprintf("filtered %s %d", reason, got.Filtered[reason]))
	}
	for _, failure := range got.Failures {
		lines = append(lines, fmt.Sprintf("failed %s %s", cmp.Or(failure.ObjectID, "-"), failure.Reason))
	}
	return append(lines, c.decisions(seq, true)...)
}

// decisions are what the feed says after a number, and who waits for a person, with
// the contacts to choose from where they are asked for.
func (c *caseFile) decisions(after int, candidates bool) []string {
	lines := c.rows(`SELECT f.type || CASE WHEN f.fields = '{}' THEN '' ELSE ' ' || array_to_string(f.fields, '+') END, COALESCE(c.entra_object_id, '-'), c.email_norm
		FROM contact_changes f JOIN contacts c ON c.id = f.contact_id WHERE f.source = 'sync' AND f.seq > $1`, after)
	for id, item := range c.queue.items {
		line := "queue." + item.Reason + " " + id
		if candidates {
			for i, candidate := range item.Candidates {
				line += map[bool]string{true: ": ", false: ", "}[i == 0] + candidate.FullName
				if candidate.LinkedTo != "" {
					line += " (linked to " + candidate.LinkedTo + ")"
				}
			}
		}
		lines = append(lines, line)
	}
	slices.Sort(lines)
	return shortened(lines)
}

// shortened says how many there are where a sort of change comes very often.
func shortened(lines []string) []string {
	often := map[string]int{}
	kind := func(line string) string { return strings.SplitN(line, " o-", 2)[0] }
	for _, line := range lines {
		often[kind(line)]++
	}
	short := []string{}
	for _, line := range lines {
		switch n := often[kind(line)]; {
		case n < 10:
			short = append(short, line)
		case len(short) == 0 || !strings.HasPrefix(short[len(short)-1], kind(line)+" of "):
			short = append(short, fmt.Sprintf("%s of %d contacts", kind(line), n))
		}
	}
	return short
}

// show lists the contacts: whose, name, address, phone and role, and what their links say.
func (c *caseFile) show([]string) []string {
	return all(c.rows(`SELECT concat_ws(', ', CASE c.client_id WHEN $1::uuid THEN 'client' ELSE 'other' END || ': ' || c.full_name, NULLIF(c.email, ''), NULLIF(c.phone, ''),
			NULLIF(c.role, ''), NULLIF(c.sign_in_name, ''), CASE WHEN c.deleted THEN 'deleted' WHEN c.inactive THEN 'inactive' END,
			CASE WHEN NOT c.entra_account_enabled THEN 'account disabled' END, CASE c.entra_sync_status WHEN 'inactive' THEN c.entra_sync_status_reason END,
			'link of ' || c.entra_object_id || ' ' || d.link_status)
		FROM contacts c JOIN contact_details d ON d.id = c.id ORDER BY 1`, client))
}
