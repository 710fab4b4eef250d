package syncengine

import (
	"slices"
	"strconv"
	"strings"
)

// filterWords say what each filter looks at, what it means to hit it, and what it means that
// the settings do not ask for it; one without those words is always asked.
var filterWords = map[string]struct{ passed, hit, off string }{
	FilterErased: {
		passed: "The person was not erased on request.",
		hit:    "The person, or one who had the same address, was erased on request (GDPR), and is left out since: lift the erasure if the person may be synced again.",
		off:    "Nobody was erased on request.",
	},
	FilterDisabled: {
		passed: "The account is enabled, or not known not to be.",
		hit:    "The account is disabled.",
	},
	FilterUnknownState: {
		passed: "Microsoft says whether the account is enabled.",
		hit:    "Microsoft does not say whether the account is enabled.",
	},
	FilterMissingUPN: {
		passed: "The account has a valid sign-in name.",
		hit:    "The account has no valid sign-in name.",
	},
	FilterNeverIncluded: {
		passed: "Nobody keeps the person out by hand.",
		hit:    "Somebody keeps the person out by hand: filters.neverInclude names",
		off:    "Nobody is kept out by hand.",
	},
	filterIncluded: {
		passed: "Nobody includes the person by hand.",
		hit:    "Somebody includes the person by hand, so that no other filter counts: filters.alwaysInclude names",
		off:    "Nobody is included by hand.",
	},
	FilterServiceAccount: {
		passed: "It does not look like a service account.",
		hit:    "It looks like a service account, by the pattern",
		off:    "Service accounts are not left out.",
	},
	FilterCustom: {
		passed: "None of your own patterns matches the sign-in name, the display name or the mail address.",
		hit:    "One of your own patterns matches the sign-in name, the display name or the mail address:",
		off:    "There are no patterns of your own.",
	},
	FilterGuest: {
		passed: "The account is no guest.",
		hit:    "The account is a guest, and guests are left out.",
		off:    "Guests are not left out.",
	},
	FilterUnlicensed: {
		passed: "The account has a licence.",
		hit:    "The account has no licence, and such accounts are left out.",
		off:    "Accounts without a licence are not left out.",
	},
	FilterGroupScope: {
		passed: "The person is in one of the chosen groups.",
		hit:    "The person is in none of the groups by which people are chosen.",
		off:    "People are not chosen by groups.",
	},
	FilterNoAddress: {
		passed: "There is an address of its own that a contact can have.",
		hit:    "None of its own addresses can be a contact's.",
	},
}

// recordStep says whether the record could be taken.
func (x *explaining) recordStep(id *Identity) {
	if id.Failure == "" {
		x.step("record", StepPassed, "The record can be read.")
		return
	}
	x.step("record", StepStopped, "The record cannot be taken: "+id.Failure+". It is counted as failed, and the rest of the directory goes on.")
}

// filterSteps says of each filter, in the order in which they are tried, what it says.
func (x *explaining) filterSteps(reader *Reader, u *User, s Settings) {
	upn, _ := ReadAddress(u.UserPrincipalName)
	from := addressesOf(u, upn)
	addresses, own := from.inOrder()
	reads := readingOf(u, upn, &from, addresses[:own])
	ended := false
	for i := range filterChecks {
		check := &filterChecks[i]
		words := filterWords[check.reason]
		switch {
		case ended:
			x.step(check.reason, StepSkipped, "Not asked: an earlier filter decided.")
		case !check.on(reader.filters):
			x.step(check.reason, StepSkipped, words.off)
		default:
			pattern, hit := check.hit(reader.filters, u, reads)
			switch {
			case !hit:
				x.step(check.reason, StepPassed, words.passed)
			case check.passes:
				ended = true
				x.step(check.reason, StepPassed, words.hit+" "+pattern+".")
			default:
				ended = true
				x.step(check.reason, StepStopped, strings.TrimSpace(words.hit+" "+patternPlace(check.reason, pattern, s)))
			}
		}
	}
	words := filterWords[FilterNoAddress]
	if own == 0 && !ended {
		x.step(FilterNoAddress, StepStopped, words.hit)
		return
	}
	if own > 0 {
		x.step(FilterNoAddress, StepPassed, words.passed)
	}
}

// patternPlace is a pattern and where it stands in the settings.
func patternPlace(why, pattern string, s Settings) string {
	if pattern == "" {
		return ""
	}
	if at := slices.Index(s.CustomPatterns, pattern); why == FilterCustom && at >= 0 {
		return patternsField + "[" + strconv.Itoa(at) + "], \"" + pattern + "\"."
	}
	return "\"" + pattern + "\"."
}

// addressSteps says what becomes of each address that the person has, in the order in
// which contacts are looked for by them.
func (x *explaining) addressSteps(u *User) {
	upn, _ := ReadAddress(u.UserPrincipalName)
	from := addressesOf(u, upn)
	email, _ := from.email()
	say := func(what string, address Address) {
		if address.Norm == "" {
			return
		}
		text := address.Norm + ": " + what
		if address.Norm == email.Norm {
			text += " A contact that is made gets it as its e-mail address."
		}
		x.step("address", StepNoted, text)
	}
	if from.mail.Norm == "" && u.Mail != "" {
		x.step("address", StepSkipped, "The mail field holds no address.")
	}
	what := "the mail address."
	if mail, _ := ReadAddress(u.Mail); mail.Norm == "" {
		what = "another mail address, which stands for a guest's mail."
	}
	say(what, from.mail)
	for _, primary := range from.primary {
		say("the primary address of the mailbox.", primary)
	}
	say("the sign-in name.", from.upn)
	if from.upn.Norm == "" && upn.Norm != "" {
		x.step("address", StepSkipped, "The sign-in name of a guest is made of an address and is none.")
	}
	for _, alias := range from.aliases {
		say("an alias. It finds only an active contact whose name shares a word with the person's; else a person decides.", alias)
	}
	if rest := len(u.OtherMails); rest > 0 && from.mail.Norm != "" && !strings.EqualFold(u.UserType, userTypeGuest) {
		x.step("address", StepSkipped, "Other mail addresses are for recovering a password and find nobody.")
	}
}
