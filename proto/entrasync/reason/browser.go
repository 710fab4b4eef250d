package reason

// browser are codes that the browser comes back with after a sign-in.
var browser = Group{Title: "Browser", About: "Codes that the browser comes back with after a sign-in.", Reasons: []Reason{
	{
		Name: MissingParams, Kinds: []Kind{KindInvalid},
		Text: "Microsoft's answer was incomplete.", Do: "Start connecting again.",
	},
	{
		Name: InvalidState, Kinds: []Kind{KindNotFound},
		Text: "This sign-in was not started here, or was used before.", Do: "Start again; use each address once.",
	},
	{
		Name: ExpiredState, Kinds: []Kind{KindInvalid},
		Text: "The sign-in took longer than ten minutes.", Do: "Start again.",
	},
	{
		Name: SessionMismatch, Kinds: []Kind{KindInvalid},
		Text: "The sign-in was started in another browser session.", Do: "Start and finish in one browser.",
	},
	{
		Name: TokenExchangeFailed, Kinds: []Kind{KindPrecondition},
		Text: "Microsoft did not accept the sign-in.", Do: "Check the secret and the redirect URI, then start again.",
	},
	{
		Name: ProbeFailed, Kinds: []Kind{KindPrecondition},
		Text: "Microsoft Graph could not be read with the new sign-in.", Do: "Try again; see the log of connection.",
	},
	{
		Name: ProviderError, Kinds: []Kind{KindPrecondition},
		Text: "Microsoft sent no valid error code.", Do: "Start again.",
	},
}}
