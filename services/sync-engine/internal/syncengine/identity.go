package syncengine

import (
	"crypto/sha256"
	"encoding/binary"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Identity is a user made ready for deciding: what failed or filtered it, its
// addresses in the order they are tried, and the fields a contact would get.
type Identity struct {
	ObjectID string // trimmed; empty only for a failed record
	Content  int64  // digest of all that was read; equal for equal records
	Failure  string // see the Failure constants; the rest is then empty
	Nameless bool   // a failure whose ObjectID may not be the one upstream has
	Verdict  string // the filter that it hits, see the Filter constants

	UserPrincipalName string
	Enabled           *bool
	FullName          string // display name, else given name and surname, else the address
	NameKey           string
	HasDisplayName    bool   // FullName is upstream's own display name
	Email             string // mail, else UPN, as written upstream
	EmailNorm         string
	EmailIsMail       bool // Email is upstream's mail
	Phone             string
	Role              string
	Addresses         []string // normalised, each once: mail, SMTP, UPN, other mails
}

// Reader turns users into identities by a tenant's settings.
type Reader struct{ filters *filters }

// NewReader compiles the settings' patterns; errs.Invalid when one is not valid.
func NewReader(s Settings) (*Reader, error) {
	f, err := s.filters()
	if err != nil {
		return nil, err
	}
	return &Reader{filters: f}, nil
}

// Read makes the identity. It never fails: what is wrong stands in it.
func (r *Reader) Read(u *User) Identity {
	if reason := failureOf(u); reason != "" {
		id := printableID(u.ObjectID)
		return Identity{ObjectID: id, Failure: reason, Content: content(u), Nameless: reason == FailureMissingID || altered(u.ObjectID, id)}
	}
	upn, _ := NormaliseAddress(u.UserPrincipalName)
	mail, _ := NormaliseAddress(u.Mail)
	id := Identity{
		ObjectID: strings.TrimSpace(u.ObjectID), Content: content(u),
		UserPrincipalName: NormaliseText(u.UserPrincipalName), Enabled: u.AccountEnabled,
		Role: NormaliseText(u.JobTitle), Phone: firstText(append([]string{u.MobilePhone}, u.BusinessPhones...)),
		Addresses: addresses(u, mail, upn),
	}
	switch {
	case mail != "":
		id.Email, id.EmailNorm, id.EmailIsMail = NormaliseText(u.Mail), mail, true
	case upn != "":
		id.Email, id.EmailNorm = id.UserPrincipalName, upn
	}
	displayName := NormaliseText(u.DisplayName)
	id.FullName, id.HasDisplayName = displayName, displayName != ""
	if displayName == "" {
		id.FullName = firstText([]string{strings.TrimSpace(NormaliseText(u.GivenName) + " " + NormaliseText(u.Surname)), id.Email})
	}
	id.NameKey = NameKey(id.FullName)
	id.Verdict = r.filters.verdict(u, upn, displayName)
	return id
}

// addresses lists the user's addresses in the order they are tried, each once.
func addresses(u *User, mail, upn string) []string {
	list := make([]string, 0, 2+len(u.ProxyAddresses)+len(u.OtherMails))
	add := func(address string) {
		if address == "" {
			return
		}
		for _, have := range list {
			if have == address {
				return
			}
		}
		list = append(list, address)
	}
	add(mail)
	for _, primary := range []bool{true, false} {
		for _, proxy := range u.ProxyAddresses {
			proxy = strings.TrimSpace(proxy)
			if len(proxy) < 5 || !strings.EqualFold(proxy[:5], "smtp:") || (proxy[:5] == "SMTP:") != primary {
				continue // X500, SIP and others are no addresses
			}
			address, _ := NormaliseAddress(proxy[5:])
			add(address)
		}
	}
	add(upn)
	for _, other := range u.OtherMails {
		address, _ := NormaliseAddress(other)
		add(address)
	}
	return list
}

func firstText(texts []string) string {
	for _, text := range texts {
		if text = NormaliseText(text); text != "" {
			return text
		}
	}
	return ""
}

// printableID is an id that can be stored, however broken it came.
func printableID(id string) string {
	id = strings.TrimSpace(strings.ToValidUTF8(strings.ReplaceAll(id, "\x00", ""), ""))
	for len(id) > maxObjectIDBytes {
		_, size := utf8.DecodeLastRuneInString(id)
		id = id[:len(id)-size]
	}
	return id
}

// altered reports an id that lost something, here or on its way: the replacement
// character stands for what was not UTF-8.
func altered(received, id string) bool {
	return strings.TrimSpace(received) != id || strings.ContainsRune(id, utf8.RuneError)
}

// content digests all that was read, with lengths so that no two records run
// into one another.
func content(u *User) int64 {
	buf := make([]byte, 0, 512)
	text := func(s string) {
		buf = binary.AppendUvarint(buf, uint64(len(s)))
		buf = append(buf, s...)
	}
	u.eachText(text)
	text(strconv.Itoa(len(u.BusinessPhones)) + "," + strconv.Itoa(len(u.ProxyAddresses)) + "," + strconv.Itoa(len(u.OtherMails)))
	switch {
	case u.AccountEnabled == nil:
		text("?")
	case *u.AccountEnabled:
		text("+")
	default:
		text("-")
	}
	if u.LicenceCount != nil {
		text(strconv.Itoa(int(*u.LicenceCount)))
	}
	text(u.Defect)
	sum := sha256.Sum256(buf)
	return int64(binary.BigEndian.Uint64(sum[:8])) // a digest has no sign
}
