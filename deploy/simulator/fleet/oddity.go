package fleet

import (
	"fmt"
	"strconv"
)

// oddity is something about an account that a simple sync gets wrong.
type oddity int

// The oddities stand in this order from firstOddSlot of every block on.
const (
	notOdd            oddity = iota
	recoveryAddress          // its other mail is one that several people recover their passwords through
	recoveryColleague        // its other mail is the mail of the person before
	guestWithoutMail         // a guest whose address is among its other mails alone
	guestWithoutAny          // a guest without any address
	directorySync            // the account that synchronises the directory
	personCalledBot          // a person of a name that looks like a machine's
	personWithSa             // a person whose address looks like a machine's
	invisibleName            // a name with characters that cannot be seen
	dashName                 // a display name that is none
	noReplyMail              // a UPN that says nothing, and a no-reply mail
	hardSpace                // a shared mailbox by a space that does not break
	invisibleAtHost          // the host's address begins with a character that cannot be seen
	surroundedAtHost         // the host's address has brackets, quotes or mailto: around it
	leaversAlias             // it has a leaver's address as an alias, and the MSP has the leaver
	madeAgain                // later it is deleted and made again, with another id
	mergedAtHost             // the MSP has the person twice, and later merges the two: the one that was linked goes
	deletedAtHost            // the MSP has the person, and later deletes the contact
	madeForAnother           // later it is deleted and made again for somebody else who gets the address
	lastOddity               // none
)

// Of every block the slots from firstRecoverySlot up to pastRecoverySlot share the
// recovery address of the one at firstOddSlot.
const (
	firstOddSlot      = 40
	firstRecoverySlot = 70
	pastRecoverySlot  = 72
	officeRecovery    = "office.recovery@gmail.com"
)

// oddityAt is what is odd about the account of a slot.
func (f *Fleet) oddityAt(t *Tenant, slot int) oddity {
	offset := slot % blockSize
	switch odd := oddity(offset - firstOddSlot + 1); {
	case slot >= t.Generated:
		return notOdd
	case offset >= firstRecoverySlot && offset < pastRecoverySlot:
		return recoveryAddress
	case odd > notOdd && odd < lastOddity:
		return odd
	}
	return notOdd
}

// oddPerson makes the person of an odd account what it must be.
func (f *Fleet) oddPerson(t *Tenant, slot int, p *person) {
	switch odd := f.oddityAt(t, slot); odd {
	case notOdd:
	case guestWithoutMail, guestWithoutAny:
		p.kind = kindGuest
	default:
		p.kind = kindPerson
		switch odd {
		case personCalledBot:
			p.given, p.sur = name{"Pieter", "pieter"}, name{"van der Bot", "vanderbot"}
		case personWithSa:
			p.given, p.sur = name{"Salvador", "sa"}, name{"Costa", "costa"}
		}
	}
}

// oddLocal is the local part of the accounts that have one of their own.
func (f *Fleet) oddLocal(t *Tenant, slot int, p *person) {
	number := strconv.Itoa(slot)
	switch f.oddityAt(t, slot) {
	case personCalledBot:
		p.local = "pieter.bot." + number
	case personWithSa:
		p.local = "sa.costa" + number
	}
}

// makeOdd changes the user of a slot to what is odd about it.
func (f *Fleet) makeOdd(t *Tenant, slot int, p *person, u *User) {
	number := strconv.Itoa(slot)
	switch f.oddityAt(t, slot) {
	case recoveryAddress:
		u.OtherMails = []string{officeRecovery}
	case recoveryColleague:
		if before := f.person(t, slot-1).mail; before != "" {
			u.OtherMails = []string{before}
		}
	case guestWithoutMail:
		u.Mail, u.ProxyAddresses = Text{}, nil
		u.OtherMails = []string{p.local + "@" + p.guestDomain}
	case guestWithoutAny:
		u.Mail, u.ProxyAddresses, u.OtherMails = Text{}, nil, nil
	case directorySync:
		fillAccount(p, u)
		u.DisplayName = Of("On-Premises Directory Synchronization Service Account")
		u.UserPrincipalName = Of(fmt.Sprintf("Sync_DC01_%s@%s", number, t.InitialDomain()))
		u.Mail, u.ProxyAddresses, u.OtherMails = Text{}, nil, nil
	case personCalledBot, personWithSa:
		u.GivenName, u.Surname = Of(p.given.shown), Of(p.sur.shown)
	case invisibleName:
		u.DisplayName = Of("\u202a" + p.given.shown + "\u00a0\r\n" + p.sur.shown + "\u200b")
	case dashName:
		u.DisplayName, u.GivenName, u.Surname = Of("-"), Of(p.given.shown), Of(p.sur.shown)
	case leaversAlias:
		u.ProxyAddresses = append(u.ProxyAddresses, "smtp:"+f.leaver(t, slot).Email)
	case noReplyMail:
		fillAccount(p, u)
		u.DisplayName = Of("Notifications " + number)
		u.Mail = Of("noreply" + number + "@" + t.DefaultDomain())
		u.ProxyAddresses = []string{"SMTP:" + u.Mail.Value}
	case hardSpace:
		fillAccount(p, u)
		u.DisplayName = Of("Shared\u00a0Mailbox " + number)
	}
}

// leaver is the contact whose address the account of a slot has inherited.
func (f *Fleet) leaver(t *Tenant, slot int) Contact {
	return Contact{
		ExternalID: fmt.Sprintf("P-%04d-L%d", t.Index, slot), ClientExternalID: clientID(*t),
		FullName: "Quentin Xanthopoulos", Email: fmt.Sprintf("q.leaver%dx@%s", slot, t.DefaultDomain()),
	}
}

// writtenOddly is how the MSP has the address of an odd account, and whether it has
// the person for certain; never says that it cannot have it.
func (f *Fleet) writtenOddly(t *Tenant, slot int, mail string) (email string, certain, never bool) {
	switch f.oddityAt(t, slot) {
	case invisibleAtHost:
		return "\ufeff" + mail, true, false
	case surroundedAtHost:
		forms := []string{"<%s>", "mailto:%s", "'%s'", "%s;"}
		return fmt.Sprintf(forms[slot/blockSize%len(forms)], mail), true, false
	case mergedAtHost, deletedAtHost:
		return mail, true, false
	case directorySync, noReplyMail, hardSpace, guestWithoutMail, guestWithoutAny, madeAgain, madeForAnother:
		return "", false, true
	}
	return "", false, false
}
