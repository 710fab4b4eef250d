package postgres_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/entrasync/entrasync/services/sync-engine/internal/syncengine"
)

// pair are two engines to which the same happens: the one is told what changed where it
// asks for that, the other lists everybody each time.
type pair struct {
	changes, everybody *history
}

// each does the same to both.
func (p *pair) each(do func(h *history)) {
	do(p.changes)
	do(p.everybody)
}

// host is one thing that the host does to a contact of its own.
func (p *pair) host(rt *rapid.T) {
	external := fmt.Sprint("h-", rapid.IntRange(0, 3).Draw(rt, "contact"))
	r := syncengine.ContactRecord{ExternalID: &external}
	what := rapid.SampledFrom([]string{"write", "write", "email", "name", "inactive", "active", "delete", "undelete"}).Draw(rt, "host")
	if p.changes.count(`SELECT count(*) FROM contacts WHERE external_id = $1`, external) == 0 {
		what = "write"
	}
	switch what {
	case "write":
		at, email := rapid.SampledFrom([]string{client, client, other}).Draw(rt, "client"), someAddresses.Draw(rt, "email")
		r.ClientID, r.Email, r.FullName = &at, &email, someNames.Draw(rt, "name")
	case "email":
		r.Email = ptr(someAddresses.Draw(rt, "email"))
	case "name":
		r.FullName = someNames.Draw(rt, "name")
	case "inactive", "active":
		r.Inactive = ptr(what == "inactive")
	case "delete", "undelete":
		r.Deleted = ptr(what == "delete")
	}
	p.each(func(h *history) { require.Empty(rt, h.engine.host(r)[0].Violations) })
}

// move maps the directory elsewhere or decides about what that left.
func (p *pair) move(rt *rapid.T) {
	switch to := rapid.SampledFrom([]string{client, other, syncengine.DecisionRelink, syncengine.DecisionLeave}).Draw(rt, "mapping"); to {
	case client, other:
		p.each(func(h *history) {
			h.remap(to)
			h.followed()
		})
	default:
		p.each(func(h *history) {
			_, err := h.decide(to)
			require.NoError(rt, err)
		})
	}
}

// TestChangesComeToWhatAListingDoes plays random histories of a directory, its mapping,
// the host and the settings twice: with rounds that ask for what changed, and with rounds
// that list everybody. Counters, queue, contacts and who is reported to be left out are the same after each
// round.
func TestChangesComeToWhatAListingDoes(t *testing.T) {
	t.Parallel()
	p := &pair{changes: &history{engine: setup(t)}, everybody: &history{engine: setup(t)}}
	histories(t, ofCostly, func(rt *rapid.T) {
		p.each(func(h *history) {
			h.rt, h.revision = rt, 1
			h.begin()
			*h.mapping = *newMapping()
		})
		for range rapid.IntRange(2, 6).Draw(rt, "rounds") {
			for range rapid.IntRange(0, 2).Draw(rt, "host") {
				p.host(rt)
			}
			if rapid.IntRange(0, 3).Draw(rt, "settings") == 0 {
				column := rapid.SampledFrom(slices.Concat(ownColumns, tenantColumns)).Draw(rt, "setting")
				value := p.changes.value(column)
				p.each(func(h *history) { h.setting(column, value) })
			}
			if rapid.IntRange(0, 2).Draw(rt, "moves") == 0 {
				p.move(rt)
			}
			if rapid.IntRange(0, 3).Draw(rt, "directory") > 0 {
				// Somebody passes whatever is set: what filters say of orphaned identities is not kept.
				sure := person("o-sure", "Sure Sure", "sure@c.de")
				sure.LicenceCount = ptr[int32](1)
				users := slices.DeleteFunc(p.changes.users(), func(u syncengine.User) bool { return u.ObjectID == sure.ObjectID })
				users = append(users, sure)
				p.each(func(h *history) { h.dir.users = slices.Clone(users) })
			}
			p.everybody.dir.expired = true
			var got []syncengine.ManagedTenant
			var leftOut [][]string
			p.each(func(h *history) {
				h.queue.items = nil
				round := h.engine.round()
				got, leftOut = append(got, round), append(leftOut, h.leftOut(round.RunID))
			})
			require.Equal(rt, got[1].Counters, got[0].Counters)
			require.Equal(rt, got[1].Filtered, got[0].Filtered)
			require.Equal(rt, got[1].State, got[0].State)
			require.Equal(rt, leftOut[1], leftOut[0])
			require.Equal(rt, p.everybody.waiting(), p.changes.waiting())
			require.Equal(rt, p.everybody.asReference(), p.changes.asReference())
		}
	})
}

// leftOut are those that failed or are filtered by a run's report.
func (h *history) leftOut(runID string) (lines []string) {
	for _, i := range h.wholeReport(runID) {
		if i.Outcome == "failed" || i.Outcome == "filtered" {
			lines = append(lines, fmt.Sprintf("%s %s %s %q %q %q", i.Place.ObjectID, i.Outcome, i.Reason, i.Pattern, i.DisplayName, i.UserPrincipalName))
		}
	}
	return lines
}

// waiting are the reasons of those who wait for a person.
func (h *history) waiting() map[string]string {
	reasons := map[string]string{}
	for id, item := range h.queue.items {
		reasons[id] = item.Reason
	}
	return reasons
}
