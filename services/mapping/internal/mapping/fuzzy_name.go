package mapping

import "math"

const (
	// leastLikeness, in hundredths, is how alike names must be to be proposed.
	leastLikeness = 58
	// topNames is how many clients are proposed by name alone.
	topNames = 5
)

// gram is two characters in a row. A name of one character has none, so that it
// is like nothing: one letter says too little.
type gram [2]rune

// grams is the multiset of a name's grams.
type grams struct {
	counts map[gram]int
	size   int
}

func gramsOf(name string) grams {
	runes := []rune(name)
	g := grams{counts: make(map[gram]int, len(runes))}
	for i := range max(len(runes)-1, 0) {
		g.counts[gram{runes[i], runes[i+1]}]++
		g.size++
	}
	return g
}

// common is the size of the intersection of two multisets.
func common(a, b grams) (n int) {
	for g, count := range a.counts {
		n += min(count, b.counts[g])
	}
	return n
}

// alike reports whether two multisets of the given sizes with so many in common
// reach the least likeness, before rounding.
func alike(common, a, b int) bool { return 200*common >= leastLikeness*(a+b) }

// leastCommon is how much names have in common with a name of the given size, if
// they are alike: more, the longer they are, and the shortest have all in common.
func leastCommon(size int) int {
	return (leastLikeness*size + 199 - leastLikeness) / (200 - leastLikeness)
}

// dice is the Sørensen–Dice coefficient of two multisets of the given sizes with
// so many in common, at four decimals; false when they are not alike.
func dice(common, a, b int) (float64, bool) {
	if a == 0 || b == 0 || !alike(common, a, b) {
		return 0, false
	}
	return math.Round(20000*float64(common)/float64(a+b)) / 10000, true
}

// fuzzyName matches when the names are alike.
func fuzzyName(t tenantProfile, c clientProfile) (Match, bool) {
	score, ok := dice(common(t.name, c.grams), t.name.size, c.grams.size)
	if !ok {
		return Match{}, false
	}
	return Match{ClientID: c.id, ClientName: c.name, Score: score, Reason: ReasonFuzzyName}, true
}
