package server

import (
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/entrasync/entrasync/deploy/simulator/fleet"
	"github.com/entrasync/entrasync/deploy/simulator/graphtypes"
)

// column writes one property of a user.
type column struct {
	name  string
	key   string // `"name":`
	write func(dst []byte, u *fleet.User) []byte
	state func(u *fleet.User) fleet.State
}

// defaultProperties come when nothing is selected.
var defaultProperties = []string{
	"businessPhones", "displayName", "givenName", "id", "jobTitle", "mail", "mobilePhone", "officeLocation",
	"preferredLanguage", "surname", "userPrincipalName",
}

const userType = "microsoft.graph.user"

// columnFor is the column of a property of microsoft.graph.user; false where
// there is no such property.
func columnFor(name string) (column, bool) {
	p, ok := graphtypes.Find(userType, name)
	if !ok {
		return column{}, false
	}
	c, ok := columns[name]
	if !ok {
		// A real property that no simulated user has.
		empty := emptyValue(p)
		c.write = func(dst []byte, _ *fleet.User) []byte { return append(dst, empty...) }
		c.state = func(*fleet.User) fleet.State { return fleet.Unset }
	}
	c.name, c.key = name, `"`+name+`":`
	return c, true
}

// emptyValue is what a property without a value looks like.
func emptyValue(p graphtypes.Property) string {
	switch {
	case p.Collection():
		return "[]"
	case p.Nullable:
		return "null"
	case p.Type == "Edm.DateTimeOffset":
		return `"0001-01-01T00:00:00Z"`
	case p.Type == "Edm.Int32":
		return "0"
	}
	return "null"
}

var columns = map[string]column{
	"id": {
		write: func(dst []byte, u *fleet.User) []byte { return appendString(dst, u.ID) },
		state: func(*fleet.User) fleet.State { return fleet.Set },
	},
	"createdDateTime": {
		write: func(dst []byte, u *fleet.User) []byte {
			dst = append(dst, '"')
			dst = u.CreatedDateTime.AppendFormat(dst, "2006-01-02T15:04:05Z")
			return append(dst, '"')
		},
		state: func(*fleet.User) fleet.State { return fleet.Set },
	},
	"accountEnabled":           flag(func(u *fleet.User) fleet.Flag { return u.AccountEnabled }),
	"onPremisesSyncEnabled":    flag(func(u *fleet.User) fleet.Flag { return u.OnPremisesSyncEnabled }),
	"showInAddressList":        flag(func(u *fleet.User) fleet.Flag { return u.ShowInAddressList }),
	"businessPhones":           list(func(u *fleet.User) []string { return u.BusinessPhones }),
	"otherMails":               list(func(u *fleet.User) []string { return u.OtherMails }),
	"proxyAddresses":           list(func(u *fleet.User) []string { return u.ProxyAddresses }),
	"assignedLicenses":         {write: appendLicences, state: func(u *fleet.User) fleet.State { return listState(u.LicenceSKUs) }},
	"city":                     text(func(u *fleet.User) fleet.Text { return u.City }),
	"companyName":              text(func(u *fleet.User) fleet.Text { return u.CompanyName }),
	"country":                  text(func(u *fleet.User) fleet.Text { return u.Country }),
	"creationType":             text(func(u *fleet.User) fleet.Text { return u.CreationType }),
	"department":               text(func(u *fleet.User) fleet.Text { return u.Department }),
	"displayName":              text(func(u *fleet.User) fleet.Text { return u.DisplayName }),
	"employeeId":               text(func(u *fleet.User) fleet.Text { return u.EmployeeID }),
	"externalUserState":        text(func(u *fleet.User) fleet.Text { return u.ExternalUserState }),
	"givenName":                text(func(u *fleet.User) fleet.Text { return u.GivenName }),
	"jobTitle":                 text(func(u *fleet.User) fleet.Text { return u.JobTitle }),
	"mail":                     text(func(u *fleet.User) fleet.Text { return u.Mail }),
	"mailNickname":             text(func(u *fleet.User) fleet.Text { return u.MailNickname }),
	"mobilePhone":              text(func(u *fleet.User) fleet.Text { return u.MobilePhone }),
	"officeLocation":           text(func(u *fleet.User) fleet.Text { return u.OfficeLocation }),
	"onPremisesImmutableId":    text(func(u *fleet.User) fleet.Text { return u.OnPremisesImmutableID }),
	"onPremisesSamAccountName": text(func(u *fleet.User) fleet.Text { return u.OnPremisesSamAccountName }),
	"preferredLanguage":        text(func(u *fleet.User) fleet.Text { return u.PreferredLanguage }),
	"surname":                  text(func(u *fleet.User) fleet.Text { return u.Surname }),
	"usageLocation":            text(func(u *fleet.User) fleet.Text { return u.UsageLocation }),
	"userPrincipalName":        text(func(u *fleet.User) fleet.Text { return u.UserPrincipalName }),
	"userType":                 text(func(u *fleet.User) fleet.Text { return u.UserType }),
}

func text(get func(*fleet.User) fleet.Text) column {
	return column{
		write: func(dst []byte, u *fleet.User) []byte {
			t := get(u)
			if t.State != fleet.Set {
				return append(dst, "null"...)
			}
			return appendString(dst, t.Value)
		},
		state: func(u *fleet.User) fleet.State { return get(u).State },
	}
}

func flag(get func(*fleet.User) fleet.Flag) column {
	return column{
		write: func(dst []byte, u *fleet.User) []byte {
			f := get(u)
			if f.State != fleet.Set {
				return append(dst, "null"...)
			}
			return strconv.AppendBool(dst, f.Value)
		},
		state: func(u *fleet.User) fleet.State { return get(u).State },
	}
}

func list(get func(*fleet.User) []string) column {
	return column{
		write: func(dst []byte, u *fleet.User) []byte {
			dst = append(dst, '[')
			for i, v := range get(u) {
				if i > 0 {
					dst = append(dst, ',')
				}
				dst = appendString(dst, v)
			}
			return append(dst, ']')
		},
		state: func(u *fleet.User) fleet.State { return listState(get(u)) },
	}
}

func listState(values []string) fleet.State {
	if values == nil {
		return fleet.Unset
	}
	return fleet.Set
}

func appendLicences(dst []byte, u *fleet.User) []byte {
	dst = append(dst, '[')
	for i, sku := range u.LicenceSKUs {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(dst, `{"disabledPlans":[],"skuId":`...)
		dst = append(appendString(dst, sku), '}')
	}
	return append(dst, ']')
}

// appendUser writes a user's selected properties. Sparse leaves out what was
// never set, as delta answers do.
func appendUser(dst []byte, u *fleet.User, selected []column, sparse bool) []byte {
	dst = append(dst, '{')
	first := true
	for i := range selected {
		c := &selected[i]
		if u.Omit != nil && u.Omit[c.name] {
			continue
		}
		extra, overridden := u.Extra[c.name]
		if sparse && !overridden && c.state(u) == fleet.Unset {
			continue
		}
		if !first {
			dst = append(dst, ',')
		}
		first = false
		dst = append(dst, c.key...)
		if overridden {
			dst = append(dst, extra...)
		} else {
			dst = c.write(dst, u)
		}
	}
	return append(dst, '}')
}

const hexDigits = "0123456789abcdef"

// appendString quotes a string. Bytes above ASCII go out as they are, also
// where they are no UTF-8: broken accounts rely on it.
func appendString(dst []byte, s string) []byte {
	dst = append(dst, '"')
	from := 0
	for i := 0; i < len(s); i++ {
		b := s[i]
		if b >= 0x20 && b != '"' && b != '\\' {
			continue
		}
		dst = append(dst, s[from:i]...)
		from = i + 1
		switch b {
		case '"', '\\':
			dst = append(dst, '\\', b)
		case '\n':
			dst = append(dst, '\\', 'n')
		case '\t':
			dst = append(dst, '\\', 't')
		default:
			dst = append(dst, '\\', 'u', '0', '0', hexDigits[b>>4], hexDigits[b&15])
		}
	}
	return append(append(dst, s[from:]...), '"')
}

// betaProperties come on beta when nothing is selected: all that it knows.
var betaProperties = slices.Sorted(maps.Keys(columns))

// errNoAuditLog refuses who may not read when people signed in.
var errNoAuditLog = &graphError{
	status: http.StatusForbidden, code: "Authorization_RequestDenied",
	message: "Calling principal does not have required MSGraph permissions AuditLog.Read.All",
}

// parseSelect reads $select; when people signed in wants a permission of its own.
func (c *call) parseSelect(raw string) ([]column, []string, *graphError) {
	selected, names, e := parseSelect(c.version, raw)
	if e == nil && slices.Contains(names, "signInActivity") && !c.claims.allows(readAuditLog, readAuditLog) {
		return nil, nil, errNoAuditLog
	}
	return selected, names, e
}

// parseSelect reads $select; empty selects the version's default properties.
func parseSelect(version, raw string) ([]column, []string, *graphError) {
	names := defaultProperties
	if version == "beta" {
		names = betaProperties
	}
	if strings.TrimSpace(raw) != "" {
		names = strings.Split(raw, ",")
	}
	out := make([]column, 0, len(names))
	clean := make([]string, 0, len(names))
	for _, name := range names {
		name = strings.TrimSpace(name)
		if slices.Contains(clean, name) {
			continue
		}
		c, ok := columnFor(name)
		if !ok {
			return nil, nil, badRequest("Parsing OData Select and Expand failed: Could not find a property named '" + name + "' on type 'microsoft.graph.user'.")
		}
		out = append(out, c)
		clean = append(clean, name)
	}
	return out, clean, nil
}
