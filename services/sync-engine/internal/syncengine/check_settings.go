package syncengine

import (
	"errors"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/entrasync/entrasync/pkg/errs"
	"github.com/entrasync/entrasync/proto/entrasync/reason"
)

// Where lists stand in the settings.
const (
	groupsField = "filters.groups"
	alwaysField = "filters.alwaysInclude"
	neverField  = "filters.neverInclude"
)

// Bounds of settings.
const (
	minInterval, maxInterval = 15, 10080 // minutes
	maxGroups                = 50
	maxIncluded              = 1000
)

// objectID is an id as Microsoft gives it.
var objectID = regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$`)

// checked is what a change says, with its lists in their normal form, each entry
// once; or errs.Invalid with everything that is wrong with it.
func checked(change Stated) (Stated, error) {
	var problems violations
	if n := change.IntervalMinutes; n != nil && (*n < minInterval || *n > maxInterval) {
		problems.add(intervalMinutesField, "must be from 15 to 10080")
	}
	if n := change.GuardMinCount; n != nil && *n < 1 {
		problems.add("guard.minCount", "must be 1 or more")
	}
	if n := change.GuardPercent; n != nil && (*n < 0 || *n > 100) {
		problems.add("guard.percent", "must be from 0 to 100")
	}
	change.CustomPatterns = problems.patterns(change.CustomPatterns)
	change.Groups = problems.list(groupsField, change.Groups, maxGroups, normalGroup)
	change.AlwaysInclude = problems.list(alwaysField, change.AlwaysInclude, maxIncluded, normalIncluded)
	change.NeverInclude = problems.list(neverField, change.NeverInclude, maxIncluded, normalIncluded)
	return change, problems.err()
}

// checkBoth refuses settings that include and leave out the same.
func checkBoth(s Stated) error {
	if s.AlwaysInclude == nil || s.NeverInclude == nil {
		return nil
	}
	var problems violations
	for i, entry := range *s.NeverInclude {
		if slices.Contains(*s.AlwaysInclude, entry) {
			problems.add(at(neverField, i), "stands in alwaysInclude too")
		}
	}
	return problems.err()
}

// violations are what is wrong with a change.
type violations struct {
	found   []errs.Violation
	pattern bool // a pattern is not valid
}

func (v *violations) add(field, message string) {
	v.found = append(v.found, errs.Violation{Field: field, Message: message})
}

func (v *violations) err() error {
	switch {
	case len(v.found) == 0:
		return nil
	case v.pattern:
		return errs.Of(reason.InvalidPattern, errs.WithViolations(v.found...))
	}
	return errs.Of(reason.InvalidArgument, errs.WithViolations(v.found...))
}

// patterns checks a tenant's own patterns.
func (v *violations) patterns(stated *[]string) *[]string {
	if stated == nil {
		return nil
	}
	if _, err := CompilePatterns(*stated); err != nil {
		v.pattern = true
		if e, ok := errors.AsType[*errs.Error](err); ok {
			v.found = append(v.found, e.Violations()...)
		}
	}
	list := each(*stated)
	return &list
}

// list puts each entry of a list into its normal form.
func (v *violations) list(field string, stated *[]string, most int, normal func(string) (form, problem string)) *[]string {
	if stated == nil {
		return nil
	}
	if len(*stated) > most {
		v.add(field, "at most "+strconv.Itoa(most)+" entries")
		return stated
	}
	list := make([]string, 0, len(*stated))
	for i, entry := range *stated {
		form, problem := normal(entry)
		if problem != "" {
			v.add(at(field, i), problem)
		}
		list = append(list, form)
	}
	list = each(list)
	return &list
}

// each is a list with each entry once, in its order.
func each(list []string) []string {
	once := make([]string, 0, len(list))
	seen := make(map[string]bool, len(list))
	for _, entry := range list {
		if !seen[entry] {
			once = append(once, entry)
		}
		seen[entry] = true
	}
	return once
}

func at(field string, i int) string { return field + "[" + strconv.Itoa(i) + "]" }

func normalGroup(entry string) (form, problem string) {
	if form = strings.ToLower(strings.TrimSpace(entry)); !objectID.MatchString(form) {
		return "", "is not the object id of a group"
	}
	return form, ""
}

// normalIncluded is an identity's object id, or an address in the form in which
// addresses are compared.
func normalIncluded(entry string) (form, problem string) {
	if form = strings.ToLower(strings.TrimSpace(entry)); objectID.MatchString(form) {
		return form, ""
	}
	address, problem := ReadAddress(entry)
	switch {
	case problem != "":
		return "", "is neither an object id nor an address: " + problem
	case address.Norm == "":
		return "", "is empty"
	}
	return address.Norm, ""
}
