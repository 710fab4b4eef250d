package reconciliation

import "github.com/entrasync/entrasync/pkg/searchkey"

// SearchText is what an item is found by: the words of its identity's name, its address
// and its sign-in name, folded, each after a space.
func (s *Sighting) SearchText() string {
	return " " + searchkey.Words(s.DisplayName) + " " + searchkey.Of(s.Email) + " " + searchkey.Of(s.UserPrincipalName)
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
	if name := searchkey.Words(q); name != "" {
		search.Words = " " + name
	}
	return search
}
