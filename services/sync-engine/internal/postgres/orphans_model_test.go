package postgres_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/entrasync/entrasync/services/sync-engine/internal/syncengine"
)

// modelPerson is a contact as a naive reference keeps it. Every identity has one address in its
// directory, of its own; the host may write another into a contact.
type modelPerson struct {
	client, email, identity string
	adoptable               bool // made by sync, unknown to the host
}

// modelLink is a link as the same reference keeps it.
type modelLink struct {
	at     *modelPerson
	client string
	state  string // active, orphaned or ended
	relink bool   // decided, and no contact found yet
}

type mappingModel struct {
	client  string // that is mapped
	people  []*modelPerson
	links   map[string]*modelLink
	keptOut map[string]bool // identities that a filter drops
}

func emailOf(identity string) string { return identity + "@corp.example" }

func (m *mappingModel) remap(client string) {
	m.client = client
	for id, l := range m.links {
		switch {
		case l.state == "ended":
		case l.client != client:
			l.state, l.relink = "orphaned", false
		case l.at.identity == id:
			l.state, l.relink = "active", false
		}
	}
}

// find matches within the client; ok when one contact fits that no other identity
// has, or none does.
func (m *mappingModel) find(identity string) (at *modelPerson, ok bool) {
	for _, p := range m.people {
		if p.client != m.client || p.email != emailOf(identity) {
			continue
		}
		if at != nil {
			return nil, false
		}
		at = p
	}
	return at, at == nil || at.identity == "" || at.identity == identity
}

func (m *mappingModel) link(identity string, at *modelPerson) {
	if at == nil {
		at = &modelPerson{client: m.client, email: emailOf(identity), adoptable: true}
		m.people = append(m.people, at)
	}
	if l := m.links[identity]; l != nil && l.at != at && l.at.identity == identity {
		l.at.identity = ""
	}
	at.identity = identity
	m.links[identity] = &modelLink{at: at, client: m.client, state: "active"}
}

func (m *mappingModel) round(identities []string) {
	for _, id := range identities {
		l := m.links[id]
		if m.keptOut[id] || l != nil && l.state != "ended" && !l.relink {
			continue
		}
		if at, ok := m.find(id); ok {
			m.link(id, at)
		}
	}
}

func (m *mappingModel) decide(decision string) (r syncengine.OrphanResult) {
	for id, l := range m.links {
		if l.state != "orphaned" {
			continue
		}
		if decision == syncengine.DecisionLeave {
			l.state, l.relink = "ended", false
			if l.at.identity == id {
				l.at.identity = ""
			}
			r.Left++
			continue
		}
		l.relink = true
		r.Relinking++
	}
	return r
}

// host brings in a contact, or adopts the one that sync made for the address.
func (m *mappingModel) host(client, email string) {
	var made []*modelPerson
	for _, p := range m.people {
		if p.adoptable && p.client == client && p.email == email {
			made = append(made, p)
		}
	}
	if len(made) == 1 {
		made[0].adoptable = false
		return
	}
	m.people = append(m.people, &modelPerson{client: client, email: email})
}

// edit has the host write another address into the contacts of one.
func (m *mappingModel) edit(client, from, to string) {
	for _, p := range m.people {
		if p.client == client && p.email == from {
			p.email = to
		}
	}
}

func (m *mappingModel) lines() (lines []string) {
	for _, p := range m.people {
		lines = append(lines, strings.Join([]string{"contact", p.client, p.email, p.identity}, " "))
	}
	for id, l := range m.links {
		lines = append(lines, strings.Join([]string{"link", id, l.state, l.client, l.at.client, l.at.email}, " "))
	}
	slices.Sort(lines)
	return lines
}

// stored reads the same from the database.
func (e *engine) stored() []string {
	lines := append(e.rows(`SELECT 'contact', client_id::text, email_norm, COALESCE(entra_object_id, '') FROM contacts`),
		e.rows(`SELECT 'link', l.entra_object_id, CASE WHEN l.ended_at IS NULL THEN l.status ELSE 'ended' END, l.client_id::text, c.client_id::text, c.email_norm
			FROM entra_contact_links l JOIN contacts c ON c.id = l.contact_id`)...)
	for i := range lines {
		if strings.HasPrefix(lines[i], "contact") && strings.Count(lines[i], " ") == 2 {
			lines[i] += " "
		}
	}
	slices.Sort(lines)
	return lines
}

// TestMappingsComeAndGoAsInTheModel does random sequences of what people, rounds
// and the host do to one directory and three clients.
func TestMappingsComeAndGoAsInTheModel(t *testing.T) {
	t.Parallel()
	e := setup(t)
	clients := []string{client, other, "55555555-5555-4555-8555-555555555555"}
	e.mapping.clients[clients[2]] = "ext-third"
	identities := []string{"o-1", "o-2", "o-3"}
	for _, id := range identities {
		u := person(id, "Name of "+id, emailOf(id))
		e.dir.users = append(e.dir.users, u)
	}
	histories(t, ofCheap, func(rt *rapid.T) {
		e.exec(`DELETE FROM entra_contact_link_history; DELETE FROM orphan_decisions; DELETE FROM entra_contact_links; DELETE FROM contacts;
			DELETE FROM contact_changes; DELETE FROM feed_heads; DELETE FROM directories; DELETE FROM directory_mappings; DELETE FROM client_heads;
			DELETE FROM entra_sync_run_tenants; DELETE FROM entra_sync_runs`)
		m, hosted := &mappingModel{links: map[string]*modelLink{}, keptOut: map[string]bool{}}, 0
		for i := range e.dir.users {
			e.dir.users[i].DisplayName = "Somebody"
		}
		e.revision = 1
		e.remap("")
		known := 0
		for range rapid.IntRange(4, 14).Draw(rt, "steps") {
			switch step := rapid.SampledFrom([]string{"remap", "remap", "tell", "round", "round", "relink", "relink", "leave", "host", "edit", "filter"}).Draw(rt, "step"); {
			case step == "remap":
				to := rapid.SampledFrom(append([]string{""}, clients...)).Draw(rt, "client")
				e.remap(to)
				if rapid.Bool().Draw(rt, "told") {
					e.followed()
				}
				m.remap(to)
			case step == "tell":
				e.followed()
			case step == "round" && m.client != "":
				elsewhere := `SELECT id, xmin::text FROM contacts c WHERE client_id <> $1 AND NOT EXISTS (SELECT FROM entra_contact_links l
					WHERE l.contact_id = c.id AND l.relink_client_id IS NOT NULL) ORDER BY 1`
				before := e.rows(elsewhere, m.client)
				e.round()
				m.round(identities)
				require.Subset(rt, e.rows(`SELECT id, xmin::text FROM contacts WHERE client_id <> $1`, m.client), before, "a round touches its client alone")
			case step == "leave", step == "relink" && m.client != "":
				want := m.decide(step)
				got, err := e.decide(step)
				require.NoError(rt, err)
				require.Equal(rt, want, got)
			case step == "host":
				hosted++
				at := rapid.SampledFrom(clients).Draw(rt, "at")
				mail := emailOf(rapid.SampledFrom(identities).Draw(rt, "who"))
				e.host(syncengine.ContactRecord{ExternalID: ptr(fmt.Sprint(hosted)), ClientID: &at, FullName: "By the host", Email: &mail})
				m.host(at, mail)
			case step == "edit" && len(m.people) > 0:
				p := rapid.SampledFrom(m.people).Draw(rt, "whose")
				from, to := p.email, rapid.SampledFrom([]string{"desk@corp.example", emailOf(identities[0]), emailOf(identities[1])}).Draw(rt, "to")
				for _, id := range e.rows(`SELECT id::text FROM contacts WHERE client_id = $1 AND email_norm = $2`, p.client, from) {
					e.host(syncengine.ContactRecord{ID: &id, Email: &to})
				}
				m.edit(p.client, from, to)
			case step == "filter":
				i := rapid.IntRange(0, len(identities)-1).Draw(rt, "who")
				m.keptOut[identities[i]] = rapid.Bool().Draw(rt, "kept out")
				e.dir.users[i].DisplayName = "Somebody"
				if m.keptOut[identities[i]] {
					e.dir.users[i].DisplayName = "noreply mailbox"
				}
			}
			e.agrees(rt, m, &known)
		}
		e.followed()
		require.Equal(rt, m.lines(), e.stored())
		e.gaplessOrEmpty(rt)
	})
}

// agrees compares with the model, save for the status of links that the engine
// was not told of yet, and looks at what must always hold.
func (e *engine) agrees(rt *rapid.T, m *mappingModel, known *int) {
	contacts := func(lines []string) []string {
		return slices.DeleteFunc(lines, func(line string) bool { return strings.HasPrefix(line, "link") })
	}
	require.Equal(rt, contacts(m.lines()), contacts(e.stored()))
	rows := e.count(`SELECT (SELECT count(*) FROM contacts) + (SELECT count(*) FROM entra_contact_links) + (SELECT count(*) FROM entra_contact_link_history)`)
	require.GreaterOrEqual(rt, rows, *known, "nothing is ever deleted")
	*known = rows
	require.Zero(rt, e.count(`SELECT count(*) FROM (SELECT 1 FROM entra_contact_links WHERE status = 'active' GROUP BY contact_id HAVING count(*) > 1) x`))
	require.Zero(rt, e.count(`SELECT count(*) FROM entra_contact_links l JOIN contacts c ON c.id = l.contact_id
		WHERE l.status = 'active' AND c.entra_object_id IS DISTINCT FROM l.entra_object_id`))
}

func (e *engine) gaplessOrEmpty(rt *rapid.T) {
	require.Equal(rt, e.seq(), e.count(`SELECT count(*) FROM contact_changes`))
}
