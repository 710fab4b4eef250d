package orchestration

import (
	"slices"

	"github.com/entrasync/entrasync/proto/entrasync/reason"
)

// Problem is why something failed and what to do about it, for people.
type Problem struct {
	Code    string
	Message string
	Remedy  string
}

// The codes that this part gives.
const (
	codeUnavailable = reason.OrchestratorUnavailable
	CodeLost        = reason.WorkflowLost // the run's workflow is gone, or was terminated
)

// carried are the codes that a workflow can carry. Histories hold codes only, so that nothing
// about a person or a customer gets into them; the texts are the contract's.
var carried = []string{
	codeUnavailable,
	CodeLost,
	reason.RunDeadline,
	reason.RunTicketInvalid,
	reason.Timeout,
	reason.Stalled,
	reason.Internal,
	reason.NotConnected,
	reason.MissingCredentials,
	reason.RefreshFailed,
	reason.GrantMissing,
	reason.AuthRejected,
	reason.ConsentMissing,
	reason.GDAPEnded,
	reason.ConditionalAccess,
	reason.TenantGone,
	reason.Throttled,
	reason.UpstreamError,
	reason.Unreachable,
	reason.SecretStoreUnavailable,
	reason.SecretStoreDenied,
	reason.SecretStoreMisconfigured,
	reason.SecretStoreRefused,
	reason.MappingChanged,
	reason.MappingDiffers,
	reason.ClientNotMapped,
	reason.NoConfirmedMapping,
}

// ProblemOf gives the texts of a code; a code that no workflow carries has a general one.
func ProblemOf(code string) Problem {
	if r, ok := reason.Of(code); ok && slices.Contains(carried, code) {
		return Problem{Code: code, Message: r.Text, Remedy: r.Do}
	}
	return Problem{Code: code, Message: "The work could not be done.", Remedy: "Start the run again; if it fails again, look at the logs."}
}
