package syncengine

import "github.com/entrasync/entrasync/pkg/errs"

// Types of changes in the feed.
const (
	ChangeCreated     = "contact.created"
	ChangeLinked      = "contact.linked"
	ChangeUpdated     = "contact.updated"
	ChangeInactivated = "contact.inactivated"
	ChangeReactivated = "contact.reactivated"
	ChangeDeleted     = "contact.deleted"
)

// decided is what is to become of one record.
type decided struct {
	id, externalID, outcome string
	version                 int64
	violations              []errs.Violation
	warnings                []RecordWarning
}

// known indexes the contacts that a batch may touch.
type known struct {
	byID, byExternal map[string]*StoredContact
	// adoptable lists sync-made contacts without external id by client and address.
	adoptable map[[2]string][]*StoredContact
	taken     map[string]bool // ids that a record of this batch speaks for
}

func index(existing []StoredContact) known {
	k := known{
		byID: map[string]*StoredContact{}, byExternal: map[string]*StoredContact{},
		adoptable: map[[2]string][]*StoredContact{}, taken: map[string]bool{},
	}
	for i := range existing {
		c := &existing[i]
		k.byID[c.ID] = c
		switch {
		case c.ExternalID != "":
			k.byExternal[c.ExternalID] = c
		case c.MadeBy == MadeBySync && !c.Deleted && c.EmailNorm != "":
			key := [2]string{c.ClientID, c.EmailNorm}
			k.adoptable[key] = append(k.adoptable[key], c)
		}
	}
	return k
}

// decide says for each sound record what is to be written.
func (b *BatchUpsert) decide(items []*item, existing []StoredContact) ([]decided, BatchWrite) {
	k := index(existing)
	// A contact that a record names is not free to be adopted by another one.
	for _, it := range items {
		if c := k.byID[it.id]; c != nil && len(it.violations) == 0 {
			k.taken[c.ID] = true
		}
	}
	out := make([]decided, len(items))
	var write BatchWrite
	for i, it := range items {
		if len(it.violations) > 0 {
			continue
		}
		current, problem := k.find(it)
		if problem != nil {
			out[i].violations = []errs.Violation{*problem}
			continue
		}
		if current == nil {
			out[i] = b.create(it, &write)
			continue
		}
		out[i] = update(it, current, &write)
	}
	return out, write
}

// find is the contact that a record speaks of, nil for a new one.
func (k *known) find(it *item) (*StoredContact, *errs.Violation) {
	byExternal := k.byExternal[it.external]
	if it.external == "" {
		byExternal = nil
	}
	switch {
	case it.id != "":
		c := k.byID[it.id]
		switch {
		case c == nil:
			return nil, &errs.Violation{Field: "id", Message: "is not a contact"}
		case byExternal != nil && byExternal != c:
			return nil, &errs.Violation{Field: "externalId", Message: "belongs to another contact"}
		case it.external != "" && c.ExternalID != "" && c.ExternalID != it.external:
			return nil, &errs.Violation{Field: "externalId", Message: "the contact has another external id"}
		}
		return c, nil
	case byExternal != nil:
		if k.taken[byExternal.ID] {
			return nil, &errs.Violation{Field: "externalId", Message: "its contact stands in the batch twice"}
		}
		k.taken[byExternal.ID] = true
		return byExternal, nil
	}
	// An unknown external id adopts the one contact that sync made for the person, so that the
	// host's import makes no duplicate; what the host has deleted would make none.
	if it.emailNorm == "" || it.clientID == "" || it.tombstone() {
		return nil, nil
	}
	var free *StoredContact
	for _, c := range k.adoptable[[2]string{it.clientID, it.emailNorm}] {
		if free != nil {
			return nil, nil // several: none is surely the one
		}
		free = c
	}
	if free == nil || k.taken[free.ID] {
		return nil, nil
	}
	k.taken[free.ID] = true
	return free, nil
}

func (b *BatchUpsert) create(it *item, write *BatchWrite) decided {
	var violations []errs.Violation
	if it.tombstone() {
		return decided{externalID: it.external, outcome: OutcomeUnchanged} // nothing is there to delete
	}
	if it.clientID == "" {
		violations = append(violations, errs.Violation{Field: "clientId", Message: "is required for a new contact"})
	}
	name, nameKey := it.fullName, it.nameKey
	var warnings []RecordWarning
	if name == "" && it.email != "" {
		name = personName("", "", "", it.email)
		nameKey = NameKey(name)
		warnings = []RecordWarning{{Field: "fullName", Message: "has no letter or digit; a part of the email stands in for it"}}
	}
	if name == "" {
		violations = append(violations, errs.Violation{Field: "fullName", Message: "is required for a new contact"})
	}
	if len(violations) > 0 {
		return decided{violations: violations}
	}
	if it.version != nil {
		return decided{outcome: OutcomeConflict, violations: []errs.Violation{{Field: "version", Message: "there is no such contact yet"}}}
	}
	c := StoredContact{
		ID: b.newID(), ClientID: it.clientID, ExternalID: it.external, FullName: name, NameKey: nameKey,
		Email: it.email, EmailNorm: it.emailNorm, MadeBy: MadeByHost, Version: 1,
	}
	if it.phone != nil {
		c.Phone = *it.phone
	}
	if it.role != nil {
		c.Role = *it.role
	}
	c.Inactive = it.inactive != nil && *it.inactive
	write.Insert = append(write.Insert, c)
	write.Changes = append(write.Changes, Change{Type: ChangeCreated, ContactID: c.ID, ClientID: c.ClientID, Version: c.Version})
	return decided{id: c.ID, externalID: c.ExternalID, outcome: OutcomeCreated, version: c.Version, warnings: warnings}
}

// update compares the record with the contact and writes what differs.
func update(it *item, current *StoredContact, write *BatchWrite) decided {
	if it.version != nil && *it.version != current.Version {
		return decided{
			id: current.ID, externalID: current.ExternalID, outcome: OutcomeConflict, version: current.Version,
			violations: []errs.Violation{{Field: "version", Message: "the contact has another version by now"}},
		}
	}
	c, kind, fields := changed(it, *current)
	d := decided{id: c.ID, externalID: c.ExternalID, outcome: OutcomeUpdated, version: c.Version, warnings: linkWarnings(current, &c)}
	switch {
	case len(fields) == 0:
		d.outcome = OutcomeUnchanged
		return d
	case c.Deleted && !current.Deleted:
		d.outcome = OutcomeDeleted
	case c.ExternalID != current.ExternalID && current.ExternalID == "" && c.MadeBy == MadeBySync:
		d.outcome = OutcomeAdopted
	}
	c.Version++
	d.version = c.Version
	write.Update = append(write.Update, c)
	write.Changes = append(write.Changes, Change{Type: kind, ContactID: c.ID, ClientID: c.ClientID, Version: c.Version, Fields: fields})
	return d
}

// changed is the contact as the record has it, with the type of the change and the fields that
// differ; none where it says what the contact is already.
func changed(it *item, c StoredContact) (after StoredContact, kind string, fields []string) {
	set := func(field string, to *string, value string) {
		if *to != value {
			*to = value
			fields = append(fields, field)
		}
	}
	if it.external != "" {
		set("externalId", &c.ExternalID, it.external)
	}
	if it.clientID != "" {
		set("clientId", &c.ClientID, it.clientID)
	}
	if it.fullName != "" {
		set("fullName", &c.FullName, it.fullName)
		c.NameKey = it.nameKey
	}
	if it.hasEmail {
		set("email", &c.Email, it.email)
		c.EmailNorm = it.emailNorm
	}
	if it.phone != nil {
		set("phone", &c.Phone, *it.phone)
	}
	if it.role != nil {
		set("role", &c.Role, *it.role)
	}
	kind = ChangeUpdated
	if it.inactive != nil && *it.inactive != c.Inactive {
		c.Inactive, c.InactivatedBySync = *it.inactive, false
		fields = append(fields, "inactive")
		kind = ChangeReactivated
		if c.Inactive {
			kind = ChangeInactivated
		}
	}
	if it.deleted != nil && *it.deleted != c.Deleted {
		c.Deleted = *it.deleted
		fields = append(fields, "deleted")
		if c.Deleted {
			kind = ChangeDeleted
		}
	}
	if c.Deleted && c.Linked { // its link ends with it
		c.Linked = false
		fields = append(fields, "entraObjectId", "linkStatus")
	}
	return c, kind, fields
}

// linkWarnings are what a record means for the contact's link.
func linkWarnings(before, after *StoredContact) (warnings []RecordWarning) {
	if !before.Linked {
		return nil
	}
	if after.Deleted && !before.Deleted {
		warnings = append(warnings, RecordWarning{
			Field: "deleted", Message: "the contact was linked to an Entra identity; the link has ended, and the next sync decides about the identity anew",
		})
	}
	if after.ClientID != before.ClientID {
		warnings = append(warnings, RecordWarning{
			Field: "clientId", Message: "the contact keeps its link to an identity of the other client's directory",
		})
	}
	return warnings
}
