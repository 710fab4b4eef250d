package syncengine

// Counters are outcomes of identities; each identity counts once, the first that
// applies of failed, inactivated, reactivated, filtered, ambiguous, created,
// linked, updated, unchanged.
type Counters struct {
	Created, Linked, Updated, Unchanged, Ambiguous, Inactivated, Reactivated, Filtered, Failed int
}

// Total is how many identities were counted.
func (c Counters) Total() int {
	return c.Created + c.Linked + c.Updated + c.Unchanged + c.Ambiguous + c.Inactivated + c.Reactivated + c.Filtered + c.Failed
}

// Changes are what a round wrote (or would write). InactivatedGone are the identities
// among Inactivated that the listing lacked.
type Changes struct {
	Created, Linked, Updated, Inactivated, InactivatedGone, Reactivated int
}

// Tally is what staging and deciding counted.
type Tally struct {
	Identities  int            // listed, each once
	Failed      int            // of them
	Nameless    int            // of the failed, those that may be any identity
	Passed      int            // of them, neither failed nor hit by a filter
	Filtered    map[string]int // by reason; linked disabled accounts are not among them
	ActiveLinks int            // of the directory when the round began
	Failures    []Failure      // the first 100
	// Of a delta round: of those who changed nobody failed or was filtered, neither now nor at the last round.
	LeftOutAsBefore bool
}

// Failure is a record that could not be taken.
type Failure struct {
	ObjectID string `json:"objectId"`
	Reason   string `json:"reason"`
}

// countersOf puts together what was written, over all attempts of a round, with
// what the last attempt listed: what one attempt wrote the next one finds
// unchanged, and it must count once.
func countersOf(tally Tally, written Changes, ambiguous int) Counters {
	c := Counters{
		Created: written.Created, Linked: written.Linked, Updated: written.Updated, Inactivated: written.Inactivated,
		Reactivated: written.Reactivated, Failed: tally.Failed, Filtered: sum(tally.Filtered), Ambiguous: ambiguous,
	}
	listed := c.Total() - written.InactivatedGone
	c.Unchanged = max(tally.Identities-listed, 0)
	return c
}

func sum(counts map[string]int) (total int) {
	for _, n := range counts {
		total += n
	}
	return total
}
