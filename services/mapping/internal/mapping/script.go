package mapping

import (
	"slices"
	"strings"
	"unicode"

	"golang.org/x/net/idna"
)

// mixesScripts reports whether a label of an ASCII domain mixes letters of
// scripts that no language writes together, as an imitation does: Latin with
// Cyrillic, say. It is the "highly restrictive" level of Unicode's UTS #39.
func mixesScripts(domain string) bool {
	if !strings.Contains(domain, "xn--") {
		return false
	}
	for label := range strings.SplitSeq(domain, ".") {
		if !strings.HasPrefix(label, "xn--") {
			continue
		}
		text, err := idna.Punycode.ToUnicode(label)
		if err != nil || !oneSystem(text) {
			return true
		}
	}
	return false
}

// writingSystems are the scripts that are written together.
var writingSystems = [][]*unicode.RangeTable{
	{unicode.Latin, unicode.Han, unicode.Hiragana, unicode.Katakana},
	{unicode.Latin, unicode.Han, unicode.Bopomofo},
	{unicode.Latin, unicode.Han, unicode.Hangul},
}

// oneSystem reports whether all letters are of one script, or of scripts that are
// written together.
func oneSystem(text string) bool {
	letters := []rune(strings.Map(func(r rune) rune {
		if unicode.In(r, unicode.Common, unicode.Inherited) {
			return -1
		}
		return r
	}, text))
	if len(letters) == 0 {
		return true
	}
	within := func(scripts ...*unicode.RangeTable) bool {
		return !slices.ContainsFunc(letters, func(r rune) bool { return !unicode.In(r, scripts...) })
	}
	for _, script := range unicode.Scripts {
		if unicode.Is(script, letters[0]) {
			return within(script) || slices.ContainsFunc(writingSystems, func(s []*unicode.RangeTable) bool { return within(s...) })
		}
	}
	return false
}
