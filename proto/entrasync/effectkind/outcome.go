package effectkind

// How an effect ended, or that it did not, as it is acknowledged.
const (
	OutcomeDone   = "done"
	OutcomeFailed = "failed" // for good
	OutcomeRetry  = "retry"  // it is handed out again
)
