package servicetest

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/entrasync/entrasync/pkg/errs"
	connectionv1 "github.com/entrasync/entrasync/proto/gen/go/entrasync/connection/v1"
	syncenginev1 "github.com/entrasync/entrasync/proto/gen/go/entrasync/syncengine/v1"
)

func TestRunOverTheWire(t *testing.T) {
	t.Parallel()
	ctx, b := setup(t)
	batch, err := b.contacts.BatchUpsertContacts(ctx, &syncenginev1.BatchUpsertContactsRequest{Contacts: []*syncenginev1.ContactRecord{
		{ExternalId: ptr("1"), ClientExternalId: ptr("ext"), FullName: "Two", Email: ptr("two@corp.example")},
		{ExternalId: ptr("2"), ClientExternalId: ptr("ext"), FullName: "Two", Email: ptr("two@corp.example")},
		{ExternalId: ptr("3"), ClientExternalId: ptr("ext"), FullName: "Bad\x00"},
	}})
	require.NoError(t, err)
	require.Equal(t, "created", batch.GetResults()[0].GetOutcome())
	require.Equal(t, "fullName", batch.GetResults()[2].GetViolations()[0].GetField())

	run, err := b.engine.CreateRun(ctx, &syncenginev1.CreateRunRequest{Type: "initial", Trigger: "manual"})
	require.NoError(t, err)
	require.Equal(t, "entra-initial-sync:msp", run.GetWorkflowId())
	begun, err := b.engine.BeginRun(ctx, &syncenginev1.BeginRunRequest{RunId: run.GetRunId(), Ticket: run.GetTicket()})
	require.NoError(t, err)
	require.Equal(t, int32(1), begun.GetTotalTenants())

	b.connection.events = []*connectionv1.ListUsersResponse{page(user("a", "a@corp.example"))}
	_, err = b.sync(ctx, run)
	require.Equal(t, "listing_broke_off", errs.ReasonOf(err), "a stream that ends without its last event broke off")

	odd := user("odd", "odd@corp.example")
	odd.UserPrincipalName = ptr("odd;=NOW()")
	b.connection.events = []*connectionv1.ListUsersResponse{
		page(user("gone", "gone@corp.example")),
		{Event: &connectionv1.ListUsersResponse_Restarted{Restarted: &connectionv1.ListingRestarted{Full: true, Reason: "page_token_expired"}}},
		page(user("a", "a@corp.example"), user("two", "two@corp.example")), page(odd), page(), page(&connectionv1.DirectoryUser{EntraObjectId: "bad", Defect: "malformed"}), completed,
	}
	outcome, err := b.sync(ctx, run)
	require.NoError(t, err)
	require.Equal(t, "partial", outcome.GetState())
	require.Equal(t, int32(1), outcome.GetCounters().GetCreated())
	again, err := b.sync(ctx, run)
	require.NoError(t, err)
	require.Equal(t, outcome.GetCounters().GetCreated(), again.GetCounters().GetCreated(), "a result that exists is returned")
	require.Len(t, b.queue.pushed, 1)
	require.Equal(t, 1, b.queue.completed)

	ended, err := b.engine.FinaliseRun(ctx, &syncenginev1.FinaliseRunRequest{RunId: run.GetRunId(), Ticket: run.GetTicket()})
	require.NoError(t, err)
	require.Equal(t, "partial", ended.GetState())
	shown, err := b.runs.GetRun(ctx, &syncenginev1.GetRunRequest{RunId: run.GetRunId()})
	require.NoError(t, err)
	require.Equal(t, "user-7", shown.GetRun().GetInitiatedBy())
	require.Equal(t, "malformed", shown.GetTenantResults()[0].GetFailures()[0].GetReason())
	require.Equal(t, int32(1), shown.GetTenantResults()[0].GetAmbiguous()["multiple_email_matches"])
	report, err := b.reports.ListRunIdentities(ctx, &syncenginev1.ListRunIdentitiesRequest{RunId: run.GetRunId(), PageSize: 1})
	require.NoError(t, err)
	require.Equal(t, int32(4), report.GetTotalSize())
	require.True(t, report.GetReportKept())
	require.Equal(t, "created", report.GetIdentities()[0].GetOutcome())
	require.Equal(t, "fullName", report.GetIdentities()[0].GetChanges()[0].GetField())
	rest, err := b.reports.ListRunIdentities(ctx, &syncenginev1.ListRunIdentitiesRequest{RunId: run.GetRunId(), PageToken: report.GetNextPageToken(), PageSize: 1})
	require.NoError(t, err)
	require.Equal(t, "malformed", rest.GetIdentities()[0].GetReason())
	require.Nil(t, rest.TotalSize)
	_, err = b.reports.ListRunIdentities(ctx, &syncenginev1.ListRunIdentitiesRequest{RunId: run.GetRunId(), PageToken: report.GetNextPageToken(), Q: "x"})
	require.Equal(t, "invalid_argument", errs.ReasonOf(err), "a token is good for its filters alone")
	file, err := b.reports.ListRunIdentities(ctx, &syncenginev1.ListRunIdentitiesRequest{RunId: run.GetRunId(), AsCsv: true})
	require.NoError(t, err)
	require.Empty(t, file.GetIdentities())
	require.Equal(t, 5, strings.Count(file.GetCsv(), "\r\n"))
	require.Contains(t, file.GetCsv(), "Name of a,a@corp.example,created")
	require.Contains(t, file.GetCsv(), ",odd =NOW(),filtered,missing_upn", "some spreadsheets part cells at semicolons")
	list, err := b.contacts.ListContacts(ctx, &syncenginev1.ListContactsRequest{Entra: "linked"})
	require.NoError(t, err)
	require.Equal(t, int32(1), list.GetTotalSize())
	require.Equal(t, "a@corp.example", list.GetContacts()[0].GetEmail())
	require.Equal(t, "active", list.GetContacts()[0].GetLinkStatus())
	_, err = b.contacts.ListContacts(ctx, &syncenginev1.ListContactsRequest{PageToken: "junk"})
	require.Equal(t, errs.Invalid, errs.KindOf(err))
}

func TestStrangersAreRefused(t *testing.T) {
	t.Parallel()
	ctx, b := setup(t)
	_, err := b.stranger.CreateRun(ctx, &syncenginev1.CreateRunRequest{Type: "initial", Trigger: "manual"})
	require.Equal(t, "caller_refused", errs.ReasonOf(err))
	_, err = b.engine.GetSyncStatus(ctx, &syncenginev1.GetSyncStatusRequest{})
	require.Equal(t, "caller_refused", errs.ReasonOf(err), "the status is the gateway's")
}
