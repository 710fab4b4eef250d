package syncengine

// Why a guard holds a round back.
const (
	HeldMassInactivation = "mass_inactivation"
	HeldEmptyDirectory   = "empty_directory"
	HeldFilterDropsAll   = "filter_drops_all"
)

// Held is what a guard holds back until a person decides.
type Held struct {
	Reason string
	Count  int
	Digest string // of the set; approving needs it
}

// guardListing holds a listing that must not be believed: one without users
// ("success with 0 users" is never a success), or one in which the filters leave
// nobody. Nothing of it is applied.
func guardListing(t Tally) string {
	switch {
	case t.Identities == 0:
		return HeldEmptyDirectory
	case t.Passed == 0 && t.Failed < t.Identities:
		return HeldFilterDropsAll
	}
	return ""
}

// guardInactivations holds a round that would inactivate too many at once. Both
// bounds must be passed.
func guardInactivations(s Settings, inactivations, activeLinks int) bool {
	return inactivations >= s.GuardMinCount && inactivations*100 > activeLinks*s.GuardPercent
}
