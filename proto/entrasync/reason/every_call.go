package reason

// everyCall are codes that any call can be refused with.
var everyCall = Group{Title: "Every call", About: "Codes that any call can be refused with.", Reasons: []Reason{
	{
		Name: EditionRequired, Kinds: []Kind{KindUnimplemented},
		Text: "The enterprise edition is needed for this.", Do: "Run the enterprise edition.",
	},
	{
		Name: Unauthenticated, Kinds: []Kind{KindUnauthenticated},
		Text: "The request is not authenticated.", Do: "Send a valid token of a known issuer and audience; for the platform's routes, the key.",
	},
	{
		Name: IdentityUnavailable, Kinds: []Kind{KindUnavailable},
		Text: "Sign-in cannot be checked at the moment.", Do: "Try again; see that the issuer can be reached.",
	},
	{
		Name: RateLimited, Kinds: []Kind{KindExhausted},
		Text: "Too many requests.", Do: "Wait as long as Retry-After says.",
	},
	{
		Name: TenantBusy, Kinds: []Kind{KindExhausted},
		Text: "Too many changes of this organisation are waiting; try again in a moment.", Do: "Wait as long as Retry-After says; send fewer calls at once, and watch fewer runs.",
	},
	{
		Name: Overloaded, Kinds: []Kind{KindUnavailable},
		Text: "Too much is being served at the moment.", Do: "Wait as long as Retry-After says.",
	},
	{
		Name: ClientUserDenied, Kinds: []Kind{KindDenied},
		Text: "Users of the client portal may not do this.", Do: "Ask a person of the MSP.",
	},
	{
		Name: PermissionDenied, Kinds: []Kind{KindDenied},
		Text: "You do not have the permission that this needs.", Do: "Give the person the permission.",
	},
	{
		Name: CSRFTokenInvalid, Kinds: []Kind{KindDenied},
		Text: "The request does not come from the page that you signed in with. Load the page again.",
		Do:   "Send the session's csrfToken, which GET /auth/session gives, in the header X-CSRF-Token, from a page of the gateway's own origin.",
	},
	{
		Name: SignInRefused, Kinds: []Kind{KindUnauthenticated},
		Text: "The sign-in was cancelled or refused.", Do: "Sign in again; see at the identity provider why it refuses.",
	},
	{
		Name: PersonRequired, Kinds: []Kind{KindDenied},
		Text: "Only a person can do this.", Do: "Sign in as a person.",
	},
	{
		Name: FeatureDisabled, Kinds: []Kind{KindNotFound},
		Text: "This feature is not enabled.", Do: "Turn the flag on for the tenant.",
	},
	{
		Name: InvalidArgument, Kinds: []Kind{KindInvalid},
		Text: "The request is not valid.", Do: "Correct the fields in violations.",
	},
	{
		Name: RequestTooLarge, Kinds: []Kind{KindExhausted}, Status: 413,
		Text: "The request is larger than is accepted.", Do: "Send smaller batches.",
	},
	{
		Name: UnsupportedMediaType, Kinds: []Kind{KindInvalid}, Status: 415,
		Text: "The request's body is of a type that is not read here.", Do: "Send JSON, or the CSV where the route takes one, uncompressed.",
	},
	{
		Name: MethodNotAllowed, Kinds: []Kind{KindUnimplemented}, Status: 405,
		Text: "This address does not take that method.", Do: "Use a method that the Allow header names.",
	},
	{
		Name: NotFound, Kinds: []Kind{KindNotFound},
		Text: "It was not found.", Do: "Check the id and the address; another tenant's id is answered so too.",
	},
	{
		Name: IdempotencyKeyReused, Kinds: []Kind{KindConflict},
		Text: "This Idempotency-Key was used for another request.", Do: "Use a new key for another request.",
	},
	{
		Name: IdempotencyInProgress, Kinds: []Kind{KindConflict},
		Text: "The first request with this Idempotency-Key still runs.", Do: "Wait for the first.",
	},
	{
		Name: AlreadyDone, Kinds: []Kind{KindConflict},
		Text: "This request was done before. Its answer was too long to be kept: ask for the present state.", Do: "Ask for the present state; the request was done.",
	},
	{
		Name: AuditUnavailable, Kinds: []Kind{KindUnavailable},
		Text: "The change cannot be recorded at the moment, so it was not made.", Do: "Try again after Retry-After.",
	},
	{
		Name: AlreadyExists, Kinds: []Kind{KindConflict},
		Text: "It already exists.", Do: "Look at what exists.",
	},
	{
		Name: ReferenceBroken, Kinds: []Kind{KindPrecondition},
		Text: "Something it refers to is missing or still in use.", Do: "Look at what it refers to.",
	},
	{
		Name: ValueRefused, Kinds: []Kind{KindInvalid},
		Text: "A value is not allowed.", Do: "Correct the request.",
	},
	{
		Name: ValueMissing, Kinds: []Kind{KindInvalid},
		Text: "A value is missing.", Do: "Correct the request.",
	},
	{
		Name: ValueTooLong, Kinds: []Kind{KindInvalid},
		Text: "A value is too long.", Do: "Correct the request.",
	},
	{
		Name: ValueOutOfRange, Kinds: []Kind{KindInvalid},
		Text: "A number is out of range.", Do: "Correct the request.",
	},
	{
		Name: ValueInvalid, Kinds: []Kind{KindInvalid},
		Text: "A value is not well formed.", Do: "Correct the request.",
	},
	{
		Name: Cancelled, Kinds: []Kind{KindCancelled},
		Text: "The request was cancelled.", Do: "Send it again.",
	},
	{
		Name: Deadline, Kinds: []Kind{KindDeadline},
		Text: "The request took too long.", Do: "Try again; ask for less at once.",
	},
	{
		Name: Unavailable, Kinds: []Kind{KindUnavailable},
		Text: "A part of the system cannot be reached at the moment.", Do: "Try again.",
	},
	{
		Name: NotReady, Kinds: []Kind{KindUnavailable},
		Text: "Requests cannot be served at the moment.", Do: "Try again.",
	},
	{
		Name: Stopping, Kinds: []Kind{KindUnavailable},
		Text: "The service is stopping; try again.", Do: "Try again.",
	},
	{
		Name: Unimplemented, Kinds: []Kind{KindUnimplemented},
		Text: "This is not available.", Do: "Update the part that does not know the call.",
	},
	{
		Name: Internal, Kinds: []Kind{KindInternal},
		Text: "Something went wrong on our side.", Do: "Try again; if it fails again, look at the logs for the request id.",
	},
}}
