package reconciliation

import (
	"strings"
	"unicode"

	"github.com/entrasync/entrasync/pkg/searchkey"
)

// SearchText is what an item is found by: the words of its identity's name, its address
// and its sign-in name, folded, each after a space.
func (s *Sighting) SearchText() string {
	return " " + nameKey(s.DisplayName) + " " + searchkey.Of(s.Email) + " " + searchkey.Of(s.UserPrincipalName)
}

// Search is what is searched for. The zero value finds all.
type Search struct {
	Words   string // the beginning of words of a name, in their order
	Address string // the beginning of an address
}

// searchFor reads what a person typed.
func searchFor(q string) Search {
	address := searchkey.Of(q)
	if address == "" {
		return Search{}
	}
	search := Search{Address: " " + address}
	if name := nameKey(q); name != "" {
		search.Words = " " + name
	}
	return search
}

// nameKey folds a name to the words that are searched: what is neither letter nor digit
// parts them.
func nameKey(name string) string { return words(searchkey.Of(name)) }

func words(text string) string {
	return strings.Join(strings.FieldsFunc(text, func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsMark(r) && !unicode.IsNumber(r)
	}), " ")
}
