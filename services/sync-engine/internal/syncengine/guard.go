package syncengine

import (
	"crypto/sha256"
	"encoding/hex"
	"strconv"
)

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
	Digest string // of the set; deciding needs it
	// What a person decided; nil before.
	Decision *HeldDecision
}

// holdListing is what a guard holds back of a listing as a whole: its digest is of
// the directory and of how many links stood.
func holdListing(reason, directory string, activeLinks int) *Held {
	sum := sha256.Sum256([]byte(reason + " " + directory + " " + strconv.Itoa(activeLinks)))
	return &Held{Reason: reason, Count: activeLinks, Digest: hex.EncodeToString(sum[:])}
}

// guardListing holds a listing that must not be applied: one without users
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

// guardInactivations holds a round that would inactivate too many at once: at least
// GuardMinCount and more than GuardPercent of the links that were active when it
// began, or all of two or more, which is how the smallest customers look when their
// directory breaks. A share of 100 percent holds nothing.
func guardInactivations(s Settings, inactivations, activeLinks int) bool {
	if s.GuardPercent >= 100 {
		return false
	}
	all := inactivations >= 2 && inactivations >= activeLinks
	return all || inactivations >= s.GuardMinCount && inactivations*100 > activeLinks*s.GuardPercent
}
