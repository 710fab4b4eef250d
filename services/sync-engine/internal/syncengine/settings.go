package syncengine

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"regexp"
)

// Settings say how a tenant syncs. Their zero value is not the default; the
// store makes the row with the defaults.
type Settings struct {
	AutomaticSync   bool
	IntervalMinutes int // 15 to 10080

	FilterGuests          bool
	FilterUnlicensed      bool
	FilterServiceAccounts bool
	CustomPatterns        []string // RE2
	Groups                []string // object ids; none for everybody
	AlwaysInclude         []string // object ids, and addresses in their normal form
	NeverInclude          []string // as AlwaysInclude
	Members               *Members // of Groups, once a round has asked; nil for everybody
	// The marks of people who were erased on request; nil without any. Identities that they
	// keep out leave nothing behind that a delta round could build on, so that they are no
	// part of the fingerprint.
	Erased *ErasedMarks `json:"-"`
	// How many erasures were lifted. It is part of the fingerprint: whom a round has left out that began before one
	// was lifted comes with the next.
	Lifted int `json:",omitempty"`

	// Field rules govern overwriting only; all off by default.
	FieldDisplayName, FieldEmail, FieldPhone, FieldRole, FieldUPN bool

	MarkInactiveWhenDisabled    bool
	AllowSameEmailAcrossClients bool

	GuardMinCount int // a round that inactivates fewer is not held, unless they are all of two or more
	GuardPercent  int // nor one that inactivates at most this share of the active links; 100 holds nothing
}

// Overwrites reports whether any field of a contact is written over.
func (s Settings) Overwrites() bool {
	return s.FieldDisplayName || s.FieldEmail || s.FieldPhone || s.FieldRole || s.FieldUPN
}

// rulesVersion rises when a release reads or decides the same user otherwise than
// the one before: what delta rounds keep is then made anew.
const rulesVersion = 2

// Fingerprint changes when anything that decides a round does, and with nothing
// else: neither the schedule nor the guards count, nor the order of a list, nor the
// members of groups. A round that finds another fingerprint than that of the last one
// lists the whole directory.
func (s Settings) Fingerprint() string {
	s.AutomaticSync, s.IntervalMinutes, s.GuardMinCount, s.GuardPercent = false, 0, 0, 0
	s.Members = nil // those that enter or leave a group are read by id
	for _, list := range []*[]string{&s.CustomPatterns, &s.Groups, &s.AlwaysInclude, &s.NeverInclude} {
		*list = asSet(*list)
		if len(*list) == 0 {
			*list = nil // as one that was never stored
		}
	}
	text, err := json.Marshal(s)
	if err != nil {
		panic(err) // flags and strings always encode
	}
	sum := sha256.Sum256(append(text, rulesVersion))
	return hex.EncodeToString(sum[:8])
}

func (s Settings) filters() (*filters, error) {
	var custom []*regexp.Regexp
	if len(s.CustomPatterns) > 0 {
		var err error
		if custom, err = CompilePatterns(s.CustomPatterns); err != nil {
			return nil, err
		}
	}
	return &filters{
		serviceAccounts: s.FilterServiceAccounts, guests: s.FilterGuests, unlicensed: s.FilterUnlicensed, custom: custom, patterns: s.CustomPatterns,
		always: setOf(s.AlwaysInclude), never: setOf(s.NeverInclude), members: s.Members, erased: s.Erased,
	}, nil
}
