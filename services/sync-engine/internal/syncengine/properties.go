package syncengine

// Properties are a set of a user's properties.
type Properties uint16

// The properties of a user.
const (
	PropertyUserPrincipalName Properties = 1 << iota
	PropertyMail
	PropertyDisplayName
	PropertyGivenName
	PropertySurname
	PropertyAccountEnabled
	PropertyUserType
	PropertyJobTitle
	PropertyDepartment
	PropertyMobilePhone
	PropertyBusinessPhones
	PropertyProxyAddresses
	PropertyOtherMails
	PropertyLicenceCount
)

// ofEveryAccount are properties that every account has: a change without one of them
// is a part of what upstream knows.
const ofEveryAccount = PropertyUserPrincipalName | PropertyAccountEnabled

// Has reports whether the set has one of these.
func (p Properties) Has(these Properties) bool { return p&these != 0 }

// completed is the user with what is absent taken from what was known before.
func (u User) completed(before *User) User {
	take := func(p Properties, do func()) {
		if u.Absent.Has(p) {
			do()
		}
	}
	take(PropertyUserPrincipalName, func() { u.UserPrincipalName = before.UserPrincipalName })
	take(PropertyMail, func() { u.Mail = before.Mail })
	take(PropertyDisplayName, func() { u.DisplayName = before.DisplayName })
	take(PropertyGivenName, func() { u.GivenName = before.GivenName })
	take(PropertySurname, func() { u.Surname = before.Surname })
	take(PropertyAccountEnabled, func() { u.AccountEnabled = before.AccountEnabled })
	take(PropertyUserType, func() { u.UserType = before.UserType })
	take(PropertyJobTitle, func() { u.JobTitle = before.JobTitle })
	take(PropertyDepartment, func() { u.Department = before.Department })
	take(PropertyMobilePhone, func() { u.MobilePhone = before.MobilePhone })
	take(PropertyBusinessPhones, func() { u.BusinessPhones = before.BusinessPhones })
	take(PropertyProxyAddresses, func() { u.ProxyAddresses = before.ProxyAddresses })
	take(PropertyOtherMails, func() { u.OtherMails = before.OtherMails })
	take(PropertyLicenceCount, func() { u.LicenceCount = before.LicenceCount })
	u.Absent = 0 // what was known before is whole
	return u
}
