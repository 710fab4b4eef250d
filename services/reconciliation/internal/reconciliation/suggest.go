package reconciliation

import "strings"

// SuggestedFor is a fact that speaks for a suggestion.
type SuggestedFor string

// What speaks for suggestions.
const (
	ForSameName      SuggestedFor = "same_name"            // the contact, or the other account, has the identity's name
	ForOthersDiffer  SuggestedFor = "others_differ"        // no other candidate has a name like it
	ForOnlyActive    SuggestedFor = "only_active"          // of the candidates with its name one is active
	ForOtherName     SuggestedFor = "other_name"           // the contact's name has nothing in common with the identity's
	ForOwnAddress    SuggestedFor = "own_address"          // the identity has an address that the contact has not
	ForLinkGone      SuggestedFor = "linked_identity_gone" // the identity that has the contact is disabled or deleted
	ForSecondAccount SuggestedFor = "second_account"       // it is an account beside another: for administration, a guest, without a licence
	ForMainAccount   SuggestedFor = "main_account"         // it is licensed, and those that share its address are accounts beside it
	ForNoCandidate   SuggestedFor = "no_candidate"         // no contact of the client has its address
)

// Suggestion is the answer that is clearly best. Nobody but a person gives it.
type Suggestion struct {
	Action    Action
	ContactID string // of ResolveExisting
	For       []SuggestedFor
}

// Suggest gives the answer that is clearly best, nil where a person has to find out. It is a
// function of what the item shows, so that a person can follow it.
func (s *Sighting) Suggest() *Suggestion {
	switch s.Reason {
	case MultipleEmailMatches:
		return s.suggestNamed()
	case ContactAlreadyLinked:
		return s.suggestBesideLinked()
	case DuplicateIdentityEmail:
		return s.suggestOfAccounts()
	case AliasMatch:
		return s.suggestByAlias()
	case EmailInUseElsewhere, ContactDeleted: // the host, or a rule of the tenant's, has decided against it
	}
	return nil
}

// suggestNamed suggests the one free candidate that has the name, where no other could be
// meant.
func (s *Sighting) suggestNamed() *Suggestion {
	var named, active []*Candidate
	for i := range s.Candidates {
		c := &s.Candidates[i]
		switch like := compareNames(s.DisplayName, c.FullName); {
		case like == otherName:
		case like == doubtful, c.LinkedTo != "": // it may be the person's, who would then have two
			return nil
		default:
			named = append(named, c)
			if !c.Inactive {
				active = append(active, c)
			}
		}
	}
	switch {
	case len(named) == 1:
		return &Suggestion{Action: ResolveExisting, ContactID: named[0].ContactID, For: []SuggestedFor{ForSameName, ForOthersDiffer}}
	case len(active) == 1 && sameSpelling(named):
		return &Suggestion{Action: ResolveExisting, ContactID: active[0].ContactID, For: []SuggestedFor{ForSameName, ForOnlyActive}}
	}
	return nil
}

// sameSpelling reports contacts of one name, which are the same person twice.
func sameSpelling(named []*Candidate) bool {
	for _, c := range named[1:] {
		if strings.Join(sorted(nameWords(c.FullName)), " ") != strings.Join(sorted(nameWords(named[0].FullName)), " ") {
			return false
		}
	}
	return true
}

// suggestBesideLinked knows a second account of the contact's person, and somebody who
// has another's address by now.
func (s *Sighting) suggestBesideLinked() *Suggestion {
	if len(s.Candidates) != 1 || s.Candidates[0].Linked == nil {
		return nil
	}
	c := &s.Candidates[0]
	switch like := compareNames(s.DisplayName, c.FullName); {
	case like == sameName && c.Linked.State == LinkActive && s.isSecond() && !secondName("", c.Linked.UserPrincipalName):
		return &Suggestion{Action: Dismiss, For: []SuggestedFor{ForSameName, ForSecondAccount}}
	case like != otherName || !isPerson(s.DisplayName) || !s.licensed():
		return nil
	case c.Linked.State == LinkDeleted || c.Linked.State == LinkDisabled:
		return &Suggestion{Action: ResolveNew, For: []SuggestedFor{ForOtherName, ForLinkGone}}
	case c.Linked.State == LinkActive && !s.hasAddressOf(c):
		return &Suggestion{Action: ResolveNew, For: []SuggestedFor{ForOtherName, ForOwnAddress}}
	}
	return nil
}

// suggestOfAccounts distinguishes a person's main account from the others.
func (s *Sighting) suggestOfAccounts() *Suggestion {
	if s.isSecond() {
		return s.suggestBesidePeer()
	}
	if !s.licensed() || !isPerson(s.DisplayName) {
		return nil
	}
	for i := range s.Peers {
		if !s.Peers[i].isSecond() {
			return nil
		}
	}
	if len(s.Candidates) == 0 {
		return &Suggestion{Action: ResolveNew, For: []SuggestedFor{ForMainAccount, ForNoCandidate}}
	}
	suggestion := s.suggestNamed()
	if suggestion != nil {
		suggestion.For = append([]SuggestedFor{ForMainAccount}, suggestion.For...)
	}
	return suggestion
}

// suggestBesidePeer suggests that an account beside the one licensed account of its
// person has no contact.
func (s *Sighting) suggestBesidePeer() *Suggestion {
	main := 0
	for i := range s.Peers {
		p := &s.Peers[i]
		switch {
		case p.isSecond():
		case !p.licensed() || compareNames(s.DisplayName, p.DisplayName) != sameName:
			return nil
		default:
			main++
		}
	}
	if main != 1 {
		return nil
	}
	return &Suggestion{Action: Dismiss, For: []SuggestedFor{ForSameName, ForSecondAccount}}
}

// suggestByAlias knows a predecessor's contact or a function's, and the person's own from
// before.
func (s *Sighting) suggestByAlias() *Suggestion {
	if len(s.Candidates) != 1 || !isPerson(s.DisplayName) || s.withoutLicence() {
		return nil
	}
	c := &s.Candidates[0]
	switch compareNames(s.DisplayName, c.FullName) {
	case sameName:
		if c.LinkedTo == "" {
			return &Suggestion{Action: ResolveExisting, ContactID: c.ContactID, For: []SuggestedFor{ForSameName}}
		}
	case otherName:
		if !s.hasAddressOf(c) {
			return &Suggestion{Action: ResolveNew, For: []SuggestedFor{ForOtherName, ForOwnAddress}}
		}
	case doubtful:
	}
	return nil
}

// hasAddressOf reports that the contact has the address that a new one would get.
func (s *Sighting) hasAddressOf(c *Candidate) bool {
	return strings.EqualFold(s.Email, c.Email)
}

// isSecond reports an account that people have beside their own.
func (s *Sighting) isSecond() bool { return s.second(s.DisplayName, s.UserPrincipalName) }

func (p *Peer) isSecond() bool { return p.second(p.DisplayName, p.UserPrincipalName) }

func (a *Account) second(name, userPrincipalName string) bool {
	return a.guest() || a.withoutLicence() || secondName(name, userPrincipalName)
}

// secondName reports a name or a sign-in name of an account beside another.
func secondName(name, userPrincipalName string) bool {
	local, _, _ := strings.Cut(userPrincipalName, "@")
	for _, word := range append(strings.Fields(compared(name)), strings.Fields(compared(local))...) {
		if second[word] {
			return true
		}
	}
	return false
}

func (a *Account) guest() bool { return strings.EqualFold(a.UserType, "guest") }

func (a *Account) licensed() bool { return a.Licences != nil && *a.Licences > 0 && !a.guest() }

// withoutLicence reports an account that is known to have none.
func (a *Account) withoutLicence() bool { return a.Licences != nil && *a.Licences == 0 }
