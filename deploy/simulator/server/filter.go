package server

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/entrasync/entrasync/deploy/simulator/fleet"
)

var (
	comparison = regexp.MustCompile(`^(\w+) (eq|ne) (?:'((?:[^']|'')*)'|(true|false|null))$`)
	function   = regexp.MustCompile(`^(not ?\(?)?(startswith|endswith)\((\w+), ?'((?:[^']|'')*)'\)\)?$`)
	licensed   = regexp.MustCompile(`^assignedLicenses/\$count (eq|ne) 0$`)
)

type userTest func(*fleet.User) bool

// parseFilter reads the filters on users that the simulator knows, joined by
// "and". Advanced says whether Graph wants its advanced query engine for it.
func parseFilter(raw string) (keep func(*fleet.User) bool, advanced bool, e *graphError) {
	var tests []userTest
	for term := range strings.SplitSeq(raw, " and ") {
		test, adv, err := parseTerm(strings.TrimSpace(term))
		if err != nil {
			return nil, false, err
		}
		tests = append(tests, test)
		advanced = advanced || adv
	}
	return func(u *fleet.User) bool {
		for _, test := range tests {
			if !test(u) {
				return false
			}
		}
		return true
	}, advanced, nil
}

func parseTerm(term string) (userTest, bool, *graphError) {
	if m := licensed.FindStringSubmatch(term); m != nil {
		return func(u *fleet.User) bool { return (len(u.LicenceSKUs) == 0) == (m[1] == "eq") }, true, nil
	}
	if m := comparison.FindStringSubmatch(term); m != nil {
		return compare(m[1], m[2] == "ne", unquote(m[3]), m[4])
	}
	if m := function.FindStringSubmatch(term); m != nil {
		get, ok := filterable[m[3]]
		if !ok {
			return nil, false, badFilter(term)
		}
		want, holds := strings.ToLower(unquote(m[4])), strings.HasPrefix
		if m[2] == "endswith" {
			holds = strings.HasSuffix
		}
		negated := m[1] != ""
		return func(u *fleet.User) bool {
			t := get(u)
			return (t.State == fleet.Set && holds(strings.ToLower(t.Value), want)) != negated
		}, negated || m[2] == "endswith", nil
	}
	return nil, false, badFilter(term)
}

func badFilter(term string) *graphError {
	return badRequest(fmt.Sprintf("Invalid filter clause: '%s'.", term))
}

func unquote(s string) string { return strings.ReplaceAll(s, "''", "'") }

var filterable = map[string]func(*fleet.User) fleet.Text{
	"id":                func(u *fleet.User) fleet.Text { return fleet.Of(u.ID) },
	"userPrincipalName": func(u *fleet.User) fleet.Text { return u.UserPrincipalName },
	"mail":              func(u *fleet.User) fleet.Text { return u.Mail },
	"displayName":       func(u *fleet.User) fleet.Text { return u.DisplayName },
	"givenName":         func(u *fleet.User) fleet.Text { return u.GivenName },
	"surname":           func(u *fleet.User) fleet.Text { return u.Surname },
	"department":        func(u *fleet.User) fleet.Text { return u.Department },
	"jobTitle":          func(u *fleet.User) fleet.Text { return u.JobTitle },
	"userType":          func(u *fleet.User) fleet.Text { return u.UserType },
}

func compare(property string, negated bool, quoted, bare string) (userTest, bool, *graphError) {
	if property == "accountEnabled" && (bare == "true" || bare == "false") {
		return func(u *fleet.User) bool {
			f := u.AccountEnabled
			return (f.State == fleet.Set && f.Value == (bare == "true")) != negated
		}, negated, nil
	}
	get, ok := filterable[property]
	if !ok || bare == "true" || bare == "false" {
		return nil, false, badFilter(property)
	}
	return func(u *fleet.User) bool {
		t := get(u)
		if bare == "null" {
			return (t.State != fleet.Set) != negated
		}
		return (t.State == fleet.Set && strings.EqualFold(t.Value, quoted)) != negated
	}, negated, nil
}
