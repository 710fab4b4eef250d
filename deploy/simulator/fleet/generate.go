package fleet

import (
	"strconv"
	"strings"
	"time"
)

// kind is the sort of account a slot holds.
type kind uint8

const (
	kindPerson kind = iota
	kindGuest
	kindDisabled
	kindService
	kindSharedMailbox
	kindNoMail
	kindStateUnknown
)

// Two neighbouring slots of every block share an address: at sharedMailSlot
// the second account's mail is the first one's in another letter case, at
// sharedOtherSlot the second account has it as an alias.
const (
	blockSize       = 100
	sharedMailSlot  = 31
	sharedOtherSlot = 61
)

// sharesAddress says whether the slot shares an address with the slot before.
func (f *Fleet) sharesAddress(t *Tenant, slot int) bool {
	offset := slot % blockSize
	if offset != sharedMailSlot && offset != sharedOtherSlot {
		return false
	}
	return slot < t.Generated && mix(f.cfg.Seed, 8, uint64(t.Index), uint64(slot))%2 == 0
}

// inPair says whether the slot is either half of such a pair.
func (f *Fleet) inPair(t *Tenant, slot int) bool {
	return f.sharesAddress(t, slot) || f.sharesAddress(t, slot+1)
}

// person is who a slot is, as far as neighbours and the MSP need to know.
type person struct {
	kind         kind
	pool         *people
	given, sur   name
	account      name // of a machine or a shared mailbox
	local        string
	mailDomain   string
	guestDomain  string
	hasAlias     bool
	shoutingMail bool
	titleMail    bool
	mail         string // the address as the directory writes it; empty without one
	dice         dice   // for what is left to decide
}

func (f *Fleet) person(t *Tenant, slot int) person {
	d := dice(mix(f.cfg.Seed, 4, uint64(t.Index), uint64(slot)))
	p := person{kind: kindOf(&d)}
	if slot < 3 || f.inPair(t, slot) {
		p.kind = kindPerson
	}
	odd := f.oddityAt(t, slot) != notOdd
	pool := t.pool
	if d.chance(300) {
		pool = d.intn(len(pools))
	}
	p.pool = &pools[pool]
	p.given, p.sur = pick(&d, p.pool.given), pick(&d, p.pool.surname)
	if odd {
		f.oddPerson(t, slot, &p)
	}
	p.mailDomain = t.DefaultDomain()
	if len(t.Domains) > 2 && d.chance(150) {
		p.mailDomain = t.Domains[2+d.intn(len(t.Domains)-2)].Name
	}
	p.hasAlias, p.shoutingMail, p.titleMail = d.chance(200), d.chance(30), d.chance(100)
	p.guestDomain = pick(&d, guestHomes)
	p.local = p.localPart(&d, slot)
	if odd {
		f.oddLocal(t, slot, &p)
	}
	switch {
	case p.kind == kindNoMail:
	case p.kind == kindGuest:
		if !d.chance(50) {
			p.mail = p.local + "@" + p.guestDomain
		}
	case p.shoutingMail:
		p.mail = strings.ToUpper(p.local + "@" + p.mailDomain)
	case p.titleMail:
		p.mail = strings.ToUpper(p.local[:1]) + p.local[1:] + "@" + p.mailDomain
	default:
		p.mail = p.local + "@" + p.mailDomain
	}
	p.dice = d
	return p
}

func kindOf(d *dice) kind {
	switch n := d.intn(1000); {
	case n < 50:
		return kindGuest
	case n < 90:
		return kindDisabled
	case n < 120:
		return kindService
	case n < 150:
		return kindSharedMailbox
	case n < 190:
		return kindNoMail
	case n < 195:
		return kindStateUnknown
	}
	return kindPerson
}

// localPart ends with the slot's number, which makes it unique.
func (p *person) localPart(d *dice, slot int) string {
	number := strconv.Itoa(slot)
	switch p.kind {
	case kindService:
		p.account = pick(d, serviceAccounts)
		return p.account.ascii + number
	case kindSharedMailbox:
		shown := pick(d, sharedNames)
		p.account = name{shown: shown, ascii: strings.ToLower(strings.ReplaceAll(shown, " ", "."))}
		return p.account.ascii + number
	}
	switch d.intn(3) {
	case 0:
		return p.given.ascii[:1] + p.sur.ascii + number
	case 1:
		return p.sur.ascii + "." + p.given.ascii + number
	}
	return p.given.ascii + "." + p.sur.ascii + number
}

// alias is the second address of those who have one.
func (p *person) alias(slot int) string {
	return p.sur.ascii + "-" + strconv.Itoa(slot) + "@" + p.mailDomain
}

// generate makes the user of a slot from the seed alone.
func (f *Fleet) generate(t *Tenant, slot int) User {
	p := f.person(t, slot)
	d := p.dice
	u := User{
		ID:              f.userID(t.Index, slot),
		Slot:            slot,
		AccountEnabled:  Of(true),
		UserType:        Of("Member"),
		CreatedDateTime: t.CreatedAt.Add(time.Duration(d.intn(300*86400)) * time.Second),
		MailNickname:    Of(p.local),
	}
	u.UserPrincipalName = Of(p.local + "@" + t.DefaultDomain())
	if d.chance(20) {
		u.UserPrincipalName = Of(p.local + "@" + t.InitialDomain())
	}
	if p.mail != "" {
		u.Mail = Of(p.mail)
	}
	f.fillPerson(t, &p, &u, &d)
	switch p.kind {
	case kindGuest:
		fillGuest(t, &p, &u)
	case kindDisabled:
		u.AccountEnabled = Of(false)
		if d.chance(600) {
			u.LicenceSKUs = nil
		}
	case kindService:
		fillAccount(&p, &u)
	case kindSharedMailbox:
		fillAccount(&p, &u)
		u.AccountEnabled = Of(false)
	case kindStateUnknown:
		u.AccountEnabled = Flag{}
	case kindPerson, kindNoMail:
	}
	f.fillAddresses(t, &p, &u, &d)
	if f.sharesAddress(t, slot) {
		f.shareAddress(t, slot, &u)
	}
	f.makeOdd(t, slot, &p, &u)
	return u
}

func (f *Fleet) fillPerson(t *Tenant, p *person, u *User, d *dice) {
	full := p.given.shown + p.pool.glue + p.sur.shown
	if p.pool.surnameFirst {
		full = p.sur.shown + p.pool.glue + p.given.shown
	}
	u.DisplayName = Of(full)
	if !d.chance(30) {
		u.GivenName, u.Surname = Of(p.given.shown), Of(p.sur.shown)
	}
	if !d.chance(20) {
		u.LicenceSKUs = []string{pick(d, licences)}
		if d.chance(150) {
			u.LicenceSKUs = []string{licences[0], licences[2]}
		}
	}
	u.JobTitle = optional(d, jobTitles, 700)
	u.Department = optional(d, departments, 650)
	u.PreferredLanguage = optional(d, []string{p.pool.language}, 500)
	if d.chance(450) {
		u.MobilePhone = Of("+44 7" + strconv.Itoa(100000000+d.intn(899999999)))
	}
	if d.chance(500) {
		u.BusinessPhones = []string{"+44 20 7946 0" + strconv.Itoa(100+d.intn(899))}
	}
	if d.chance(400) {
		place := d.intn(len(cities))
		u.City, u.Country, u.UsageLocation = Of(cities[place]), Of(countries[place]), Of(usage[place])
		u.OfficeLocation = Of(strconv.Itoa(1+d.intn(9)) + ". OG / " + strconv.Itoa(d.intn(99)))
	}
	if d.chance(300) {
		u.CompanyName = Of(t.DisplayName)
		u.EmployeeID = Of(strconv.Itoa(10000 + u.Slot))
	}
	if t.Index%3 == 1 && d.chance(800) {
		u.OnPremisesSyncEnabled = Of(true)
		u.OnPremisesSamAccountName = Of(p.local)
		u.OnPremisesImmutableID = Of(guid(d.next(), d.next())[:22] + "==")
	}
}

// optional picks a value in permille of 1000 cases; of the rest a few had a
// value once.
func optional(d *dice, from []string, permille int) Text {
	n := d.intn(1000)
	switch {
	case n < permille:
		return Of(pick(d, from))
	case n > 960:
		return Text{State: Cleared}
	}
	return Text{}
}

func fillGuest(t *Tenant, p *person, u *User) {
	u.UserType = Of("Guest")
	u.CreationType = Of("Invitation")
	u.ExternalUserState = Of("Accepted")
	u.UserPrincipalName = Of(p.local + "_" + p.guestDomain + "#EXT#@" + t.InitialDomain())
	u.MailNickname = Of(p.local + "_" + p.guestDomain + "#EXT#")
	u.LicenceSKUs, u.BusinessPhones = nil, nil
	u.OnPremisesSyncEnabled, u.OnPremisesSamAccountName, u.OnPremisesImmutableID = Flag{}, Text{}, Text{}
}

func fillAccount(p *person, u *User) {
	u.DisplayName = Of(p.account.shown)
	u.GivenName, u.Surname, u.JobTitle, u.MobilePhone = Text{}, Text{}, Text{}, Text{}
	u.LicenceSKUs, u.BusinessPhones = nil, nil
}

func (f *Fleet) fillAddresses(t *Tenant, p *person, u *User, d *dice) {
	if p.kind == kindGuest {
		if p.mail != "" {
			u.OtherMails = []string{p.mail}
			u.ProxyAddresses = []string{"SMTP:" + p.mail}
		}
		return
	}
	if p.mail == "" {
		if d.chance(250) {
			u.OtherMails = []string{p.local + "@" + pick(d, guestHomes)}
		}
		return
	}
	u.ProxyAddresses = append(make([]string, 0, 4), "SMTP:"+p.mail, "smtp:"+p.local+"@"+t.InitialDomain())
	if p.hasAlias {
		u.ProxyAddresses = append(u.ProxyAddresses, "smtp:"+p.alias(u.Slot))
	}
	if d.chance(60) {
		u.ProxyAddresses = append(u.ProxyAddresses, "SIP:"+u.UserPrincipalName.Value)
	}
	if d.chance(40) {
		u.ProxyAddresses = append(u.ProxyAddresses, "X500:/o=ExchangeLabs/ou=Exchange Administrative Group (FYDIBOHF23SPDLT)/cn=Recipients/cn="+p.local)
	}
}

// shareAddress gives the user an address of the user before.
func (f *Fleet) shareAddress(t *Tenant, slot int, u *User) {
	before := f.person(t, slot-1).mail
	if slot%blockSize == sharedOtherSlot {
		u.ProxyAddresses = append(u.ProxyAddresses, "smtp:"+before)
		return
	}
	u.Mail = Of(swapCase(before))
	u.ProxyAddresses = []string{"smtp:" + u.MailNickname.Value + "@" + t.InitialDomain()}
}

func swapCase(s string) string {
	if up := strings.ToUpper(s); up != s {
		return up
	}
	return strings.ToLower(s)
}
