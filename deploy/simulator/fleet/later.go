package fleet

import (
	"encoding/json"
	"fmt"
	"iter"
)

// ContactChange is a change of a contact in the MSP's own system. The JSON is that of the
// public batch upsert.
type ContactChange struct {
	Contact
	Deleted bool `json:"deleted,omitempty"`
}

// Later is what happens after a first sync, at the oddities that have a second part: what
// an administrator does to the directories, in order.
func (f *Fleet) Later() iter.Seq[Change] {
	return func(yield func(Change) bool) {
		for t, slot := range f.oddSlots(madeAgain, madeForAnother) {
			old := f.generate(t, slot)
			if !yield(Change{Kind: Purge, Tenant: t.ID, User: old.ID}) {
				return
			}
			name := old.DisplayName.Value
			if f.oddityAt(t, slot) == madeForAnother {
				name = "Ximena Fforde"
			}
			if !yield(Change{Kind: Add, Tenant: t.ID, Set: map[string]json.RawMessage{
				"displayName": text(name), "userPrincipalName": text(old.UserPrincipalName.Value), "mail": text(old.Mail.Value),
				"accountEnabled": json.RawMessage("true"), "userType": text("Member"),
			}}) {
				return
			}
		}
	}
}

// LaterContacts are what the MSP does meanwhile: merging two contacts deletes the one and
// gives its address to the other.
func (m MSP) LaterContacts() iter.Seq[ContactChange] {
	return func(yield func(ContactChange) bool) {
		for t, slot := range m.f.oddSlots(mergedAtHost, deletedAtHost) {
			contacts := m.contactsOf(t, slot)
			if len(contacts) == 0 || len(m.clientsOf(*t)) == 0 {
				continue
			}
			if !yield(ContactChange{Contact: contacts[0], Deleted: true}) {
				return
			}
			for _, survivor := range contacts[1:] {
				survivor.Email = contacts[0].Email
				if !yield(ContactChange{Contact: survivor}) {
					return
				}
			}
		}
	}
}

// oddSlots are the slots of all customers that have one of these oddities.
func (f *Fleet) oddSlots(wanted ...oddity) iter.Seq2[*Tenant, int] {
	return func(yield func(*Tenant, int) bool) {
		for i := range f.Customers() {
			t := &f.tenants[i+1]
			for block := 0; block < t.Generated; block += blockSize {
				for _, odd := range wanted {
					slot := block + firstOddSlot + int(odd) - 1
					if f.oddityAt(t, slot) == odd && !yield(t, slot) {
						return
					}
				}
			}
		}
	}
}

// oldRecord is the person of a slot once more, as the MSP has known them before.
func (f *Fleet) oldRecord(t *Tenant, slot int, as Contact) Contact {
	as.ExternalID += "-old"
	as.Email = fmt.Sprintf("formerly%dx@%s", slot, t.DefaultDomain())
	return as
}

// text is a text as it goes on the wire.
func text(s string) json.RawMessage {
	out, _ := json.Marshal(s) // a text always encodes
	return out
}
