package hostclient

import "time"

// Status is the integration's status panel.
type Status struct {
	Status          string     `json:"status"`
	LastDiscoveryAt *time.Time `json:"lastDiscoveryAt"`
	MappingSummary  Summary    `json:"mappingSummary"`
	LastRun         *Run       `json:"lastRun"`
}

// Summary counts decisions about managed tenants.
type Summary struct {
	Mapped      int `json:"mapped"`
	Skipped     int `json:"skipped"`
	NeedsReview int `json:"needsReview"`
	CreateNew   int `json:"createNew"`
	Undecided   int `json:"undecided"`
}

// Discovery is a discovery's outcome.
type Discovery struct {
	OperationID           string `json:"operationId"`
	State                 string `json:"state"`
	DiscoveredTenantCount int    `json:"discoveredTenantCount"`
	Error                 *struct {
		Code    string `json:"code"`
		Message string `json:"message"`
		Remedy  string `json:"remedy"`
	} `json:"error"`
}

// ManagedTenant is a discovered tenant.
type ManagedTenant struct {
	ManagedTenantID string   `json:"managedTenantId"`
	EntraTenantID   string   `json:"entraTenantId"`
	DisplayName     string   `json:"displayName"`
	PrimaryDomain   string   `json:"primaryDomain"`
	Domains         []string `json:"domains"`
	SourceUserCount int      `json:"sourceUserCount"`
	State           string   `json:"state"`
}

// Preview proposes clients for managed tenants.
type Preview struct {
	AutoMatched     []PreviewRow `json:"autoMatched"`
	FuzzyCandidates []PreviewRow `json:"fuzzyCandidates"`
	Unmatched       []PreviewRow `json:"unmatched"`
	Summary         Summary      `json:"summary"`
	Version         string       `json:"version"`
}

// PreviewRow is the proposal for one managed tenant.
type PreviewRow struct {
	ManagedTenantID string      `json:"managedTenantId"`
	EntraTenantID   string      `json:"entraTenantId"`
	DisplayName     string      `json:"displayName"`
	State           string      `json:"state"`
	Match           *Candidate  `json:"match"`
	Candidates      []Candidate `json:"candidates"`
}

// Candidate is a client that a managed tenant may belong to.
type Candidate struct {
	ClientID   string  `json:"clientId"`
	ClientName string  `json:"clientName"`
	Score      float64 `json:"score"`
	Reason     string  `json:"reason"`
}

// Decision is what a person says of one managed tenant.
type Decision struct {
	ManagedTenantID string `json:"managedTenantId"`
	Decision        string `json:"decision"`
	ClientID        string `json:"clientId,omitempty"`
}

// Confirmed is the answer to decisions.
type Confirmed struct {
	Confirmed int     `json:"confirmed"`
	Summary   Summary `json:"summary"`
	Run       *Start  `json:"run"`
	RunError  *struct {
		Code string `json:"code"`
	} `json:"runError"`
}

// Start is a run that was started or joined.
type Start struct {
	RunID      string `json:"runId"`
	WorkflowID string `json:"workflowId"`
	Joined     bool   `json:"joined"`
}

// Counters are the outcomes of a run.
type Counters struct {
	Created     int `json:"created"`
	Linked      int `json:"linked"`
	Updated     int `json:"updated"`
	Unchanged   int `json:"unchanged"`
	Ambiguous   int `json:"ambiguous"`
	Inactivated int `json:"inactivated"`
	Reactivated int `json:"reactivated"`
	Filtered    int `json:"filtered"`
	Failed      int `json:"failed"`
}

// Total is how many identities were counted.
func (c Counters) Total() int {
	return c.Created + c.Linked + c.Updated + c.Unchanged + c.Ambiguous + c.Inactivated + c.Reactivated + c.Filtered + c.Failed
}

// Run is one run.
type Run struct {
	RunID            string     `json:"runId"`
	WorkflowID       string     `json:"workflowId"`
	Type             string     `json:"type"`
	State            string     `json:"state"`
	DryRun           bool       `json:"dryRun"`
	StartedAt        *time.Time `json:"startedAt"`
	CompletedAt      *time.Time `json:"completedAt"`
	TotalTenants     int        `json:"totalTenants"`
	ProcessedTenants int        `json:"processedTenants"`
	SucceededTenants int        `json:"succeededTenants"`
	FailedTenants    int        `json:"failedTenants"`
	Counters         Counters   `json:"counters"`
	Error            *RunError  `json:"error"`
}

// Ended says whether the run is in a terminal state.
func (r Run) Ended() bool { return r.State != "queued" && r.State != "running" }

// RunError is why something failed.
type RunError struct {
	Code    string `json:"code"`
	Message string `json:"message"`
	Remedy  string `json:"remedy"`
}

// TenantResult is what a run did for one managed tenant.
type TenantResult struct {
	ManagedTenantID string         `json:"managedTenantId"`
	EntraTenantID   string         `json:"entraTenantId"`
	ClientID        string         `json:"clientId"`
	State           string         `json:"state"`
	Counters        Counters       `json:"counters"`
	Filtered        map[string]int `json:"filtered"`
	Ambiguous       map[string]int `json:"ambiguous"`
	Failures        []struct {
		EntraObjectID string `json:"entraObjectId"`
		Reason        string `json:"reason"`
	} `json:"failures"`
	Held *struct {
		Reason string `json:"reason"`
		Count  int    `json:"count"`
		Digest string `json:"digest"`
	} `json:"held"`
	Error *RunError `json:"error"`
}

// RunDetail is one run with its tenants.
type RunDetail struct {
	Run           Run            `json:"run"`
	TenantResults []TenantResult `json:"tenantResults"`
}

// ClientRecord is a customer as entrasync shows it.
type ClientRecord struct {
	ID                 string  `json:"id"`
	ExternalID         string  `json:"externalId"`
	Name               string  `json:"name"`
	EntraTenantID      *string `json:"entraTenantId"`
	EntraPrimaryDomain *string `json:"entraPrimaryDomain"`
}

// Contact is a person at a client as entrasync shows it.
type Contact struct {
	ID                    string     `json:"id"`
	ExternalID            *string    `json:"externalId"`
	ClientID              string     `json:"clientId"`
	FullName              string     `json:"fullName"`
	Email                 string     `json:"email"`
	Phone                 string     `json:"phone"`
	Role                  string     `json:"role"`
	SignInName            string     `json:"signInName"`
	Inactive              bool       `json:"inactive"`
	EntraObjectID         *string    `json:"entraObjectId"`
	EntraTenantID         *string    `json:"entraTenantId"`
	EntraSyncSource       *string    `json:"entraSyncSource"`
	LastEntraSyncAt       *time.Time `json:"lastEntraSyncAt"`
	EntraUPN              *string    `json:"entraUserPrincipalName"`
	EntraAccountEnabled   *bool      `json:"entraAccountEnabled"`
	EntraSyncStatus       *string    `json:"entraSyncStatus"`
	EntraSyncStatusReason *string    `json:"entraSyncStatusReason"`
	LinkStatus            *string    `json:"linkStatus"`
}

// QueueItem is something a person must decide.
type QueueItem struct {
	ItemID        string `json:"itemId"`
	EntraTenantID string `json:"entraTenantId"`
	EntraObjectID string `json:"entraObjectId"`
	// UserPrincipalName is the identity's sign-in name.
	UserPrincipalName string `json:"userPrincipalName"`
	ClientID          string `json:"clientId"`
	Reason            string `json:"reason"`
	Status            string `json:"status"`
}

// RecordResult is what became of one record of a batch.
type RecordResult struct {
	Index      int         `json:"index"`
	ID         string      `json:"id"`
	ExternalID string      `json:"externalId"`
	Outcome    string      `json:"outcome"`
	Violations []Violation `json:"violations"`
}
