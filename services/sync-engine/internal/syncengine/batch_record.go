package syncengine

import (
	"strings"
	"unicode/utf8"

	"github.com/entrasync/entrasync/pkg/errs"
	"github.com/entrasync/entrasync/pkg/text"
)

// Limits of a host's record, in bytes.
const (
	maxExternalIDBytes = 256
	maxFieldBytes      = 1024
)

// item is a record that was read: trimmed, normalised, checked on its own.
type item struct {
	id, external, clientID, clientExternal string
	fullName, nameKey                      string
	email, emailNorm                       string
	hasEmail                               bool
	phone, role                            *string
	inactive, deleted                      *bool
	version                                *int64
	violations                             []errs.Violation
}

func (it *item) refuse(field, message string) {
	it.violations = append(it.violations, errs.Violation{Field: field, Message: message})
}

// tombstone reports a record that says that the host has deleted the contact.
func (it *item) tombstone() bool { return it.deleted != nil && *it.deleted }

// text checks a text; bytes is its limit. It is empty where the text is refused.
func (it *item) text(field, value string, bytes int) string {
	switch {
	case !utf8.ValidString(value):
		it.refuse(field, "is not valid UTF-8")
	case strings.IndexByte(value, 0) >= 0:
		it.refuse(field, "has a NUL character")
	case len(value) > bytes:
		it.refuse(field, "is too long")
	default:
		return value
	}
	return ""
}

func (it *item) optional(field string, value *string, bytes int) *string {
	if value == nil {
		return nil
	}
	normal := text.Normalise(it.text(field, *value, bytes))
	return &normal
}

func (it *item) key(field string, value *string, bytes int) string {
	if value == nil {
		return ""
	}
	before := len(it.violations)
	key := text.Key(it.text(field, *value, bytes))
	if key == "" && len(it.violations) == before {
		it.refuse(field, "is empty")
	}
	return key
}

// read checks a record by itself.
func read(r *ContactRecord) *item {
	it := &item{inactive: r.Inactive, deleted: r.Deleted, version: r.Version}
	it.id = strings.ToLower(it.key("id", r.ID, 64))
	it.external = it.key("externalId", r.ExternalID, maxExternalIDBytes)
	it.clientID = strings.ToLower(it.key("clientId", r.ClientID, 64))
	it.clientExternal = it.key("clientExternalId", r.ClientExternalID, maxExternalIDBytes)
	it.fullName = NormaliseName(it.text("fullName", r.FullName, 4*maxNameRunes))
	if tooLong(it.fullName) {
		it.refuse("fullName", "is longer than 256 characters")
	}
	it.nameKey = NameKey(it.fullName)
	it.phone = it.optional("phone", r.Phone, maxFieldBytes)
	it.role = it.optional("role", r.Role, maxFieldBytes)
	if email := it.optional("email", r.Email, maxFieldBytes); email != nil {
		it.hasEmail = true
		it.readEmail(*email)
	}
	if r.ID == nil && r.ExternalID == nil {
		it.refuse("externalId", "is required where there is no id")
	}
	if it.id != "" && !isUUID(it.id) {
		it.refuse("id", "is not a contact")
	}
	if it.clientID != "" && !isUUID(it.clientID) {
		it.refuse("clientId", "is not a client")
		it.clientID = ""
	}
	return it
}

// readEmail takes the address; an empty text is none.
func (it *item) readEmail(text string) {
	if text == "" {
		return
	}
	address, problem := ReadAddress(text)
	if problem != "" {
		it.refuse("email", problem)
		return
	}
	it.email, it.emailNorm = address.Shown, address.Norm
}

// refuseRepeats lets one record of a batch speak for a contact: the first.
func refuseRepeats(items []*item) {
	ids, externals := map[string]bool{}, map[string]bool{}
	for _, it := range items {
		if len(it.violations) > 0 {
			continue
		}
		switch {
		case it.id != "" && ids[it.id]:
			it.refuse("id", "stands in the batch twice")
		case it.external != "" && externals[it.external]:
			it.refuse("externalId", "stands in the batch twice")
		default:
			ids[it.id], externals[it.external] = true, true
		}
	}
}

// isUUID reports the canonical form, in lower case.
func isUUID(s string) bool {
	if len(s) != 36 {
		return false
	}
	for i := range len(s) {
		switch c := s[i]; {
		case i == 8 || i == 13 || i == 18 || i == 23:
			if c != '-' {
				return false
			}
		case (c < '0' || c > '9') && (c < 'a' || c > 'f'):
			return false
		}
	}
	return true
}
