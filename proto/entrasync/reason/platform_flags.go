package reason

// platformFlags are codes of the platform's routes.
var platformFlags = Group{Title: "Platform flags", About: "Codes of the platform's routes.", Reasons: []Reason{
	{
		Name: FlagExists, Kinds: []Kind{KindConflict},
		Text: "A flag with this key exists.", Do: "Use the one that exists.",
	},
	{
		Name: FlagUnknown, Kinds: []Kind{KindNotFound},
		Text: "There is no such flag.", Do: "Create the flag first, or correct its key.",
	},
}}
