package reason

// inside are codes that stand in logs alone: outside they are internal, unavailable or deadline.
var inside = Group{Title: "Inside", About: "Codes that stand in logs alone: outside they are internal, unavailable or deadline.", Reasons: []Reason{
	{
		Name: RequestInvalid, Kinds: []Kind{KindInvalid}, Inside: true,
		Text: "The request is not valid.", Do: "Outside: invalid_argument.",
	},
	{
		Name: CallerRefused, Kinds: []Kind{KindDenied}, Inside: true,
		Text: "The calling service may not use this method.", Do: "Check the certificates and addresses of the services.",
	},
	{
		Name: CertificateMissing, Kinds: []Kind{KindUnauthenticated}, Inside: true,
		Text: "The caller showed no certificate.", Do: "Check the certificates of the services.",
	},
	{
		Name: ContextMissing, Kinds: []Kind{KindUnauthenticated}, Inside: true,
		Text: "The request does not say on whose behalf it is made.", Do: "Check the certificates of the services.",
	},
	{
		Name: ContextInvalid, Kinds: []Kind{KindUnauthenticated}, Inside: true,
		Text: "The request's context cannot be trusted.", Do: "Check the certificates of the services.",
	},
	{
		Name: ContextExpired, Kinds: []Kind{KindUnauthenticated}, Inside: true,
		Text: "The request's context cannot be trusted.", Do: "Check the clocks of the machines.",
	},
	{
		Name: TenantInvalid, Kinds: []Kind{KindInvalid, KindInternal}, Inside: true,
		Text: "The tenant id is not well formed.", Do: "Look at the logs.",
	},
	{
		Name: TenantMissing, Kinds: []Kind{KindUnauthenticated}, Inside: true,
		Text: "The request does not say for which tenant it is made.", Do: "Look at the logs.",
	},
	{
		Name: DatabaseUnavailable, Kinds: []Kind{KindUnavailable}, Inside: true,
		Text: "The database cannot be reached at the moment.", Do: "See that PostgreSQL runs.",
	},
	{
		Name: DatabaseContention, Kinds: []Kind{KindUnavailable}, Inside: true,
		Text: "Somebody else changed the same data; try again.", Do: "Try again.",
	},
	{
		Name: DatabaseBusy, Kinds: []Kind{KindUnavailable}, Inside: true,
		Text: "The data is in use; try again.", Do: "Try again.",
	},
	{
		Name: DatabaseTimeout, Kinds: []Kind{KindDeadline}, Inside: true,
		Text: "The database took too long.", Do: "Look at the load of PostgreSQL.",
	},
	{
		Name: DatabaseOverloaded, Kinds: []Kind{KindUnavailable}, Inside: true,
		Text: "The database has no room left.", Do: "Give PostgreSQL more connections, memory or disk.",
	},
	{
		Name: DatabaseError, Kinds: []Kind{KindInternal}, Inside: true,
		Text: "The database refused a statement.", Do: "Look at the logs.",
	},
	{
		Name: IDMalformed, Kinds: []Kind{KindInternal}, Inside: true,
		Text: "An id is not well formed.", Do: "Look at the logs.",
	},
	{
		Name: DuplicateIdentity, Kinds: []Kind{KindInvalid}, Inside: true,
		Text: "An identity is named twice.", Do: "Look at the logs.",
	},
	{
		Name: EffectInvalid, Kinds: []Kind{KindInvalid}, Inside: true,
		Text: "The effect id is not well formed.", Do: "Look at the logs.",
	},
	{
		Name: EffectNotFound, Kinds: []Kind{KindNotFound}, Inside: true,
		Text: "There is no such effect.", Do: "Look at the logs.",
	},
	{
		Name: EventInvalid, Kinds: []Kind{KindInvalid}, Inside: true,
		Text: "An event id is not well formed.", Do: "Look at the logs.",
	},
	{
		Name: MalformedEffect, Kinds: []Kind{KindInvalid}, Inside: true,
		Text: "The effect has no revision that could be read.", Do: "Look at the logs.",
	},
	{
		Name: UnknownEffect, Kinds: []Kind{KindInvalid}, Inside: true,
		Text: "Nobody knows how to do this.", Do: "Update the worker.",
	},
}}
