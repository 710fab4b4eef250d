package fleet

import (
	"encoding/json"
	"reflect"
	"time"
)

// State says what a directory knows of a property. Delta answers keep the
// three apart: absent, null and a value.
type State uint8

// The states of a property.
const (
	// Unset was never given a value.
	Unset State = iota
	// Cleared had a value once and is null now.
	Cleared
	// Set has a value.
	Set
)

// Opt is a nullable property in one of three states.
type Opt[T any] struct {
	Value T
	State State
}

type (
	// Text is a property of a user that holds words.
	Text = Opt[string]
	// Flag is a property of a user that is true or false.
	Flag = Opt[bool]
)

// Of is a property that has a value.
func Of[T any](v T) Opt[T] { return Opt[T]{Value: v, State: Set} }

// Or is the value, or other where there is none.
func (o Opt[T]) Or(other T) T {
	if o.State == Set {
		return o.Value
	}
	return other
}

// MarshalJSON writes null for what has no value.
func (o Opt[T]) MarshalJSON() ([]byte, error) {
	if o.State != Set {
		return []byte("null"), nil
	}
	return json.Marshal(o.Value)
}

// UnmarshalJSON takes null as cleared.
func (o *Opt[T]) UnmarshalJSON(b []byte) error {
	if string(b) == "null" {
		*o = Opt[T]{State: Cleared}
		return nil
	}
	o.State = Set
	return json.Unmarshal(b, &o.Value)
}

// User is one account as its directory holds it. The JSON names are the
// property names of microsoft.graph.user. A collection that is nil was never
// set; an empty one was emptied.
type User struct {
	ID                       string    `json:"id"`
	AccountEnabled           Flag      `json:"accountEnabled"`
	BusinessPhones           []string  `json:"businessPhones"`
	City                     Text      `json:"city"`
	CompanyName              Text      `json:"companyName"`
	Country                  Text      `json:"country"`
	CreatedDateTime          time.Time `json:"createdDateTime"`
	CreationType             Text      `json:"creationType"`
	Department               Text      `json:"department"`
	DisplayName              Text      `json:"displayName"`
	EmployeeID               Text      `json:"employeeId"`
	ExternalUserState        Text      `json:"externalUserState"`
	GivenName                Text      `json:"givenName"`
	JobTitle                 Text      `json:"jobTitle"`
	Mail                     Text      `json:"mail"`
	MailNickname             Text      `json:"mailNickname"`
	MobilePhone              Text      `json:"mobilePhone"`
	OfficeLocation           Text      `json:"officeLocation"`
	OnPremisesImmutableID    Text      `json:"onPremisesImmutableId"`
	OnPremisesSamAccountName Text      `json:"onPremisesSamAccountName"`
	OnPremisesSyncEnabled    Flag      `json:"onPremisesSyncEnabled"`
	OtherMails               []string  `json:"otherMails"`
	PreferredLanguage        Text      `json:"preferredLanguage"`
	ProxyAddresses           []string  `json:"proxyAddresses"`
	ShowInAddressList        Flag      `json:"showInAddressList"`
	Surname                  Text      `json:"surname"`
	UsageLocation            Text      `json:"usageLocation"`
	UserPrincipalName        Text      `json:"userPrincipalName"`
	UserType                 Text      `json:"userType"`
	// LicenceSKUs are the SKU ids behind assignedLicenses.
	LicenceSKUs []string `json:"licenceSkus"`

	// Extra holds properties that an administrator set and that are not above,
	// as the JSON that goes on the wire.
	Extra map[string]json.RawMessage `json:"-"`
	// Omit names properties that are left out of every answer.
	Omit map[string]bool `json:"-"`
	// Slot is the user's place in its directory.
	Slot int `json:"-"`
}

// text returns the Text property of that JSON name, or nil.
func (u *User) text(property string) *Text {
	switch property {
	case "city":
		return &u.City
	case "companyName":
		return &u.CompanyName
	case "department":
		return &u.Department
	case "displayName":
		return &u.DisplayName
	case "givenName":
		return &u.GivenName
	case "jobTitle":
		return &u.JobTitle
	case "mail":
		return &u.Mail
	case "mobilePhone":
		return &u.MobilePhone
	case "surname":
		return &u.Surname
	case "userPrincipalName":
		return &u.UserPrincipalName
	}
	return nil
}

// userProperties are the properties that User has a field for.
var userProperties = func() map[string]bool {
	names := map[string]bool{}
	for field := range reflect.TypeFor[User]().Fields() {
		if tag := field.Tag.Get("json"); tag != "-" {
			names[tag] = true
		}
	}
	return names
}()
