package postgres_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/entrasync/entrasync/services/sync-engine/internal/syncengine"
)

// actMeanwhile is one thing that the host does to any contact, as the database has it.
func (h *history) actMeanwhile() {
	h.next++
	record := syncengine.ContactRecord{ExternalID: ptr(fmt.Sprint("h-", h.next))}
	email := someAddresses.Draw(h.rt, "email")
	ids := h.rows(`SELECT id::text FROM contacts ORDER BY id`)
	what := rapid.SampledFrom([]string{"new", "email", "name", "inactive", "active", "delete", "undelete", "move", "move back"}).Draw(h.rt, "meanwhile")
	if len(ids) > 0 && what != "new" {
		record = syncengine.ContactRecord{ID: ptr(rapid.SampledFrom(ids).Draw(h.rt, "contact"))}
	}
	switch what {
	case "email":
		record.Email = &email
	case "name":
		record.FullName = someNames.Draw(h.rt, "name")
	case "inactive", "active":
		record.Inactive = ptr(what == "inactive")
	case "delete", "undelete":
		record.Deleted = ptr(what == "delete")
	case "move":
		record.ClientID = ptr(other)
	case "move back":
		record.ClientID = ptr(client)
	}
	if record.ID == nil {
		record.ClientID, record.FullName, record.Email = ptr(client), someNames.Draw(h.rt, "name"), &email
	}
	h.host(record)
}

// TestRoundsEndWhateverTheHostDoesMeanwhile has the host do anything while rounds apply what they decided.
// The rounds end, no link is left without the contact that shows it, and where nothing else happens nothing
// is left to do after two more.
func TestRoundsEndWhateverTheHostDoesMeanwhile(t *testing.T) {
	t.Parallel()
	h := &history{engine: setup(t)}
	histories(t, ofOrdinary, func(rt *rapid.T) {
		h.rt = rt
		h.begin()
		h.setting("guard_percent", 100)
		for range rapid.IntRange(1, 3).Draw(rt, "rounds") {
			h.dir.users = rapid.Permutation(h.users()).Draw(rt, "order")
			h.dir.expired = rapid.Bool().Draw(rt, "expired")
			h.queue.items = nil
			h.now = h.now.Add(time.Hour)
			h.roundMeanwhile(rt, func() {
				for range rapid.IntRange(1, 3).Draw(rt, "acts") {
					h.actMeanwhile()
				}
			})
		}
		for range 2 {
			h.queue.items = nil
			h.engine.round()
		}
		last := h.engine.round()
		require.Zero(rt, syncengine.Counters{
			Created: last.Counters.Created, Linked: last.Counters.Linked, Updated: last.Counters.Updated, Inactivated: last.Counters.Inactivated,
			Reactivated: last.Counters.Reactivated,
		})
		require.Empty(rt, h.rows(`SELECT l.entra_object_id, c.entra_object_id, c.full_name FROM entra_contact_links l JOIN contacts c ON c.id = l.contact_id
			WHERE l.ended_at IS NULL AND (c.deleted OR c.entra_object_id IS DISTINCT FROM l.entra_object_id)`))
		require.Empty(rt, h.rows(`SELECT c.full_name FROM contacts c WHERE c.entra_object_id IS NOT NULL AND NOT c.deleted
			AND NOT EXISTS (SELECT FROM entra_contact_links l WHERE l.contact_id = c.id AND l.entra_object_id = c.entra_object_id AND l.ended_at IS NULL)`))
		h.gaplessOrEmpty(rt)
	})
}
