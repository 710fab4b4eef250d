package mapping

import (
	"cmp"
	"context"
	"slices"
	"strconv"
	"strings"

	"github.com/entrasync/entrasync/pkg/sheet"
)

// What the column "proposal" says of an undecided managed tenant.
const (
	proposalAuto      = "auto_matched" // exactly one client has an exact match
	proposalCandidate = "candidate"    // the best of what was found otherwise
)

// Exported is all managed tenants as CSV.
type Exported struct {
	CSV     string
	Version int64
}

// ExportCSV is the use case of writing mappings as CSV for a spreadsheet.
type ExportCSV struct {
	managedTenants ManagedTenants
	store          PreviewStore
}

// NewExportCSV makes the use case.
func NewExportCSV(managedTenants ManagedTenants, store PreviewStore) *ExportCSV {
	return &ExportCSV{managedTenants: managedTenants, store: store}
}

// Do writes one line for each managed tenant that the preview shows, by name.
// The column "decision" is empty, so that an import decides only what a person writes
// there, however old the export is; the column "revision" shows the import which of those
// lines another person has decided since.
func (e *ExportCSV) Do(ctx context.Context) (Exported, error) {
	snapshot, err := e.store.Snapshot(ctx)
	if err != nil {
		return Exported{}, err
	}
	tenants, err := e.managedTenants.List(ctx, nil)
	if err != nil {
		return Exported{}, err
	}
	return Exported{CSV: writeCSV(exportLines(tenants, snapshot)), Version: snapshot.Version}, nil
}

func exportLines(tenants []ManagedTenant, snapshot Snapshot) [][]string {
	clients := make(map[string]Client, len(snapshot.Clients))
	for _, client := range snapshot.Clients {
		clients[client.ID] = client
	}
	preview := Propose(tenants, snapshot)
	auto := make(map[string]bool, len(preview.AutoMatched))
	for _, row := range preview.AutoMatched {
		auto[row.Tenant.ID] = true
	}
	rows := slices.Concat(preview.AutoMatched, preview.FuzzyCandidates, preview.Unmatched)
	slices.SortFunc(rows, func(a, b Row) int {
		return cmp.Or(strings.Compare(a.Tenant.DisplayName, b.Tenant.DisplayName), strings.Compare(a.Tenant.ID, b.Tenant.ID))
	})
	revisions := make(map[string]int64, len(snapshot.Active)+len(snapshot.Ended))
	for _, m := range slices.Concat(snapshot.Active, snapshot.Ended) {
		revisions[m.ManagedTenantID] = m.Revision
	}
	lines := make([][]string, 0, len(rows))
	for _, row := range rows {
		lines = append(lines, exportLine(row, auto[row.Tenant.ID], revisions[row.Tenant.ID], clients))
	}
	return lines
}

// exportLine has the client of the mapping or, where nothing is decided, the
// client that is proposed.
func exportLine(row Row, auto bool, revision int64, clients map[string]Client) []string {
	client := clients[row.MappedClientID]
	var proposal, score, reason string
	if row.State == StateUndecided {
		if proposed, ok := proposed(row, auto); ok {
			client, reason = clients[proposed.ClientID], proposed.Reason
			score = strconv.FormatFloat(proposed.Score, 'f', -1, 64)
			proposal = proposalCandidate
			if auto {
				proposal = proposalAuto
			}
		}
	}
	return []string{
		row.Tenant.ID, row.Tenant.EntraTenantID, sheet.Shown(row.Tenant.DisplayName), sheet.Shown(row.Tenant.PrimaryDomain), string(row.State),
		client.ID, client.ExternalID, sheet.Shown(client.Name), "", proposal, score, reason, strconv.FormatInt(revision, 10),
	}
}

// proposed is the client with the one exact match, else the best candidate.
func proposed(row Row, auto bool) (Match, bool) {
	switch {
	case auto && row.Match != nil:
		return *row.Match, true
	case len(row.Candidates) > 0:
		return row.Candidates[0], true
	}
	return Match{}, false
}
