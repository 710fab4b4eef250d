package rpc

import (
	"context"

	"github.com/entrasync/entrasync/pkg/rpc/wire"
	syncenginev1 "github.com/entrasync/entrasync/proto/gen/go/entrasync/syncengine/v1"
	"github.com/entrasync/entrasync/services/sync-engine/internal/syncengine"
)

type filterTestServer struct {
	syncenginev1.UnimplementedFilterTestServiceServer
	test *syncengine.TestFilters
}

func (s *filterTestServer) TestFilters(ctx context.Context, req *syncenginev1.TestFiltersRequest) (*syncenginev1.TestFiltersResponse, error) {
	test := syncengine.FilterTest{
		ManagedTenantID: req.GetManagedTenantId(), LastListing: req.GetLastListing(),
		Filters: statedOf(&syncenginev1.SettingsPatch{Filters: req.GetFilters()}, req.GetFields()),
	}
	for _, u := range req.GetIdentities() {
		test.Sample = append(test.Sample, sampleOf(u))
	}
	got, err := s.test.Do(ctx, test)
	if err != nil {
		return nil, err
	}
	answer := &syncenginev1.TestFiltersResponse{
		Total: count(got.Total), Dropped: count(got.Dropped), Added: count(got.Added), LeftOut: count(got.LeftOut), MoreUsers: got.MoreUsers, Linked: count(got.Linked),
		Filtered: make(map[string]int32, len(got.Filtered)),
	}
	for reason, n := range got.Filtered {
		answer.Filtered[reason] = count(n)
	}
	for _, id := range got.Identities {
		answer.Identities = append(answer.Identities, &syncenginev1.TestedIdentity{
			EntraObjectId: id.ObjectID, UserPrincipalName: id.UserPrincipalName, DisplayName: id.DisplayName, Change: id.Change,
			Now: verdictMessage(id.Now), Then: verdictMessage(id.Then),
		})
	}
	return answer, nil
}

func verdictMessage(v syncengine.FilterVerdict) *syncenginev1.FilterVerdict {
	return &syncenginev1.FilterVerdict{Reason: wire.Optional(v.Reason), Pattern: wire.Optional(v.Pattern)}
}

// sampleOf takes an account of which nothing else is said for an enabled one.
func sampleOf(m *syncenginev1.SampleIdentity) syncengine.User {
	u := syncengine.User{
		ObjectID: m.GetEntraObjectId(), UserPrincipalName: m.GetUserPrincipalName(), Mail: m.GetMail(), DisplayName: m.GetDisplayName(),
		GivenName: m.GetGivenName(), Surname: m.GetSurname(), AccountEnabled: m.AccountEnabled, UserType: m.GetUserType(),
		LicenceCount: m.AssignedLicenceCount, ProxyAddresses: m.GetProxyAddresses(), OtherMails: m.GetOtherMails(), // absent differs from none
	}
	if u.AccountEnabled == nil {
		enabled := true
		u.AccountEnabled = &enabled
	}
	if u.ObjectID == "" {
		u.ObjectID = u.UserPrincipalName // a sample need not have ids
	}
	return u
}
