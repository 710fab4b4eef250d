package orchestration

import "github.com/entrasync/entrasync/proto/entrasync/reason"

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

// ProblemOf gives the texts of a code, which are the contract's: histories hold codes only, so that
// nothing about a person or a customer gets into them. A code that stands in logs alone, or is none, has
// general texts.
func ProblemOf(code string) Problem {
	if r, ok := reason.Of(code); ok && !r.Inside {
		return Problem{Code: code, Message: r.Text, Remedy: r.Do}
	}
	return Problem{Code: code, Message: "The work could not be done.", Remedy: "Start the run again; if it fails again, look at the logs."}
}
