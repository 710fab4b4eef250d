package connection

import "context"

// ReadDetails is the use case of reading what a managed tenant's own directory says
// of it (F046).
type ReadDetails struct{ kinds *Kinds }

// NewReadDetails makes the use case.
func NewReadDetails(kinds *Kinds) *ReadDetails { return &ReadDetails{kinds: kinds} }

// Do reads one managed tenant. A tenant that refuses, or cannot be reached now,
// answers with its problem; an error is about the partner or about us.
func (u *ReadDetails) Do(ctx context.Context, r TenantRequest) (Details, error) {
	access, err := u.kinds.open(ctx)
	if err != nil {
		return Details{}, err
	}
	var details Details
	tokens, err := access.into(r.ManagedTenant)
	if err == nil {
		details, err = access.Provider.TenantDetails(ctx, tokens, r)
	}
	if err == nil {
		return details, nil
	}
	if ctx.Err() != nil {
		return Details{}, err
	}
	if class := ClassOf(err); class != Customer && !(class == Retry && isDirectoryReason(err)) {
		return Details{}, err
	}
	details.Problem = problemOf(err)
	return details, nil
}
