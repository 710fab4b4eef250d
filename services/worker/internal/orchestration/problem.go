package orchestration

// Problem is why something failed and what mends it, for people.
type Problem struct {
	Code    string
	Message string
	Remedy  string
}

// The codes that this part gives.
const (
	codeUnavailable = "orchestrator_unavailable"
	CodeLost        = "workflow_lost" // the run's workflow is gone, or ended by force
)

// storeRemedy mends whatever the secret store fails with.
const storeRemedy = "Tell the operator of entrasync: the log of connection says what is wrong. Nobody has to connect again."

// problems are the texts of the codes that a workflow can carry. Histories hold codes alone, so
// that nothing about a person or a customer can slip into them.
var problems = map[string]Problem{
	codeUnavailable:              {Message: "The orchestrator did not take the run.", Remedy: "Try again in a few minutes."},
	CodeLost:                     {Message: "The run's workflow is gone.", Remedy: "Start the run again."},
	"run_deadline":               {Message: "The run did not end within 24 hours.", Remedy: "Start it again; it goes on with what is left to do."},
	"timeout":                    {Message: "The work did not end in time.", Remedy: "Start the run again; it goes on with what is left to do."},
	"stalled":                    {Message: "The work came no step further for half an hour.", Remedy: "Start the run again; it goes on with what is left to do."},
	"internal":                   {Message: "Something went wrong on our side.", Remedy: "Start the run again; if it fails again, look at the logs."},
	"not_connected":              {Message: "There is no connection to Microsoft.", Remedy: "Connect the partner account."},
	"missing_credentials":        {Message: "The app registration's credentials are missing.", Remedy: "Store the client id and secret, then connect again."},
	"refresh_failed":             {Message: "Microsoft did not renew the sign-in.", Remedy: "Connect the partner account again; where one customer alone refuses, look at its sign-in logs."},
	"grant_missing":              {Message: "The stored sign-in of the partner is not in the secret store any more.", Remedy: "Connect again. If the operator of entrasync has just switched to another store, switching back mends it too."},
	"auth_rejected":              {Message: "Microsoft rejected the credentials.", Remedy: "Connect the partner account again."},
	"consent_missing":            {Message: "The customer's directory has not consented to the app.", Remedy: "Grant consent in the customer's tenant."},
	"gdap_ended":                 {Message: "The delegated access to the customer has ended.", Remedy: "Renew the GDAP relationship with the customer."},
	"conditional_access":         {Message: "A Conditional Access policy of the customer refused the sign-in.", Remedy: "Exempt the partner's service account in the customer's policy."},
	"tenant_gone":                {Message: "The customer's directory does not exist any more.", Remedy: "Unmap the managed tenant."},
	"throttled":                  {Message: "Microsoft limits the rate of requests.", Remedy: "Try again later."},
	"upstream_error":             {Message: "Microsoft answered with errors.", Remedy: "Try again later."},
	"unreachable":                {Message: "Microsoft cannot be reached.", Remedy: "Check the network, then try again."},
	"secret_store_unavailable":   {Message: "The secret store of this installation cannot be used.", Remedy: storeRemedy},
	"secret_store_denied":        {Message: "The secret store of this installation does not let entrasync in.", Remedy: storeRemedy},
	"secret_store_misconfigured": {Message: "The secret store of this installation is not set up as it has to be.", Remedy: storeRemedy},
	"secret_store_refused":       {Message: "The secret store of this installation refused a request.", Remedy: storeRemedy},
	"mapping_changed":            {Message: "The mapping changed while the run was under way.", Remedy: "Start the run again."},
	"mapping_differs":            {Message: "The mapping is not the one that the sync was told before.", Remedy: "Unmap the managed tenant and map it again."},
	"client_not_mapped":          {Message: "The client has no managed tenant.", Remedy: "Map a managed tenant to the client."},
	"no_confirmed_mapping":       {Message: "No managed tenant is mapped to a client.", Remedy: "Confirm a mapping first."},
}

// ProblemOf gives the texts of a code; a code that is not known here has a general one.
func ProblemOf(code string) Problem {
	problem, ok := problems[code]
	if !ok {
		problem = Problem{Message: "The work could not be done.", Remedy: "Start the run again; if it fails again, look at the logs."}
	}
	problem.Code = code
	return problem
}
