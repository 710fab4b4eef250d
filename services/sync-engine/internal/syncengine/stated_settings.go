package syncengine

import (
	"reflect"
	"strings"
	"time"
)

// Stated are settings as somebody states them, a change or a managed tenant of its
// own: nil is what is not said. Lists may be stated and empty.
type Stated struct {
	AutomaticSync   *bool `json:"automaticSync,omitempty"`
	IntervalMinutes *int  `json:"intervalMinutes,omitempty"`

	Guests          *bool     `json:"guests,omitempty"`
	Unlicensed      *bool     `json:"unlicensed,omitempty"`
	ServiceAccounts *bool     `json:"serviceAccounts,omitempty"`
	CustomPatterns  *[]string `json:"customPatterns,omitempty"`
	Groups          *[]string `json:"groups,omitempty"`
	AlwaysInclude   *[]string `json:"alwaysInclude,omitempty"`
	NeverInclude    *[]string `json:"neverInclude,omitempty"`

	DisplayName *bool `json:"displayName,omitempty"`
	Email       *bool `json:"email,omitempty"`
	Phone       *bool `json:"phone,omitempty"`
	Role        *bool `json:"role,omitempty"`
	UPN         *bool `json:"upn,omitempty"`

	MarkInactiveWhenDisabled    *bool `json:"markInactiveWhenDisabled,omitempty"`
	AllowSameEmailAcrossClients *bool `json:"allowSameEmailAcrossClients,omitempty"`
	GuardMinCount               *int  `json:"guardMinCount,omitempty"`
	GuardPercent                *int  `json:"guardPercent,omitempty"`
}

// SettingsState are the settings of a tenant, or what a managed tenant has of its
// own, as they stand.
type SettingsState struct {
	ManagedTenantID string // empty for the tenant's
	Stated          Stated // of the tenant: everything
	Version         int64  // 0 for a managed tenant that never had anything of its own
	UpdatedAt       *time.Time
	UpdatedBy       string // a person's id; empty when nobody changed anything
}

// SettingsChange is one change that was made.
type SettingsChange struct {
	ID              string // ordered by time
	ManagedTenantID string // empty for the tenant's settings
	Version         int64  // after it
	At              time.Time
	By              string   // a person's id; empty for the first initial sync
	Fields          []string // paths as in "filters.guests"
	Before, After   Stated
}

// settingField is one field of the settings: where it stands in the contract,
// whether a managed tenant may have its own, and how to reach it.
type settingField struct {
	path string
	own  bool
	get  func(s *Stated) any // nil for what is not said
	copy func(to, from *Stated)
}

// The paths that change when a tenant is synced.
const (
	automaticSyncField   = "automaticSync"
	intervalMinutesField = "intervalMinutes"
)

// settingFields are all fields, in the contract's order.
var settingFields = []settingField{
	fieldAt(automaticSyncField, false, func(s *Stated) **bool { return &s.AutomaticSync }),
	fieldAt(intervalMinutesField, false, func(s *Stated) **int { return &s.IntervalMinutes }),
	fieldAt("filters.guests", true, func(s *Stated) **bool { return &s.Guests }),
	fieldAt("filters.unlicensed", true, func(s *Stated) **bool { return &s.Unlicensed }),
	fieldAt("filters.serviceAccounts", true, func(s *Stated) **bool { return &s.ServiceAccounts }),
	fieldAt(patternsField, true, func(s *Stated) **[]string { return &s.CustomPatterns }),
	fieldAt(groupsField, true, func(s *Stated) **[]string { return &s.Groups }),
	fieldAt(alwaysField, true, func(s *Stated) **[]string { return &s.AlwaysInclude }),
	fieldAt(neverField, true, func(s *Stated) **[]string { return &s.NeverInclude }),
	fieldAt("fieldRules.displayName", true, func(s *Stated) **bool { return &s.DisplayName }),
	fieldAt("fieldRules.email", true, func(s *Stated) **bool { return &s.Email }),
	fieldAt("fieldRules.phone", true, func(s *Stated) **bool { return &s.Phone }),
	fieldAt("fieldRules.role", true, func(s *Stated) **bool { return &s.Role }),
	fieldAt("fieldRules.upn", true, func(s *Stated) **bool { return &s.UPN }),
	fieldAt("markInactiveWhenDisabled", false, func(s *Stated) **bool { return &s.MarkInactiveWhenDisabled }),
	fieldAt("allowSameEmailAcrossClients", false, func(s *Stated) **bool { return &s.AllowSameEmailAcrossClients }),
	fieldAt("guard.minCount", false, func(s *Stated) **int { return &s.GuardMinCount }),
	fieldAt("guard.percent", false, func(s *Stated) **int { return &s.GuardPercent }),
}

func fieldAt[T any](path string, own bool, of func(*Stated) **T) settingField {
	return settingField{
		path: path, own: own,
		get: func(s *Stated) any {
			if value := *of(s); value != nil {
				return *value
			}
			return nil
		},
		copy: func(to, from *Stated) { *of(to) = *of(from) },
	}
}

// within reports whether a path is the field's, or that of a group it stands in.
func (f settingField) within(path string) bool {
	return f.path == path || strings.HasPrefix(f.path, path+".")
}

// Fields are the paths of what is stated.
func (s Stated) Fields() (paths []string) {
	for _, f := range settingFields {
		if f.get(&s) != nil {
			paths = append(paths, f.path)
		}
	}
	return paths
}

// Over is what holds where s is stated over a base.
func (s Stated) Over(base Stated) Stated {
	for _, f := range settingFields {
		if f.get(&s) != nil {
			f.copy(&base, &s)
		}
	}
	return base
}

// without takes back what a path names.
func (s Stated) without(path string) Stated {
	for _, f := range settingFields {
		if f.within(path) {
			f.copy(&s, &Stated{})
		}
	}
	return s
}

// changedFields are the paths in which two differ.
func changedFields(before, after Stated) (paths []string) {
	for _, f := range settingFields {
		if !reflect.DeepEqual(f.get(&before), f.get(&after)) {
			paths = append(paths, f.path)
		}
	}
	return paths
}

// State says everything of the settings.
func (s Settings) State() Stated {
	return Stated{
		AutomaticSync: &s.AutomaticSync, IntervalMinutes: &s.IntervalMinutes, Guests: &s.FilterGuests, Unlicensed: &s.FilterUnlicensed,
		ServiceAccounts: &s.FilterServiceAccounts, CustomPatterns: &s.CustomPatterns, Groups: &s.Groups, AlwaysInclude: &s.AlwaysInclude,
		NeverInclude: &s.NeverInclude, DisplayName: &s.FieldDisplayName, Email: &s.FieldEmail, Phone: &s.FieldPhone, Role: &s.FieldRole,
		UPN: &s.FieldUPN, MarkInactiveWhenDisabled: &s.MarkInactiveWhenDisabled, AllowSameEmailAcrossClients: &s.AllowSameEmailAcrossClients,
		GuardMinCount: &s.GuardMinCount, GuardPercent: &s.GuardPercent,
	}
}

// With are the settings where some are stated differently.
func (s Settings) With(stated Stated) Settings {
	full := stated.Over(s.State())
	return Settings{
		AutomaticSync: *full.AutomaticSync, IntervalMinutes: *full.IntervalMinutes, FilterGuests: *full.Guests, FilterUnlicensed: *full.Unlicensed,
		FilterServiceAccounts: *full.ServiceAccounts, CustomPatterns: *full.CustomPatterns, Groups: *full.Groups, AlwaysInclude: *full.AlwaysInclude,
		NeverInclude: *full.NeverInclude, FieldDisplayName: *full.DisplayName, FieldEmail: *full.Email, FieldPhone: *full.Phone, FieldRole: *full.Role,
		FieldUPN: *full.UPN, MarkInactiveWhenDisabled: *full.MarkInactiveWhenDisabled, AllowSameEmailAcrossClients: *full.AllowSameEmailAcrossClients,
		GuardMinCount: *full.GuardMinCount, GuardPercent: *full.GuardPercent, Erased: s.Erased, Lifted: s.Lifted,
	}
}
