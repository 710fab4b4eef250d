package reason

// runs are codes of syncs.
var runs = Group{Title: "Runs", About: "Codes of syncs.", Reasons: []Reason{
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
		Name: NotProcessed, Kinds: []Kind{KindUnavailable},
		Text: "The run ended before this managed tenant was synced.", Do: "Start the run again.",
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
		Name: StreamEnded, Kinds: []Kind{KindUnavailable},
		Text: "A part of entrasync stopped before it had a result.", Do: "Wait; the run goes on by itself.",
	},
	{
		Name: InvalidPattern, Kinds: []Kind{KindInvalid},
		Text: "A pattern is not valid.", Do: "Correct the pattern at the position that is named.",
	},
}}
