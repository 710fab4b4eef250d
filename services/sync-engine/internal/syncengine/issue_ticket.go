package syncengine

import "context"

// TicketedRuns reads runs.
type TicketedRuns interface {
	Run(ctx context.Context, id string) (Run, error) // ErrUnknownRun
}

// IssueTicket is the use case of giving a run that exists its ticket once more.
type IssueTicket struct {
	runs    TicketedRuns
	tickets *Tickets
}

// NewIssueTicket makes the use case.
func NewIssueTicket(runs TicketedRuns, tickets *Tickets) *IssueTicket {
	return &IssueTicket{runs: runs, tickets: tickets}
}

// Do signs the ticket of a run of the tenant of the context; ErrUnknownRun without one.
func (u *IssueTicket) Do(ctx context.Context, runID string) (string, error) {
	run, err := u.runs.Run(ctx, runID)
	if err != nil {
		return "", err
	}
	return u.tickets.Issue(ctx, run.ID, run.Type)
}
