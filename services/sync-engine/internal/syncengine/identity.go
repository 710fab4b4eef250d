package syncengine

import (
	"crypto/sha256"
	"encoding/binary"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/entrasync/entrasync/pkg/text"
)

// Identity is a user made ready for deciding: what failed or filtered it, its
// addresses in the order they are tried, and the fields a contact would get.
type Identity struct {
	ObjectID string // trimmed; empty only for a failed record
	Removed  bool   // it left the directory; the rest is then empty
	User     *User  // as upstream gave it, where it is to be kept; nil for a failed record
	Content  int64  // digest of all that was read; equal for equal records
	Failure  string // see the Failure constants; the rest is then empty
	Nameless bool   // a failure whose ObjectID may not be the one upstream has
	Verdict  string // the filter that it hits, see the Filter constants
	Pattern  string // which pattern it falls under, where the verdict is of patterns; for reports
	Erased   bool   // the identity itself was erased on request: nothing of it is to be stored

	UserPrincipalName string
	Enabled           *bool
	FullName          string // display name, else given name and surname, else the address's local part
	NameKey           string
	HasDisplayName    bool   // FullName is upstream's own display name
	Email             string // mail, else primary SMTP, else UPN, as written upstream
	EmailNorm         string
	EmailIsMail       bool // Email is upstream's mail, or what stands in for it
	Phone             string
	Role              string
	Addresses         []string // normalised, each once, in the order they are tried
	Licences          *int32   // nil when it is not known
	UserType          string
	Own               int // so many of Addresses, the first, are the identity's own; the others are aliases
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
	upn, _ := ReadAddress(u.UserPrincipalName)
	from := addressesOf(u, upn)
	email, isMail := from.email()
	id := Identity{
		ObjectID: strings.TrimSpace(u.ObjectID), Content: content(u),
		UserPrincipalName: text.Normalise(u.UserPrincipalName), Enabled: u.AccountEnabled,
		FullName: personName(u.DisplayName, u.GivenName, u.Surname, email.Shown), HasDisplayName: NormaliseName(u.DisplayName) != "",
		Email: email.Shown, EmailNorm: email.Norm, EmailIsMail: isMail,
		Role: text.Normalise(u.JobTitle), Phone: phoneOf(u), Licences: u.LicenceCount, UserType: text.Normalise(u.UserType),
	}
	id.NameKey = NameKey(id.FullName)
	id.Addresses, id.Own = from.inOrder()
	id.Verdict, id.Pattern = r.filters.verdict(u, readingOf(u, upn, &from, id.Addresses[:id.Own]))
	switch {
	case id.Verdict == FilterErased: // whoever it is, nothing but the id is to be stored again
		return Identity{ObjectID: id.ObjectID, Verdict: FilterErased, Erased: r.filters.erased.HasIdentity(id.ObjectID)}
	case id.Verdict == "" && id.Own == 0:
		id.Verdict = FilterNoAddress
	}
	return id
}

// readingOf is what filters look at.
func readingOf(u *User, upn Address, from *userAddresses, own []string) reading {
	return reading{upn: upn.Norm, mail: from.mail.Norm, name: text.Normalise(u.DisplayName), own: own}
}

// phoneOf is the mobile phone, else the first business phone in order of their
// texts: lists come in any order.
func phoneOf(u *User) string {
	if mobile := text.Normalise(u.MobilePhone); mobile != "" {
		return mobile
	}
	least := ""
	for _, phone := range u.BusinessPhones {
		if phone = text.Normalise(phone); phone != "" && (least == "" || phone < least) {
			least = phone
		}
	}
	return least
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
// into one another. Lists are sets: neither order nor repeats count.
func content(u *User) int64 {
	buf := make([]byte, 0, 512)
	text := func(s string) {
		buf = binary.AppendUvarint(buf, uint64(len(s)))
		buf = append(buf, s...)
	}
	for _, s := range u.texts() {
		text(s)
	}
	for _, list := range u.lists() {
		set := asSet(list)
		buf = binary.AppendUvarint(buf, uint64(len(set)))
		for _, s := range set {
			text(s)
		}
	}
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

// asSet is the list in order, each once; the list itself stays as it is.
func asSet(list []string) []string {
	if len(list) < 2 {
		return list
	}
	return slices.Compact(slices.Sorted(slices.Values(list)))
}
