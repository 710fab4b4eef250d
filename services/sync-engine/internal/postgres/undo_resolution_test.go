package postgres_test

import (
	"fmt"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/entrasync/entrasync/services/sync-engine/internal/syncengine"
)

func (e *engine) undoer() *syncengine.UndoResolution {
	return syncengine.NewUndoResolution(e.store, e.mapping, e.clock)
}

func undoOf(r syncengine.Resolution) syncengine.ResolutionUndo {
	return syncengine.ResolutionUndo{
		ItemID: r.ItemID, Attempt: r.Attempt, Mapping: r.Mapping, ObjectID: r.Identity.ObjectID, Linked: true, UndoneBy: "user-2",
	}
}

// twiceFollowed is twice where the directory gives delta links.
func twiceFollowed(t *testing.T) (e *engine, contacts []string) {
	t.Helper()
	e, contacts = twice(t)
	e.dir.users = append(e.dir.users, person("o-bob", "Bob", "bob@corp.example"))
	e.round()
	return e, contacts
}

// TestALinkByAPersonIsTakenBack: the contact is as it was, and the next round, which hears
// of changes alone, asks about the identity again.
func TestALinkByAPersonIsTakenBack(t *testing.T) {
	t.Parallel()
	e, contacts := twiceFollowed(t)
	before := e.rows(fmt.Sprintf(contactMarkers, contacts[1]))
	r := e.resolution("o-ann", contacts[1])
	_, err := e.resolver().Do(e.ctx(), r)
	require.NoError(t, err)
	require.Equal(t, syncengine.Counters{Unchanged: 2}, e.round().Counters)
	require.NotEmpty(t, e.dir.asked[len(e.dir.asked)-1], "it asked for changes")
	require.Zero(t, e.count(`SELECT count(*) FROM kept_identities WHERE entra_object_id = 'o-ann'`))

	undo := undoOf(r)
	require.NoError(t, e.undoer().Check(e.ctx(), undo))
	require.NoError(t, e.undoer().Do(e.ctx(), undo))
	require.Equal(t, before, e.rows(fmt.Sprintf(contactMarkers, contacts[1])))
	require.Equal(t, []string{"orphaned true"}, e.rows(`SELECT status, ended_at IS NOT NULL FROM entra_contact_links WHERE entra_object_id = 'o-ann'`))
	require.Equal(t, []string{"contact.linked []", "contact.updated [entraObjectId linkStatus]"},
		e.rows(`SELECT type, fields FROM contact_changes WHERE source = 'person' ORDER BY seq`))
	dump := e.dump()
	require.NoError(t, e.undoer().Do(e.ctx(), undo), "once more")
	require.Equal(t, dump, e.dump())

	clear(e.queue.items)
	require.Equal(t, syncengine.Counters{Ambiguous: 1, Unchanged: 1}, e.round().Counters)
	require.NotEmpty(t, e.dir.asked[len(e.dir.asked)-1], "it asked for changes")
	require.Contains(t, e.queue.items, "o-ann")
	require.Equal(t, syncengine.Counters{Ambiguous: 1, Unchanged: 1}, e.round().Counters, "and keeps asking")

	again := e.resolution("o-ann", contacts[0])
	got, err := e.resolver().Do(e.ctx(), again)
	require.NoError(t, err)
	require.Equal(t, contacts[0], got)
	require.Equal(t, syncengine.Counters{Unchanged: 2}, e.round().Counters)
}

// TestAContactMadeByAPersonIsTakenBack: it is deleted, as the host deletes, and told so.
func TestAContactMadeByAPersonIsTakenBack(t *testing.T) {
	t.Parallel()
	e, _ := twiceFollowed(t)
	asked := e.queue.items["o-ann"].Reason
	r := e.resolution("o-ann", "")
	made, err := e.resolver().Do(e.ctx(), r)
	require.NoError(t, err)
	require.NoError(t, e.undoer().Do(e.ctx(), undoOf(r)))
	require.Equal(t, []string{"true"}, e.rows(`SELECT deleted FROM contacts WHERE id = $1`, made))
	require.Equal(t, []string{"contact.created", "contact.deleted"}, e.rows(`SELECT type FROM contact_changes WHERE source = 'person' ORDER BY seq`))
	e.queue.items = nil
	require.Equal(t, syncengine.Counters{Ambiguous: 1, Unchanged: 1}, e.round().Counters)
	require.Equal(t, asked, e.queue.items["o-ann"].Reason, "what is asked is what was asked before")
}

// TestALinkThatMadeAContactActiveIsTakenBack: it is inactive again, by sync.
func TestALinkThatMadeAContactActiveIsTakenBack(t *testing.T) {
	t.Parallel()
	e, contacts := twiceFollowed(t)
	e.exec(`UPDATE contacts SET inactive = true, inactivated_by_sync = true WHERE id = $1`, contacts[1])
	r := e.resolution("o-ann", contacts[1])
	_, err := e.resolver().Do(e.ctx(), r)
	require.NoError(t, err)
	require.Equal(t, []string{"false false"}, e.rows(`SELECT inactive, inactivated_by_sync FROM contacts WHERE id = $1`, contacts[1]))
	require.NoError(t, e.undoer().Do(e.ctx(), undoOf(r)))
	require.Equal(t, []string{"true true"}, e.rows(`SELECT inactive, inactivated_by_sync FROM contacts WHERE id = $1`, contacts[1]))
	require.Equal(t, []string{"[entraObjectId linkStatus inactive]"}, e.rows(`SELECT fields FROM contact_changes WHERE type = 'contact.updated' AND source = 'person'`))
}

// TestWhatWasBuiltOnIsNotTakenBack compares all tables before and after.
func TestWhatWasBuiltOnIsNotTakenBack(t *testing.T) {
	t.Parallel()
	for name, build := range map[string]func(e *engine, contact string, undo *syncengine.ResolutionUndo) error{
		"the host changed the contact": func(e *engine, contact string, _ *syncengine.ResolutionUndo) error {
			e.host(syncengine.ContactRecord{ID: &contact, FullName: "Ann", Role: ptr("Owner")})
			return syncengine.ErrDecisionBuiltOn
		},
		"the host deleted the contact": func(e *engine, contact string, _ *syncengine.ResolutionUndo) error {
			e.host(syncengine.ContactRecord{ID: &contact, FullName: "Ann", Deleted: ptr(true)})
			return syncengine.ErrDecisionBuiltOn
		},
		"the account was disabled": func(e *engine, _ string, _ *syncengine.ResolutionUndo) error {
			e.dir.users[0].AccountEnabled = ptr(false)
			e.round()
			return syncengine.ErrDecisionBuiltOn
		},
		"a field was synced": func(e *engine, _ string, _ *syncengine.ResolutionUndo) error {
			e.setting("field_role", true)
			e.round()
			return syncengine.ErrDecisionBuiltOn
		},
		"the directory is mapped elsewhere": func(_ *engine, _ string, undo *syncengine.ResolutionUndo) error {
			undo.Mapping.ClientID = other
			return syncengine.ErrMappingChanged
		},
		"it was dismissed, and is linked by now": func(_ *engine, _ string, undo *syncengine.ResolutionUndo) error {
			undo.Linked = false
			return syncengine.ErrDecisionBuiltOn
		},
		"nobody made such a decision": func(_ *engine, _ string, undo *syncengine.ResolutionUndo) error {
			undo.ItemID = uuid.NewString()
			return syncengine.ErrDecisionDiffers
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e, contacts := twiceFollowed(t)
			r := e.resolution("o-ann", contacts[1])
			_, err := e.resolver().Do(e.ctx(), r)
			require.NoError(t, err)
			undo := undoOf(r)
			want := build(e, contacts[1], &undo)
			before := e.dump()
			require.ErrorIs(t, e.undoer().Check(e.ctx(), undo), want)
			if undo.Linked {
				require.ErrorIs(t, e.undoer().Do(e.ctx(), undo), want)
			}
			require.Equal(t, before, e.dump())
		})
	}
}
