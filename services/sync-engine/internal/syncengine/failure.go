package syncengine

import (
	"strings"
	"unicode/utf8"
)

// Why a record could not be taken. A failed record never stops the others.
const (
	FailureMissingID   = "missing_id"
	FailureInvalidUTF8 = "invalid_utf8"
	FailureNUL         = "nul_character"
	FailureLongName    = "name_too_long"
	FailureConflicting = "conflicting_duplicate" // one id twice with different content in one listing
	FailureMalformed   = "malformed"
)

// Limits beyond which a record is malformed. Microsoft's own are smaller.
const (
	maxObjectIDBytes = 128
	maxUPNBytes      = 1024 // it is found by an index, which takes no more than 2700 bytes
	maxTextBytes     = 16 << 10
	maxAddresses     = 2000
)

// failureOf is why the user cannot be taken, empty when it can.
func failureOf(u *User) string {
	if strings.TrimSpace(strings.ToValidUTF8(strings.ReplaceAll(u.ObjectID, "\x00", ""), "")) == "" {
		return FailureMissingID
	}
	valid, nul, size := true, false, 0
	u.eachText(func(s string) {
		valid = valid && utf8.ValidString(s)
		nul = nul || strings.IndexByte(s, 0) >= 0
		size = max(size, len(s))
	})
	switch {
	case u.Defect == FailureInvalidUTF8 || !valid:
		return FailureInvalidUTF8
	case nul:
		return FailureNUL
	case tooLong(u.DisplayName), tooLong(u.GivenName), tooLong(u.Surname), tooLong(u.GivenName + " " + u.Surname):
		return FailureLongName
	case u.Defect == FailureMissingID: // though there is an id: the connection saw the record itself
		return FailureMissingID
	case u.Defect != "", len(u.ObjectID) > maxObjectIDBytes, len(u.UserPrincipalName) > maxUPNBytes, size > maxTextBytes,
		len(u.ProxyAddresses)+len(u.OtherMails) > maxAddresses:
		return FailureMalformed
	}
	return ""
}
