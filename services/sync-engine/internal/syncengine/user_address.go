package syncengine

import (
	"cmp"
	"slices"
	"strings"

	"github.com/entrasync/entrasync/pkg/text"
)

// userAddresses are the addresses of a user, as they stand upstream.
type userAddresses struct {
	mail    Address   // of a guest without one, the first of its other mails
	primary []Address // SMTP; one, where the directory is sound
	upn     Address   // empty for a guest's, which is made of an address and is none
	aliases []Address
}

// addressesOf reads the addresses of a user; what holds none is left out. Other
// mails are where passwords are recovered, often one for a whole office: only a
// guest's stands for a mailbox, where it has no mail.
func addressesOf(u *User, upn Address) userAddresses {
	var from userAddresses
	from.mail, _ = ReadAddress(u.Mail)
	if from.mail.Norm == "" && strings.EqualFold(u.UserType, userTypeGuest) {
		for _, other := range u.OtherMails {
			if from.mail, _ = ReadAddress(other); from.mail.Norm != "" {
				break
			}
		}
	}
	if !strings.Contains(upn.Norm, "#ext#") {
		from.upn = upn
	}
	for _, proxy := range u.ProxyAddresses {
		proxy = text.Normalise(proxy)
		if len(proxy) < len(smtp) || !strings.EqualFold(proxy[:len(smtp)], smtp) {
			continue // X500, SIP and others are no addresses
		}
		address, problem := ReadAddress(proxy[len(smtp):])
		switch {
		case problem != "":
		case strings.HasPrefix(proxy, "SMTP"):
			from.primary = append(from.primary, address)
		default:
			from.aliases = append(from.aliases, address)
		}
	}
	// Lists come in any order, and it must not decide.
	slices.SortFunc(from.primary, compareAddresses)
	slices.SortFunc(from.aliases, compareAddresses)
	return from
}

const (
	smtp          = "smtp:"
	userTypeGuest = "Guest"
)

func compareAddresses(a, b Address) int {
	return cmp.Or(strings.Compare(a.Norm, b.Norm), strings.Compare(a.Shown, b.Shown))
}

// email is the address that a contact gets: mail, else primary SMTP, else UPN.
func (a *userAddresses) email() (address Address, isMail bool) {
	switch {
	case a.mail.Norm != "":
		return a.mail, true
	case len(a.primary) > 0:
		return a.primary[0], false
	}
	return a.upn, false
}

// inOrder lists the addresses in the order they are tried, each once: the user's
// own, then its aliases.
func (a *userAddresses) inOrder() (list []string, own int) {
	list = make([]string, 0, 2+len(a.primary)+len(a.aliases))
	add := func(address Address) {
		if address.Norm != "" && !slices.Contains(list, address.Norm) {
			list = append(list, address.Norm)
		}
	}
	add(a.mail)
	for _, primary := range a.primary {
		add(primary)
	}
	add(a.upn)
	own = len(list)
	for _, alias := range a.aliases {
		add(alias)
	}
	return list, own
}
