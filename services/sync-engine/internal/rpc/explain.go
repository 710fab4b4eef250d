package rpc

import (
	"context"

	"google.golang.org/grpc"

	"github.com/entrasync/entrasync/pkg/rpc/wire"
	syncenginev1 "github.com/entrasync/entrasync/proto/gen/go/entrasync/syncengine/v1"
	"github.com/entrasync/entrasync/services/sync-engine/internal/syncengine"
)

// RegisterExplain serves explanations.
func RegisterExplain(server grpc.ServiceRegistrar, explain *syncengine.Explain) {
	syncenginev1.RegisterExplainServiceServer(server, &explainServer{explain: explain})
}

type explainServer struct {
	syncenginev1.UnimplementedExplainServiceServer
	explain *syncengine.Explain
}

func (s *explainServer) Explain(ctx context.Context, req *syncenginev1.ExplainRequest) (*syncenginev1.ExplainResponse, error) {
	so, err := s.explain.Do(ctx, syncengine.ExplainRequest{
		ManagedTenantID: req.GetManagedTenantId(), ObjectID: req.GetEntraObjectId(), UserPrincipalName: req.GetUserPrincipalName(), Query: req.GetQuery(),
	})
	if err != nil {
		return nil, err
	}
	answer := &syncenginev1.ExplainResponse{Outcome: so.Outcome}
	for _, c := range so.Choices {
		answer.Choices = append(answer.Choices, explainedIdentity(c))
	}
	if len(so.Choices) > 0 {
		return answer, nil
	}
	answer.Identity = explainedIdentity(so.Person)
	answer.ClientId, answer.Source = wire.Optional(so.ClientID), wire.Optional(so.Source)
	answer.Reason, answer.ContactId = wire.Optional(so.Reason), wire.Optional(so.ContactID)
	answer.Fetched = fetchedPerson(so.Fetched)
	for _, step := range so.Steps {
		answer.Steps = append(answer.Steps, &syncenginev1.ExplainStep{Name: step.Name, Result: step.Result, Text: step.Text})
	}
	for _, c := range so.Changes {
		answer.Changes = append(answer.Changes, &syncenginev1.ExplainedChange{Field: c.Field, Before: c.Before, After: c.After})
	}
	return answer, nil
}

func explainedIdentity(id syncengine.KnownIdentity) *syncenginev1.ExplainedIdentity {
	return &syncenginev1.ExplainedIdentity{
		ManagedTenantId: id.ManagedTenantID, EntraTenantId: id.EntraTenantID, EntraObjectId: id.ObjectID, UserPrincipalName: id.UserPrincipalName,
		DisplayName: id.DisplayName,
	}
}

func fetchedPerson(f *syncengine.FetchedPerson) *syncenginev1.FetchedPerson {
	if f == nil {
		return nil
	}
	u := &f.User
	return &syncenginev1.FetchedPerson{
		AccountEnabled: u.AccountEnabled, UserType: u.UserType, LicenceCount: u.LicenceCount, UserPrincipalName: u.UserPrincipalName, Mail: u.Mail,
		DisplayName: u.DisplayName, GivenName: u.GivenName, Surname: u.Surname, JobTitle: u.JobTitle, Department: u.Department,
		MobilePhone: u.MobilePhone, BusinessPhones: u.BusinessPhones, ProxyAddresses: u.ProxyAddresses, OtherMails: u.OtherMails,
		InChosenGroups: f.InChosenGroups,
	}
}
