package round

import (
	"encoding/json"
	"fmt"

	"github.com/entrasync/entrasync/services/sync-engine/internal/syncengine"
)

// properties are a user's, as they are kept.
type properties struct {
	UserPrincipalName string   `json:"upn,omitempty"`
	Mail              string   `json:"mail,omitempty"`
	DisplayName       string   `json:"name,omitempty"`
	GivenName         string   `json:"given,omitempty"`
	Surname           string   `json:"surname,omitempty"`
	AccountEnabled    *bool    `json:"enabled,omitempty"`
	UserType          string   `json:"type,omitempty"`
	JobTitle          string   `json:"title,omitempty"`
	Department        string   `json:"department,omitempty"`
	MobilePhone       string   `json:"mobile,omitempty"`
	BusinessPhones    []string `json:"phones,omitempty"`
	ProxyAddresses    []string `json:"proxies,omitempty"`
	OtherMails        []string `json:"others,omitempty"`
	LicenceCount      *int32   `json:"licences,omitempty"`
}

// propertiesOf is what is kept of a user, NULL for none.
func propertiesOf(u *syncengine.User) (any, error) {
	if u == nil {
		return nil, nil // NULL
	}
	text, err := json.Marshal(properties{
		UserPrincipalName: u.UserPrincipalName, Mail: u.Mail, DisplayName: u.DisplayName, GivenName: u.GivenName, Surname: u.Surname,
		AccountEnabled: u.AccountEnabled, UserType: u.UserType, JobTitle: u.JobTitle, Department: u.Department, MobilePhone: u.MobilePhone,
		BusinessPhones: u.BusinessPhones, ProxyAddresses: u.ProxyAddresses, OtherMails: u.OtherMails, LicenceCount: u.LicenceCount,
	})
	if err != nil {
		return nil, fmt.Errorf("encoding a user: %w", err)
	}
	return text, nil
}

// KeptUser is the user of the properties that were kept; nil where none were.
func KeptUser(id string, kept []byte) (*syncengine.User, error) {
	if kept == nil {
		return nil, nil // nothing was kept
	}
	var p properties
	if err := json.Unmarshal(kept, &p); err != nil {
		return nil, fmt.Errorf("reading a user: %w", err)
	}
	return &syncengine.User{
		ObjectID: id, UserPrincipalName: p.UserPrincipalName, Mail: p.Mail, DisplayName: p.DisplayName, GivenName: p.GivenName, Surname: p.Surname,
		AccountEnabled: p.AccountEnabled, UserType: p.UserType, JobTitle: p.JobTitle, Department: p.Department, MobilePhone: p.MobilePhone,
		BusinessPhones: p.BusinessPhones, ProxyAddresses: p.ProxyAddresses, OtherMails: p.OtherMails, LicenceCount: p.LicenceCount,
	}, nil
}
