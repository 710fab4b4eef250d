package connection

import "context"

// FindFlow is the use case of finding for whom a flow was started, before anybody
// knows for which tenant a call is.
type FindFlow struct{ states StateStore }

// NewFindFlow makes the use case.
func NewFindFlow(states StateStore) *FindFlow { return &FindFlow{states: states} }

// Do returns the tenant for which the flow of a state was started; empty for a state
// that is not known.
func (u *FindFlow) Do(ctx context.Context, state string) (string, error) {
	if !madeHere(state) {
		return "", nil
	}
	owner, _, err := u.states.TenantOfState(ctx, hashOf(Secret(state)))
	return owner, err
}
