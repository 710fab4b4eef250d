package rpc

import (
	"context"

	"github.com/entrasync/entrasync/pkg/rpc/wire"
	"github.com/entrasync/entrasync/pkg/tenant"
	mappingv1 "github.com/entrasync/entrasync/proto/gen/go/entrasync/mapping/v1"
)

// ExportMappings writes every managed tenant as CSV.
func (s *mappings) ExportMappings(ctx context.Context, _ *mappingv1.ExportMappingsRequest) (*mappingv1.ExportMappingsResponse, error) {
	exported, err := s.use.ExportCSV.Do(ctx)
	if err != nil {
		return nil, err
	}
	return &mappingv1.ExportMappingsResponse{Csv: exported.CSV, Version: exported.Version}, nil
}

// ImportMappings takes decisions as CSV; only a false dryRun writes them.
func (s *mappings) ImportMappings(ctx context.Context, req *mappingv1.ImportMappingsRequest) (*mappingv1.ImportMappingsResponse, error) {
	call, err := tenant.From(ctx)
	if err != nil {
		return nil, err
	}
	dryRun := req.DryRun == nil || req.GetDryRun()
	imported, err := s.use.ImportCSV.Do(ctx, call.Actor.ID, req.GetCsv(), dryRun, req.Version)
	if err != nil {
		return nil, err
	}
	resp := &mappingv1.ImportMappingsResponse{
		DryRun: imported.DryRun, Applied: imported.Applied, Changed: imported.Changed, Unchanged: imported.Unchanged,
		Undecided: imported.Undecided, Conflicts: imported.Conflicts, Invalid: imported.Invalid, Version: imported.Version,
		Summary: countedMessage(imported.Summary), Effects: imported.Effects,
	}
	for _, line := range imported.Lines {
		row := &mappingv1.ImportedRow{
			Line: int32(line.Number), ManagedTenantId: line.ManagedTenantID, Decision: string(line.Decision), Outcome: line.Outcome,
			ClientId: wire.Optional(line.ClientID),
		}
		for _, v := range line.Violations {
			row.Violations = append(row.Violations, &mappingv1.RecordViolation{Field: v.Field, Message: v.Message})
		}
		resp.Rows = append(resp.Rows, row)
	}
	return resp, nil
}
