package reason

var people = Group{Title: "People", About: "Codes of requests of people about their data.", Reasons: []Reason{
	{
		Name: PersonDiffers, Kinds: []Kind{KindConflict},
		Text: "Other contacts or identities are found for this person than the digest names.", Do: "Export the person again, look at what is found, and erase with its digest.",
	},
	{
		Name: PersonErased, Kinds: []Kind{KindConflict},
		Text: "This person was erased on request.", Do: "Nothing; or lift the erasure if the person may be synced again.",
	},
	{
		Name: ErasurePending, Kinds: []Kind{KindConflict},
		Text: "The erasure is not done yet.", Do: "Wait until it is done.",
	},
}}
