package rpc

import (
	"context"
	"strconv"
	"strings"

	"google.golang.org/grpc"

	"github.com/entrasync/entrasync/pkg/page"
	"github.com/entrasync/entrasync/pkg/sheet"
	syncenginev1 "github.com/entrasync/entrasync/proto/gen/go/entrasync/syncengine/v1"
	"github.com/entrasync/entrasync/services/sync-engine/internal/syncengine"
)

// csvPage is how many lines a page of CSV has where no size is asked for.
const csvPage = 5000

// ReportCases are what the servers of reports call.
type ReportCases struct {
	Identities    *syncengine.ListIdentities
	Held          *syncengine.DecideHeld
	TenantResults *syncengine.ListTenantResults
	Statistics    *syncengine.ReadStatistics
}

// RegisterReports serves what is shown of runs, identity by identity.
func RegisterReports(server grpc.ServiceRegistrar, cases ReportCases) {
	syncenginev1.RegisterReportServiceServer(server, &reportServer{cases: cases})
}

type reportServer struct {
	syncenginev1.UnimplementedReportServiceServer
	cases ReportCases
}

func (s *reportServer) ListRunIdentities(ctx context.Context, req *syncenginev1.ListRunIdentitiesRequest) (*syncenginev1.ListRunIdentitiesResponse, error) {
	asked := syncengine.IdentityPage{
		RunID: req.GetRunId(), Size: sizeOf(req.GetPageSize(), req.GetAsCsv()),
		Filter: syncengine.IdentityFilter{
			ManagedTenantID: req.GetManagedTenantId(), Outcome: req.GetOutcome(), Reason: req.GetReason(), Q: req.GetQ(),
		},
	}
	filters := []string{"identities", req.GetRunId(), req.GetManagedTenantId(), req.GetOutcome(), req.GetReason(), req.GetQ()}
	after, err := page.Parse(req.GetPageToken(), filters...)
	if err != nil {
		return nil, err
	}
	if after != nil {
		if asked.After, err = identityPlace(after); err != nil {
			return nil, err
		}
	}
	found, err := s.cases.Identities.Do(ctx, asked)
	if err != nil {
		return nil, err
	}
	answer := &syncenginev1.ListRunIdentitiesResponse{
		TotalSize: totalOf(found.Total), TotalSizeIsMinimum: found.Minimum, ReportKept: found.Kept, MoreToSearch: found.Cut,
	}
	if found.Next != nil {
		answer.NextPageToken = page.Cursor{Key: found.Next.ManagedTenantID, ID: strconv.Itoa(found.Next.Number) + " " + found.Next.ObjectID}.Token(filters...)
	}
	if req.GetAsCsv() {
		text := identitiesCSV(found.Identities)
		answer.Csv = &text
		return answer, nil
	}
	answer.Identities = make([]*syncenginev1.RunIdentity, len(found.Identities))
	for i := range found.Identities {
		answer.Identities[i] = identityMessage(&found.Identities[i])
	}
	return answer, nil
}

// sizeOf is the size of a page.
func sizeOf(asked int32, asCSV bool) int {
	if asked == 0 && asCSV {
		return csvPage
	}
	return pageSize(asked)
}

func identityPlace(after *page.Cursor) (*syncengine.IdentityPlace, error) {
	number, object, _ := strings.Cut(after.ID, " ")
	n, err := strconv.ParseInt(number, 10, 32)
	if err != nil {
		return nil, page.ErrToken
	}
	return &syncengine.IdentityPlace{ManagedTenantID: after.Key, ObjectID: object, Number: int(n)}, nil
}

func identityMessage(i *syncengine.RunIdentity) *syncenginev1.RunIdentity {
	m := &syncenginev1.RunIdentity{
		EntraObjectId: i.Place.ObjectID, DisplayName: i.DisplayName, UserPrincipalName: i.UserPrincipalName, Outcome: i.Outcome,
		Reason: orAbsent(i.Reason), Pattern: orAbsent(i.Pattern), ContactId: orAbsent(i.ContactID), ManagedTenantId: i.Place.ManagedTenantID,
	}
	for _, c := range i.Changes {
		m.Changes = append(m.Changes, &syncenginev1.FieldChange{Field: c.Field, Before: c.Before, After: c.After})
	}
	return m
}

// orAbsent leaves an empty text out.
func orAbsent(text string) *string {
	if text == "" {
		return nil
	}
	return &text
}

var identityColumns = []string{
	"managed_tenant_id", "entra_object_id", "display_name", "user_principal_name", "outcome", "reason", "pattern", "contact_id", "changes",
}

// identitiesCSV has a line for each identity; its changes are one cell.
func identitiesCSV(identities []syncengine.RunIdentity) string {
	lines := make([][]string, len(identities))
	for k := range identities {
		i := &identities[k]
		changes := make([]string, len(i.Changes))
		for n, c := range i.Changes {
			changes[n] = c.Field + ": " + strconv.Quote(c.Before) + " → " + strconv.Quote(c.After)
		}
		lines[k] = []string{
			i.Place.ManagedTenantID, i.Place.ObjectID, sheet.Shown(i.DisplayName), sheet.Shown(i.UserPrincipalName), i.Outcome, i.Reason, sheet.Shown(i.Pattern),
			i.ContactID, sheet.Shown(strings.Join(changes, ", ")),
		}
	}
	return sheet.Write(identityColumns, lines, "managed_tenant_id", "entra_object_id", "contact_id")
}
