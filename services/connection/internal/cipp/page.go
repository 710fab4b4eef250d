package cipp

import (
	"bytes"
	"encoding/json"
	"errors"
	"slices"

	"github.com/entrasync/entrasync/services/connection/internal/connection"
	"github.com/entrasync/entrasync/services/connection/internal/microsoft/graph"
)

// metadata is what ListGraphRequest says beside its results.
type metadata struct {
	NextLink string `json:"nextLink"`
	Queued   loose  `json:"Queued"`
}

// page is one answer of ListGraphRequest about users. Its users are overwritten by
// the next one.
type page struct {
	users []connection.User
	metadata
}

var (
	errNotPage = errors.New("not an answer to a request of Graph")
	// errQueued: CIPP reads in the background and answers with nothing for now.
	errQueued = errors.New("the answer is put off")
	// errNoUsers: rows came, and none of them is a user. CIPP reports failures so.
	errNoUsers = errors.New("rows without users")
)

// parsePage reads a whole answer about users.
func parsePage(body []byte, into *page) (err error) {
	into.metadata = metadata{}
	described := false
	into.users, err = graph.DecodeUsers(bytes.TrimPrefix(body, []byte("\ufeff")), "Results", into.users, func(name string, value []byte) error {
		if name != "Metadata" {
			return nil
		}
		described = true
		into.metadata = metadata{}
		return json.Unmarshal(value, &into.metadata)
	})
	switch {
	case err != nil, !described:
		return errNotPage // the cause may quote it
	case bool(into.Queued):
		return errQueued
	}
	isNone := func(u connection.User) bool { return u.EntraObjectID == "" }
	if len(into.users) > 0 && !slices.ContainsFunc(into.users, func(u connection.User) bool { return !isNone(u) }) {
		return errNoUsers
	}
	return nil
}

// organizations is an answer of ListGraphRequest about a directory itself.
type organizations struct {
	Results []struct {
		VerifiedDomains []struct {
			Name      string `json:"name"`
			IsDefault bool   `json:"isDefault"`
			IsInitial bool   `json:"isInitial"`
		} `json:"verifiedDomains"`
	} `json:"Results"`
	Metadata metadata `json:"Metadata"`
}

// parseOrganization reads a directory's verified domains.
func parseOrganization(body []byte, into *connection.Details) error {
	var answer organizations
	if json.Unmarshal(bytes.TrimPrefix(body, []byte("\ufeff")), &answer) != nil || len(answer.Results) != 1 {
		return errNotPage
	}
	into.Domains, into.PrimaryDomain = nil, ""
	initial := ""
	for _, domain := range answer.Results[0].VerifiedDomains {
		if into.AddDomain(domain.Name, domain.IsDefault) && domain.IsInitial {
			initial = domain.Name
		}
	}
	if into.PrimaryDomain == "" {
		into.PrimaryDomain = initial
	}
	if len(into.Domains) == 0 {
		return errNotPage
	}
	return nil
}
