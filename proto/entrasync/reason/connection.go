package reason

// connection are codes of connecting, and of reading directories.
var connection = Group{Title: "Connection", About: "Codes of connecting, and of reading directories.", Reasons: []Reason{
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
}}
