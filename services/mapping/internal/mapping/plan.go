package mapping

import (
	"fmt"
	"slices"

	"github.com/entrasync/entrasync/pkg/errs"
)

// What a person can decide about a managed tenant.
const (
	DecideMap       = "map"
	DecideSkip      = "skip"
	DecideReview    = "review"
	DecideCreateNew = "create_new"
)

var decidedStates = map[string]string{
	DecideMap: StateMapped, DecideSkip: StateSkipForNow, DecideReview: StateNeedsReview, DecideCreateNew: StateCreateNew,
}

// Decision is what a person decides about one managed tenant.
type Decision struct {
	ManagedTenantID string
	Kind            string // map, skip, review or create_new
	ClientID        string // with map
}

// Current is what decisions are checked against, as it is inside the
// transaction that writes them.
type Current struct {
	Version int64
	Active  map[string]Mapping // in force, by managed tenant
	Clients map[string]Client  // those that the decisions name, by id
}

// Change is a decision that differs from the one in force.
type Change struct {
	Tenant   ManagedTenant
	State    string
	ClientID string
	Score    *float64
	Before   *Mapping // the decision that ends
}

// findings are all that speaks against a list of decisions.
type findings struct {
	malformed []errs.Violation // it can never succeed as it is written
	doubled   []errs.Violation // it contradicts itself
	stale     []errs.Violation // somebody else decided in between
}

// err lists everything at once under the gravest kind.
func (f findings) err() error {
	all := errs.WithViolations(slices.Concat(f.malformed, f.doubled, f.stale)...)
	switch {
	case len(f.malformed) > 0:
		return errs.New(errs.Invalid, "invalid_argument", "The decisions cannot be confirmed as they are.", all)
	case len(f.doubled) > 0:
		return errs.New(errs.Conflict, "mapping_conflict", "A managed tenant is decided more than once.", all)
	case len(f.stale) > 0:
		return errs.New(errs.Conflict, "stale_version", "Somebody else decided in between. Look at the mappings again.", all)
	}
	return nil
}

// Plan checks decisions and gives those that change something. It refuses all of
// them, with every reason, when it refuses one: errs.Invalid "invalid_argument",
// errs.Conflict "mapping_conflict" or "stale_version".
func Plan(decisions []Decision, version *int64, tenants map[string]ManagedTenant, now Current) ([]Change, error) {
	var found findings
	if version != nil && *version != now.Version {
		found.stale = append(found.stale, errs.Violation{Field: "version", Message: fmt.Sprintf("the mappings are at version %d", now.Version)})
	}
	first := map[string]int{}
	changes := make([]Change, 0, len(decisions))
	for i, d := range decisions {
		tenant, known := tenants[d.ManagedTenantID]
		if !known {
			found.malformed = append(found.malformed, violation(i, "managedTenantId", "is not a managed tenant"))
		}
		if at, twice := first[d.ManagedTenantID]; twice {
			found.doubled = append(found.doubled, violation(i, "managedTenantId", fmt.Sprintf("is decided in decisions[%d] already", at)))
		} else {
			first[d.ManagedTenantID] = i
		}
		if problem := checkClient(d, now.Clients); problem != "" {
			found.malformed = append(found.malformed, violation(i, "clientId", problem))
		}
		before, decided := now.Active[d.ManagedTenantID]
		if len(found.stale) > 0 && decided && before.Version > *version {
			found.stale = append(found.stale, violation(i, "managedTenantId", "was decided in between: "+before.State))
		}
		if known && !(decided && before.State == decidedStates[d.Kind] && before.ClientID == d.ClientID) {
			changes = append(changes, changeOf(d, tenant, now, before, decided))
		}
	}
	if err := found.err(); err != nil {
		return nil, err
	}
	return changes, nil
}

func violation(index int, field, message string) errs.Violation {
	return errs.Violation{Field: fmt.Sprintf("decisions[%d].%s", index, field), Message: message}
}

// checkClient says what is wrong with the client of a decision.
func checkClient(d Decision, clients map[string]Client) string {
	switch {
	case d.Kind == DecideMap && d.ClientID == "":
		return "is needed to map"
	case d.Kind != DecideMap && d.ClientID != "":
		return "does not go with " + d.Kind
	case d.ClientID == "":
		return ""
	}
	if client, known := clients[d.ClientID]; !known || client.Deleted {
		return "is not a client"
	}
	return ""
}

func changeOf(d Decision, tenant ManagedTenant, now Current, before Mapping, decided bool) Change {
	change := Change{Tenant: tenant, State: decidedStates[d.Kind], ClientID: d.ClientID}
	if decided {
		change.Before = &before
	}
	if client, known := now.Clients[d.ClientID]; known {
		if matches := Compare(tenant, []Client{client}); len(matches) == 1 {
			change.Score = &matches[0].Score
		}
	}
	return change
}
