package reason

// mapping are codes of managed tenants and decisions about them.
var mapping = Group{Title: "Discovery and mapping", About: "Codes of managed tenants and decisions about them.", Reasons: []Reason{
	{
		Name: DiscoveryNotFound, Kinds: []Kind{KindNotFound},
		Text: "There is no such discovery.", Do: "Start a discovery.",
	},
	{
		Name: ManagedTenantNotFound, Kinds: []Kind{KindNotFound},
		Text: "There is no such managed tenant.", Do: "Check the id; discover again.",
	},
	{
		Name: ClientNotFound, Kinds: []Kind{KindNotFound},
		Text: "There is no such client.", Do: "Check the id; load the host's clients.",
	},
	{
		Name: ClientDeleted, Kinds: []Kind{KindConflict},
		Text: "This client has been deleted.", Do: "Send its record again without deleted, or choose another.",
	},
	{
		Name: MappingConflict, Kinds: []Kind{KindConflict},
		Text: "The decisions conflict.", Do: "Look at the violations; read the preview again and decide again.",
	},
	{
		Name: CursorExpired, Kinds: []Kind{KindPrecondition}, Status: 410,
		Text: "The cursor is older than what is kept.", Do: "List all contacts again, and follow the feed from the changesCursor of that list.",
	},
	{
		Name: TooManyWebhooks, Kinds: []Kind{KindPrecondition},
		Text: "There are 20 webhooks already.", Do: "Delete one of them first.",
	},
	{
		Name: StaleVersion, Kinds: []Kind{KindConflict},
		Text: "Somebody else changed this in between. Read it again.", Do: "Read the preview, or the settings, again and decide again.",
	},
	{
		Name: NotMapped, Kinds: []Kind{KindNotFound, KindConflict, KindPrecondition},
		Text: "This managed tenant is not mapped to a client.", Do: "Map the managed tenant first.",
	},
	{
		Name: NoOrphans, Kinds: []Kind{KindNotFound},
		Text: "No links of this managed tenant wait for a decision.", Do: "There is nothing to decide.",
	},
	{
		Name: MappingChanged, Kinds: []Kind{KindConflict},
		Text: "The mapping changed while the work was under way.", Do: "Look at the mapping, then start again.",
	},
	{
		Name: MappingDiffers, Kinds: []Kind{KindPrecondition},
		Text: "The mapping is not the one that was announced before.", Do: "Unmap the managed tenant and map it again.",
	},
	{
		Name: DecisionDiffers, Kinds: []Kind{KindConflict},
		Text: "Another decision has this id.", Do: "Look at the links and decide again.",
	},
	{
		Name: DecisionFailed, Kinds: []Kind{KindConflict},
		Text: "The decision could not be done.", Do: "Look at the logs; look at the links and decide again.",
	},
	{
		Name: DecisionPending, Kinds: []Kind{KindConflict},
		Text: "Another decision about the same is being carried out.", Do: "Try again in a moment.",
	},
	{
		Name: DecisionStored, Kinds: []Kind{KindUnavailable},
		Text: "The decision is stored and will be carried out in a moment.", Do: "Read the item, or send the same request again.",
	},
	{
		Name: ItemClosed, Kinds: []Kind{KindConflict},
		Text: "This item is not open any more.", Do: "Read the item: somebody has decided, or there is nothing left to decide.",
	},
	{
		Name: ItemChanged, Kinds: []Kind{KindConflict},
		Text: "This item has changed since it was shown.", Do: "Look at the preview again.",
	},
	{
		Name: NotSuggested, Kinds: []Kind{KindConflict},
		Text: "This is not what is suggested for the item.", Do: "Decide about this item alone.",
	},
	{
		Name: NothingToUndo, Kinds: []Kind{KindConflict},
		Text: "There is no such decision to take back.", Do: "Read the item: its decisionNumber names the decision that stands.",
	},
	{
		Name: UndoExpired, Kinds: []Kind{KindConflict},
		Text: "The decision was made more than 24 hours ago.", Do: "Change the contact in the host, or unmap and leave the links.",
	},
	{
		Name: DecisionBuiltOn, Kinds: []Kind{KindConflict},
		Text: "Something was built on the decision since: the contact, its link or the question about the identity has changed.",
		Do:   "Change the contact in the host.",
	},
	{
		Name: ContactOfOtherClient, Kinds: []Kind{KindConflict},
		Text: "This contact belongs to another client than the item.", Do: "Choose a contact of the item's client.",
	},
	{
		Name: DeletedContact, Kinds: []Kind{KindConflict},
		Text: "This contact has been deleted.", Do: "Choose another contact, or resolve to a new one.",
	},
	{
		Name: ContactLinked, Kinds: []Kind{KindConflict},
		Text: "This contact is linked to another identity.", Do: "Choose another contact, or resolve to a new one.",
	},
	{
		Name: IdentityLinked, Kinds: []Kind{KindConflict},
		Text: "This identity is linked to a contact by now.", Do: "Nothing: the next sync closes the item.",
	},
	{
		Name: EffectsPending, Kinds: []Kind{KindConflict},
		Text: "The last change of the mapping has not been applied to the links yet. Try again in a moment.", Do: "Try again in a moment.",
	},
	{
		Name: StartPending, Kinds: []Kind{KindUnavailable},
		Text: "The sync has not been taken yet; it starts when the worker takes it.", Do: "Look at the runs.",
	},
	{
		Name: StartFailed, Kinds: []Kind{KindUnavailable},
		Text: "The sync could not be started.", Do: "Start the sync yourself.",
	},
}}
