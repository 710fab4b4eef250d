package syncengine

// User is one directory user as the connection hands it over. Absent and null
// properties are empty here; a nil AccountEnabled is unknown, not true.
type User struct {
	ObjectID          string
	UserPrincipalName string
	Mail              string
	DisplayName       string
	GivenName         string
	Surname           string
	AccountEnabled    *bool
	UserType          string
	JobTitle          string
	Department        string
	MobilePhone       string
	BusinessPhones    []string
	ProxyAddresses    []string // "SMTP:primary", "smtp:alias" and other kinds
	OtherMails        []string
	LicenceCount      *int32
	// Defect says why the record could not be taken as it is: missing_id,
	// invalid_utf8, malformed; empty for a sound one.
	Defect string
	// Absent are the properties that a list of changes does not name. They are
	// empty here, and so they are in a list of all.
	Absent Properties
}

// texts are the user's single texts, lists those that come in any number.
func (u *User) texts() []string {
	return []string{
		u.ObjectID, u.UserPrincipalName, u.Mail, u.DisplayName, u.GivenName, u.Surname, u.UserType, u.JobTitle, u.Department, u.MobilePhone,
	}
}

func (u *User) lists() [][]string {
	return [][]string{u.BusinessPhones, u.ProxyAddresses, u.OtherMails}
}

// eachText calls f with every text of the user.
func (u *User) eachText(f func(string)) {
	for _, s := range u.texts() {
		f(s)
	}
	for _, list := range u.lists() {
		for _, s := range list {
			f(s)
		}
	}
}
