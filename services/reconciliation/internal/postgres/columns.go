package postgres

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/google/uuid"

	"github.com/entrasync/entrasync/services/reconciliation/internal/reconciliation"
)

// columns holds items column by column, for set-based statements.
type columns struct {
	ids                []uuid.UUID
	objectIDs          []string
	userPrincipalNames []string
	displayNames       []string
	emails             []string
	candidates         [][]byte
	reasons            []string
	fingerprints       []string
	phones             []string
	roles              []string
	accountEnabled     []string // true, false or empty
	licenceCounts      []int32  // -1 where it is not known
	userTypes          []string
	peers              [][]byte
	searches           []string
	suggestions        []string // empty where there is none
	suggestedContacts  []string
	suggestedFor       []string // joined by commas
}

func columnsOf(items []reconciliation.NewItem) (columns, error) {
	var c columns
	for _, item := range items {
		id, err := uuid.Parse(item.ID)
		if err != nil {
			return columns{}, fmt.Errorf("reading an item id: %w", err)
		}
		candidates, err := encodeCandidates(item.Candidates)
		if err != nil {
			return columns{}, err
		}
		peers, err := encodePeers(item.Peers)
		if err != nil {
			return columns{}, err
		}
		c.ids = append(c.ids, id)
		c.objectIDs = append(c.objectIDs, item.EntraObjectID)
		c.userPrincipalNames = append(c.userPrincipalNames, item.UserPrincipalName)
		c.displayNames = append(c.displayNames, item.DisplayName)
		c.emails = append(c.emails, item.Email)
		c.candidates = append(c.candidates, candidates)
		c.reasons = append(c.reasons, string(item.Reason))
		c.fingerprints = append(c.fingerprints, item.Fingerprint)
		c.phones = append(c.phones, item.Phone)
		c.roles = append(c.roles, item.Role)
		c.accountEnabled = append(c.accountEnabled, boolText(item.Enabled))
		c.licenceCounts = append(c.licenceCounts, orUnknown(item.Licences))
		c.userTypes = append(c.userTypes, item.UserType)
		c.peers = append(c.peers, peers)
		c.searches = append(c.searches, item.SearchText())
		c.suggest(item.Suggest())
	}
	return c, nil
}

// suggest adds a suggestion, nil for none.
func (c *columns) suggest(s *reconciliation.Suggestion) {
	if s == nil {
		s = &reconciliation.Suggestion{}
	}
	var reasons []string
	for _, reason := range s.For {
		reasons = append(reasons, string(reason))
	}
	c.suggestions = append(c.suggestions, string(s.Action))
	c.suggestedContacts = append(c.suggestedContacts, s.ContactID)
	c.suggestedFor = append(c.suggestedFor, strings.Join(reasons, ","))
}

// without leaves out the identities that are listed in ascending order.
func (c columns) without(objectIDs []string) columns {
	if len(objectIDs) == 0 {
		return c
	}
	var rest columns
	for i, objectID := range c.objectIDs {
		if _, found := slices.BinarySearch(objectIDs, objectID); found {
			continue
		}
		rest.ids = append(rest.ids, c.ids[i])
		rest.objectIDs = append(rest.objectIDs, objectID)
		rest.userPrincipalNames = append(rest.userPrincipalNames, c.userPrincipalNames[i])
		rest.displayNames = append(rest.displayNames, c.displayNames[i])
		rest.emails = append(rest.emails, c.emails[i])
		rest.candidates = append(rest.candidates, c.candidates[i])
		rest.reasons = append(rest.reasons, c.reasons[i])
		rest.fingerprints = append(rest.fingerprints, c.fingerprints[i])
		rest.phones = append(rest.phones, c.phones[i])
		rest.roles = append(rest.roles, c.roles[i])
		rest.accountEnabled = append(rest.accountEnabled, c.accountEnabled[i])
		rest.licenceCounts = append(rest.licenceCounts, c.licenceCounts[i])
		rest.userTypes = append(rest.userTypes, c.userTypes[i])
		rest.peers = append(rest.peers, c.peers[i])
		rest.searches = append(rest.searches, c.searches[i])
		rest.suggestions = append(rest.suggestions, c.suggestions[i])
		rest.suggestedContacts = append(rest.suggestedContacts, c.suggestedContacts[i])
		rest.suggestedFor = append(rest.suggestedFor, c.suggestedFor[i])
	}
	return rest
}

func boolText(b *bool) string {
	if b == nil {
		return ""
	}
	return strconv.FormatBool(*b)
}

// orUnknown is -1 where the number is not known.
func orUnknown(n *int) int32 {
	if n == nil {
		return -1
	}
	return int32(*n) // of licences
}
