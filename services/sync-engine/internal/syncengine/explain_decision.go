package syncengine

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// linkSteps says whether the identity has a link, and what it is worth.
func (x *explaining) linkSteps(d *DecidedIdentity, id *Identity) {
	link := d.Link
	if link == nil {
		if id.Removed || id.Verdict != "" {
			x.step("link", StepNoted, "No contact is linked to this identity.")
			return
		}
		x.step("link", StepPassed, "No contact is linked to this identity, so that contacts of the client are looked for by its addresses.")
		return
	}
	c := &link.Contact
	x.step("link", StepNoted, fmt.Sprintf("%s is linked to this identity since %s; the link is %s.", c.FullName, link.Since.UTC().Format(time.DateOnly), link.Status))
	switch {
	case c.Deleted:
		x.step("link", StepNoted, "The host has deleted the contact.")
	case !c.Shows:
		x.step("link", StepNoted, "The contact has gone over to another identity.")
	case link.ClientID != x.mapped.ClientID:
		x.step("link", StepStopped, "The link was made for another client than the directory is mapped to now: it waits until a person decides about orphaned links.")
	}
}

// matchSteps says which contacts the addresses found.
func (x *explaining) matchSteps(d *DecidedIdentity) {
	if len(d.Sharing) > 0 {
		x.step("duplicate", StepStopped, "Other identities of the directory that have no contact share an address with it, so that a person decides which is whose: "+
			strings.Join(d.Sharing, ", ")+".")
	} else {
		x.step("duplicate", StepPassed, "No other identity without a contact, of those that were listed, shares an address with it.")
	}
	hit := false
	for _, a := range d.Addresses {
		switch {
		case hit:
			x.step("match", StepSkipped, a.Address+": not looked for, an earlier address decided.")
		case len(a.Contacts) == 0:
			x.step("match", StepPassed, a.Address+": no contact of the client has it.")
		default:
			hit = true
			x.step("match", StepNoted, a.Address+": "+contactsFound(a.Contacts))
		}
	}
	if !hit {
		x.step("match", StepPassed, "No contact of the client has one of the addresses. A name alone never links.")
	}
}

// takeoverStep says what it means that the contact is another account's of the directory.
func (x *explaining) takeoverStep(d *DecidedIdentity, left bool) {
	switch {
	case d.TakesOver:
		x.step("takeover", StepPassed, "The contact is linked to an account that is no longer in the directory ("+d.Holder+
			"), and the names share a word: the account was made again. The new one takes the contact over, with its history, and the old link ends.")
	case d.Holder != "" && left:
		x.step("takeover", StepStopped, "The contact is linked to an account that is no longer in the directory ("+d.Holder+
			"), but the names share no word, or an alias alone found the contact: that this account is the same person's is for a person to say.")
	case d.Holder != "" && d.Reason == "contact_already_linked":
		x.step("takeover", StepStopped, "The contact is linked to an account that is still in the directory ("+d.Holder+"), so that this one cannot take it over.")
	}
}

// contactsFound says which contacts one address found.
func contactsFound(contacts []Candidate) string {
	names := make([]string, 0, len(contacts))
	for _, c := range contacts {
		name := c.FullName
		if c.Inactive {
			name += " (inactive)"
		}
		if c.LinkedTo != "" {
			name += " (linked to another identity)"
		}
		names = append(names, name)
	}
	if len(names) == 1 {
		return "one contact of the client has it: " + names[0] + "."
	}
	return strconv.Itoa(len(names)) + " contacts of the client have it: " + strings.Join(names, ", ") + "."
}

// queueWords say why a person must decide.
var queueWords = map[string]string{
	"duplicate_identity_email": "several identities share an address.",
	"multiple_email_matches":   "several contacts have the address.",
	"contact_already_linked":   "the contact that has the address is linked to another identity.",
	"alias_match":              "only an alias found the contact, and the names are not alike or the contact is inactive.",
	"email_in_use_elsewhere":   "a contact of another client has the address, and the settings allow an address at one client only.",
	"contact_deleted":          "the host has deleted the contact that it was linked to.",
}

// decisionWords are the outcome of each action, and what the next sync does.
var decisionWords = map[Action]struct{ outcome, text string }{
	ActionCreate:     {"created", "A contact is made and linked."},
	ActionLink:       {"linked", "The contact is linked; of its fields nothing changes but what shows that it is linked."},
	ActionUpdate:     {"updated", "Fields of the contact are overwritten, as the field rules say."},
	ActionReactivate: {"reactivated", "The contact, which a sync made inactive, becomes active again."},
	ActionResume:     {"updated", "The link becomes active again; whether the contact is active was decided by somebody else."},
	ActionTouch:      {"unchanged", "Nothing that shows changes; the sign-in name or whether the account is enabled is noted."},
	ActionSeen:       {"unchanged", "Nothing changes; it is noted that the identity is back."},
	ActionMissing:    {"unchanged", "The contact stays as it is; it is noted that the identity is gone."},
	ActionAbsent:     {"unchanged", "The link waits for a person; it is noted that the identity is gone."},
	ActionInactivate: {"inactivated", "The contact becomes inactive."},
	ActionQueue:      {"ambiguous", "A person decides in the queue."},
}

// decision says what the round decided.
func (x *explaining) decision(d *DecidedIdentity, id *Identity) {
	if words, planned := decisionWords[d.Action]; planned {
		outcome, text, why := words.outcome, words.text, d.Reason
		if id.Verdict != "" && id.Verdict != FilterDisabled && outcome == "unchanged" {
			outcome, why = "filtered", id.Verdict
		}
		if d.Action == ActionQueue {
			text += " Why: " + queueWords[d.Reason]
		}
		if d.Action == ActionInactivate && d.Reason == InactiveDisabled {
			text += " Why: the account is disabled."
		} else if d.Action == ActionInactivate {
			text += " Why: the identity is no longer in the directory."
		}
		x.end(outcome, why)
		x.step("decision", StepPassed, text)
		return
	}
	switch {
	case id.Removed && d.Link == nil:
		x.end(OutcomeNotSynced, InactiveDeleted)
		x.step("decision", StepStopped, "Nobody is there to be synced.")
	case id.Verdict != "" && (d.Link == nil || id.Verdict != FilterDisabled):
		x.end("filtered", id.Verdict)
		text := "No contact is made or linked: a filter leaves the person out."
		if d.Link != nil {
			text = "The contact and its link stay as they are: filters decide only who is created or linked."
		}
		x.step("decision", StepStopped, text)
	default:
		x.end("unchanged", "")
		x.step("decision", StepPassed, "Nothing changes: what would be written stands there already.")
	}
}

// fieldWords are the fields of a contact in words.
var fieldWords = map[string]string{
	"fullName": "The name", "email": "The e-mail address", "phone": "The phone number", "role": "The role", "signInName": "The sign-in name",
}

// changes are the fields that the round would write, and why others are not.
func (x *explaining) changes(d *DecidedIdentity, id *Identity) {
	upstream := map[string]string{"fullName": id.FullName, "email": id.Email, "phone": id.Phone, "role": id.Role, "signInName": id.UserPrincipalName}
	if d.Action == ActionCreate {
		for _, field := range []string{"fullName", "email", "phone", "role"} {
			x.so.Changes = append(x.so.Changes, FieldChange{Field: field, After: upstream[field]})
		}
		return
	}
	if d.Link == nil || id.Removed || d.Link.Contact.Deleted {
		return
	}
	c, s := &d.Link.Contact, x.rules.Settings
	for _, f := range []struct {
		name, before string
		on           bool
	}{
		{"fullName", c.FullName, s.FieldDisplayName},
		{"email", c.Email, s.FieldEmail},
		{"phone", c.Phone, s.FieldPhone},
		{"role", c.Role, s.FieldRole},
		{"signInName", c.SignInName, s.FieldUPN},
	} {
		after := upstream[f.name]
		switch {
		case slices.Contains(d.Fields, f.name):
			x.so.Changes = append(x.so.Changes, FieldChange{Field: f.name, Before: f.before, After: after})
			x.step("field", StepPassed, fieldWords[f.name]+" is overwritten: its rule is on, and Microsoft has another value.")
		case f.before != after && after != "" && !f.on && f.name != "signInName":
			x.step("field", StepSkipped, fieldWords[f.name]+" differs from Microsoft's and stays: its field rule is off.")
		}
	}
}

// guardSteps says what keeps the contact from becoming inactive.
func (x *explaining) guardSteps(d *DecidedIdentity) {
	s := x.rules.Settings
	switch {
	case d.Rejected:
		x.step("guard", StepStopped, "A person has rejected the inactivation: the link stays active until Microsoft changes the account again.")
	case d.HeldIn != "":
		x.step("guard", StepStopped, "The last sync held the inactivation back. It waits in run "+d.HeldIn+" until a person approves or rejects it.")
	case s.GuardPercent >= 100:
		x.step("guard", StepNoted, "Nothing is held back, however many contacts a sync inactivates: guard.percent is 100.")
	default:
		x.step("guard", StepNoted, fmt.Sprintf(
			"A sync that would inactivate at least %d contacts and more than %d %% of the linked ones, or all of two or more, holds them back until a person approves.",
			s.GuardMinCount, s.GuardPercent))
	}
}

// queueSteps says what the queue has of the identity.
func (x *explaining) queueSteps(ctx context.Context, d *DecidedIdentity) error {
	items, err := x.round.Queue(ctx, d.Number-1, 1)
	if err != nil || len(items) == 0 {
		return err
	}
	for _, c := range items[0].Candidates {
		x.step("candidate", StepNoted, "It may be "+strings.TrimPrefix(contactsFound([]Candidate{c}), "one contact of the client has it: "))
	}
	decided, err := x.queue.Decided(ctx, PushedItems{
		Mapping: MappingRevision{
			ManagedTenantID: x.mapped.ManagedTenantID, EntraTenantID: x.mapped.EntraTenantID, ClientID: x.mapped.ClientID, Revision: x.mapped.Revision,
		},
		Since: x.rules.Now.Add(-clockSkew), Items: items,
	})
	if err != nil {
		return err
	}
	if slices.Contains(decided, items[0].ObjectID) {
		x.end("unchanged", d.Reason)
		x.step("queue", StepStopped, "A person has decided about it on the same facts: the item is not opened again, and nothing changes.")
		return nil
	}
	x.step("queue", StepNoted, "Nobody has decided about it on these facts: an item is open, or the next sync opens one.")
	return nil
}
