package reason

// groups are all reasons, in the order of the page.
var groups = []Group{
	{Title: "Every call", About: "Codes that any call can be refused with.", Reasons: []Reason{
		{
			Name: EditionRequired, Kinds: []Kind{KindUnimplemented},
			Text: "The enterprise edition is needed for this.", Do: "Run the enterprise edition.",
		},
		{
			Name: Unauthenticated, Kinds: []Kind{KindUnauthenticated},
			Text: "Nobody provable is asking.", Do: "Send a valid token of a known issuer and audience; for the platform's routes, the key.",
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
			Text: "Too many changes of this organisation are waiting; try again in a moment.", Do: "Wait as long as Retry-After says; send fewer changes at once.",
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
	}},
	{Title: "Platform flags", About: "Codes of the platform's routes.", Reasons: []Reason{
		{
			Name: FlagExists, Kinds: []Kind{KindConflict},
			Text: "A flag with this key exists.", Do: "Use the one that exists.",
		},
		{
			Name: FlagUnknown, Kinds: []Kind{KindNotFound},
			Text: "There is no such flag.", Do: "Create the flag first, or correct its key.",
		},
	}},
	{Title: "Connection", About: "Codes of connecting, and of reading directories.", Reasons: []Reason{
		{
			Name: NotConnected, Kinds: []Kind{KindPrecondition}, Class: ClassReconnect,
			Text: "There is no connection to Microsoft.", Do: "Connect the partner account.",
		},
		{
			Name: MissingCredentials, Kinds: []Kind{KindPrecondition}, Class: ClassReconnect,
			Text: "No Microsoft app registration is configured.", Do: "Set the client id and the client secret of an app registration, both.",
		},
		{
			Name: GrantMissing, Kinds: []Kind{KindPrecondition}, Class: ClassReconnect,
			Text: "The stored sign-in of the partner is not in the secret store any more.", Do: "Connect again. If the operator of entrasync has just switched to another store, switching back mends it too.",
		},
		{
			Name: RefreshFailed, Kinds: []Kind{KindPrecondition}, Class: ClassReconnect,
			Text: "Microsoft did not renew the sign-in.", Do: "Connect the partner account again; where one customer alone refuses, look at its sign-in logs.",
		},
		{
			Name: AuthRejected, Kinds: []Kind{KindPrecondition, KindUnavailable}, Class: ClassReconnect,
			Text: "Microsoft rejected the credentials.", Do: "Connect the partner account again.",
		},
		{
			Name: ConsentMissing, Kinds: []Kind{KindPrecondition}, Class: ClassCustomer,
			Text: "The customer's directory has not consented to the app.", Do: "Grant consent in the customer's tenant.",
		},
		{
			Name: GDAPEnded, Kinds: []Kind{KindPrecondition}, Class: ClassCustomer,
			Text: "The delegated access to the customer has ended.", Do: "Renew the GDAP relationship with the customer.",
		},
		{
			Name: ConditionalAccess, Kinds: []Kind{KindPrecondition}, Class: ClassCustomer,
			Text: "A Conditional Access policy of the customer refused the sign-in.", Do: "Exempt the partner's service account in the customer's policy.",
		},
		{
			Name: TenantGone, Kinds: []Kind{KindPrecondition}, Class: ClassCustomer,
			Text: "The customer's directory does not exist any more.", Do: "Unmap the managed tenant.",
		},
		{
			Name: GroupUnreadable, Kinds: []Kind{KindPrecondition}, Class: ClassCustomer,
			Text: "A group of the settings cannot be read in the customer's directory.", Do: "Correct the group, or remove it from the settings.",
		},
		{
			Name: Throttled, Kinds: []Kind{KindExhausted}, Class: ClassRetry,
			Text: "Microsoft limits the rate of requests.", Do: "Try again later.",
		},
		{
			Name: UpstreamError, Kinds: []Kind{KindUnavailable, KindPrecondition}, Class: ClassRetry,
			Text: "Microsoft answered with errors.", Do: "Try again later.",
		},
		{
			Name: Unreachable, Kinds: []Kind{KindUnavailable}, Class: ClassRetry,
			Text: "Microsoft cannot be reached.", Do: "Check the network, then try again.",
		},
		{
			Name: BaseUrlRefused, Kinds: []Kind{KindInvalid, KindPrecondition},
			Text: "Nothing is asked at this address.", Do: "Give another address.",
		},
		{
			Name: NotSupported, Kinds: []Kind{KindPrecondition},
			Text: "The provider does not do this.", Do: "Use another connection.",
		},
		{
			Name: CredentialsIncomplete, Kinds: []Kind{KindInvalid},
			Text: "An app registration needs its client id and one proof.", Do: "Send the client id with a secret or a certificate.",
		},
		{
			Name: AppCredentialsChanging, Kinds: []Kind{KindUnavailable},
			Text: "The app credentials are being replaced; try again.", Do: "Try again.",
		},
		{
			Name: CertificateInvalid, Kinds: []Kind{KindInvalid, KindUnauthenticated},
			Text: "This certificate cannot be used.", Do: "Send the private key and its certificate as PEM.",
		},
		{
			Name: ClientSecretRequired, Kinds: []Kind{KindInvalid},
			Text: "There is no stored secret for this address and app.", Do: "Send the secret too.",
		},
		{
			Name: ConnectionChanged, Kinds: []Kind{KindConflict},
			Text: "The connection was changed meanwhile.", Do: "Look at the connection and do it again.",
		},
		{
			Name: InvalidTenant, Kinds: []Kind{KindInvalid},
			Text: "This is neither the id nor a domain of a directory.", Do: "Correct the id.",
		},
		{
			Name: InvalidCompletion, Kinds: []Kind{KindInvalid},
			Text: "This completion code is not valid.", Do: "Start connecting again.",
		},
		{
			Name: ExpiredCompletion, Kinds: []Kind{KindInvalid},
			Text: "This completion code has expired. Connect again.", Do: "Start connecting again.",
		},
		{
			Name: ReturnToNotAllowed, Kinds: []Kind{KindInvalid},
			Text: "This address is not one that a browser may return to.", Do: "Use an address of the configuration's list.",
		},
		{
			Name: ManagedTenantGone, Kinds: []Kind{KindPrecondition},
			Text: "The managed tenant is not in the partner's list any more.", Do: "Renew the relationship, then discover again.",
		},
		{
			Name: SecretStoreUnavailable, Kinds: []Kind{KindUnavailable}, Class: ClassRetry,
			Text: "The secret store of this installation cannot be used.", Do: "Tell the operator of entrasync: the log of connection says what is wrong. Nobody has to connect again.",
		},
		{
			Name: SecretStoreDenied, Kinds: []Kind{KindUnavailable}, Class: ClassRetry,
			Text: "The secret store of this installation does not let entrasync in.", Do: "Tell the operator of entrasync: the log of connection says what is wrong. Nobody has to connect again.",
		},
		{
			Name: SecretStoreMisconfigured, Kinds: []Kind{KindUnavailable}, Class: ClassRetry,
			Text: "The secret store of this installation is not set up as it has to be.", Do: "Tell the operator of entrasync: the log of connection says what is wrong. Nobody has to connect again.",
		},
		{
			Name: SecretStoreRefused, Kinds: []Kind{KindUnavailable}, Class: ClassRetry,
			Text: "The secret store of this installation refused a request.", Do: "Tell the operator of entrasync: the log of connection says what is wrong. Nobody has to connect again.",
		},
		{
			Name: SecretChanged, Kinds: []Kind{KindConflict},
			Text: "Somebody else changed this secret; try again.", Do: "Try again.",
		},
		{
			Name: SecretNotFound, Kinds: []Kind{KindNotFound},
			Text: "This secret is not there.", Do: "Connect again.",
		},
		{
			Name: SecretKeyInvalid, Kinds: []Kind{KindInvalid},
			Text: "The name of a secret is not well formed.", Do: "Correct the name.",
		},
		{
			Name: SecretTooLarge, Kinds: []Kind{KindInvalid},
			Text: "A secret is larger than 64 KiB.", Do: "Send a smaller one.",
		},
		{
			Name: MasterKeyMissing, Kinds: []Kind{KindUnavailable},
			Text: "A stored secret was sealed with a key that is not there yet.", Do: "Give the process the key set that has the key.",
		},
	}},
	{Title: "Browser", About: "Codes that the browser comes back with after a sign-in.", Reasons: []Reason{
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
	}},
	{Title: "Discovery and mapping", About: "Codes of managed tenants and decisions about them.", Reasons: []Reason{
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
			Text: "The last change of the mapping has not been followed yet. Try again in a moment.", Do: "Try again in a moment.",
		},
		{
			Name: StartPending, Kinds: []Kind{KindUnavailable},
			Text: "The sync has not been taken yet; it starts when the worker takes it.", Do: "Look at the runs.",
		},
		{
			Name: StartFailed, Kinds: []Kind{KindUnavailable},
			Text: "The sync could not be started.", Do: "Start the sync yourself.",
		},
	}},
	{Title: "Runs", About: "Codes of syncs.", Reasons: []Reason{
		{
			Name: NoConfirmedMapping, Kinds: []Kind{KindConflict},
			Text: "No managed tenant is mapped to a client yet.", Do: "Confirm a mapping first.",
		},
		{
			Name: ClientNotMapped, Kinds: []Kind{KindConflict},
			Text: "No managed tenant is mapped to this client.", Do: "Map a managed tenant to the client.",
		},
		{
			Name: ClientRequired, Kinds: []Kind{KindInvalid},
			Text: "A single-client run needs a client.", Do: "Name the client or the managed tenant.",
		},
		{
			Name: UnknownClient, Kinds: []Kind{KindNotFound},
			Text: "There is no such client.", Do: "Check the id.",
		},
		{
			Name: UnknownWorkflow, Kinds: []Kind{KindNotFound},
			Text: "There is no such workflow.", Do: "Check the id.",
		},
		{
			Name: OrchestratorUnavailable, Kinds: []Kind{KindUnavailable},
			Text: "The orchestrator cannot be reached at the moment.", Do: "Try again in a few minutes.",
		},
		{
			Name: OrchestratorAway, Kinds: []Kind{KindUnavailable},
			Text: "The orchestrator cannot be reached at the moment.", Do: "Try again in a few minutes.",
		},
		{
			Name: WorkflowLost, Kinds: []Kind{KindInternal},
			Text: "The run's workflow is gone.", Do: "Start the run again.",
		},
		{
			Name: RunDeadline, Kinds: []Kind{KindDeadline},
			Text: "The run did not end within 24 hours.", Do: "Start it again; it goes on with what is left to do.",
		},
		{
			Name: Timeout, Kinds: []Kind{KindDeadline},
			Text: "The work did not end in time.", Do: "Start the run again; it goes on with what is left to do.",
		},
		{
			Name: WorkerStopped, Kinds: []Kind{KindUnavailable},
			Text: "The worker that did the work was stopped.", Do: "Wait; the run goes on by itself.",
		},
		{
			Name: Stalled, Kinds: []Kind{KindInternal},
			Text: "The work came no step further for half an hour.", Do: "Start the run again; it goes on with what is left to do.",
		},
		{
			Name: RunCancelled, Kinds: []Kind{KindCancelled},
			Text: "The run was cancelled.", Do: "Start the run again.",
		},
		{
			Name: RunChanging, Kinds: []Kind{KindUnavailable},
			Text: "The runs are changing; try again.", Do: "Try again.",
		},
		{
			Name: RunNotRunning, Kinds: []Kind{KindPrecondition},
			Text: "The run is not running.", Do: "Look at the run.",
		},
		{
			Name: TenantQuarantined, Kinds: []Kind{KindUnavailable},
			Text: "The managed tenant failed in the last five runs, so that scheduled runs try it once a day only.",
			Do:   "Mend what its last failure names, then sync its client: the first sync that gets through ends this.",
		},
		{
			Name: RunTicketInvalid, Kinds: []Kind{KindDenied},
			Text: "The run does not carry the ticket that it was made with, or one that has expired.",
			Do:   "Start the run again. If it was not started by a person or a schedule, tell the operator of entrasync: somebody else reaches the orchestrator.",
		},
		{
			Name: NotHeld, Kinds: []Kind{KindConflict},
			Text: "No guard holds anything of this managed tenant back in this run.", Do: "Look at the run's held managed tenants.",
		},
		{
			Name: HeldSetDiffers, Kinds: []Kind{KindConflict},
			Text: "The digest is not that of what is held.", Do: "Read the run again, look at the held identities and decide with its digest.",
		},
		{
			Name: HeldDecided, Kinds: []Kind{KindConflict},
			Text: "The opposite has been decided about this already.", Do: "Sync again; what a guard holds then can be decided anew.",
		},
		{
			Name: RoundInProgress, Kinds: []Kind{KindUnavailable},
			Text: "Another run syncs this managed tenant or another one of its client at the moment.", Do: "Wait; the run goes on by itself.",
		},
		{
			Name: ListingBrokeOff, Kinds: []Kind{KindUnavailable},
			Text: "The listing of the directory broke off.", Do: "Wait; the run goes on by itself.",
		},
		{
			Name: InvalidPattern, Kinds: []Kind{KindInvalid},
			Text: "A pattern is not valid.", Do: "Correct the pattern at the position that is named.",
		},
	}},
	{Title: "Inside", About: "Codes that stand in logs alone: outside they are internal, unavailable or deadline.", Reasons: []Reason{
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
			Name: TenantMismatch, Kinds: []Kind{KindInternal}, Inside: true,
			Text: "The work is for another tenant than the call.", Do: "Look at the logs.",
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
	}},
}
