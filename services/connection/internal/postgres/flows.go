package postgres

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/entrasync/entrasync/pkg/pg"
	"github.com/entrasync/entrasync/pkg/secrets"
	"github.com/entrasync/entrasync/services/connection/internal/connection"
	"github.com/entrasync/entrasync/services/connection/internal/postgres/sqlc"
)

// Flows keeps started flows and the grants that wait for their person, their
// secrets sealed.
type Flows struct {
	database
	box *secrets.Box
}

// NewFlows makes the store of flows, which seals with the box.
func NewFlows(pool *pg.Pool, box *secrets.Box) *Flows {
	return &Flows{database: database{pool}, box: box}
}

// Associated data ties a sealed value to its place.
func stateData(tenantID, id string) string { return "connection/oauth_states/" + tenantID + "/" + id }

func pendingData(tenantID, id string) string {
	return "connection/pending_grants/" + tenantID + "/" + id
}

// flowsOfOne is how many flows of one person are kept.
const flowsOfOne = 20

// SaveState keeps a started flow, its verifier sealed, and forgets the oldest of the
// person's where those are many.
func (s *Flows) SaveState(ctx context.Context, state connection.State) error {
	id, err := uuid.Parse(state.ID)
	if err != nil {
		return fmt.Errorf("state id: %w", err)
	}
	of, err := tenantOf(ctx)
	if err != nil {
		return err
	}
	var sealed []byte
	var managed *string
	if state.Kind == connection.ConsentFlow {
		managed = &state.ManagedTenant
	} else if sealed, err = s.box.Seal(secrets.Text(state.Verifier), stateData(of, state.ID)); err != nil {
		return err
	}
	return s.in(ctx, func(ctx context.Context, q *sqlc.Queries, tenantID string) error {
		if err := q.InsertState(ctx, sqlc.InsertStateParams{
			TenantID: tenantID, ID: id, StateHash: state.Hash[:], UserID: state.User, SessionHash: state.Session,
			SealedVerifier: sealed, ReturnTo: state.ReturnTo, CreatedAt: state.CreatedAt, ExpiresAt: state.ExpiresAt,
			Kind: string(state.Kind), ManagedTenantID: managed,
		}); err != nil {
			return err
		}
		return q.ForgetOldStates(ctx, sqlc.ForgetOldStatesParams{TenantID: tenantID, UserID: state.User, Most: flowsOfOne})
	})
}

// TenantOfState finds whose state it is.
func (s *Flows) TenantOfState(ctx context.Context, hash [32]byte) (tenantID string, ok bool, err error) {
	err = s.across(ctx, func(ctx context.Context, q *sqlc.Queries) error {
		tenantID, err = q.TenantOfState(ctx, hash[:])
		if pg.NoRows(err) {
			return nil
		}
		ok = err == nil
		return err
	})
	return tenantID, ok, err
}

// ConsumeState takes a state once, if check agrees.
func (s *Flows) ConsumeState(ctx context.Context, hash [32]byte, at time.Time, check func(connection.State) error) (state connection.State, err error) {
	err = s.in(ctx, func(ctx context.Context, q *sqlc.Queries, tenantID string) error {
		row, err := q.LockState(ctx, sqlc.LockStateParams{TenantID: tenantID, StateHash: hash[:]})
		if err != nil {
			return err
		}
		state = connection.State{
			ID: row.ID.String(), Hash: hash, User: row.UserID, Session: row.SessionHash, ReturnTo: row.ReturnTo,
			ExpiresAt: row.ExpiresAt, ConsumedAt: row.ConsumedAt, Kind: connection.FlowKind(row.Kind),
			ManagedTenant: value(row.ManagedTenantID),
		}
		if err := check(state); err != nil {
			return err
		}
		if state.Kind == connection.ConnectFlow {
			verifier, err := s.box.Open(row.SealedVerifier, stateData(tenantID, state.ID))
			if err != nil {
				return err
			}
			state.Verifier = connection.Secret(verifier)
		}
		return q.ConsumeState(ctx, sqlc.ConsumeStateParams{TenantID: tenantID, ID: row.ID, ConsumedAt: at})
	})
	return state, err
}

// stands refuses a flow that was ended, and lets no transaction end it before the
// transaction is over.
func stands(ctx context.Context, q *sqlc.Queries, tenantID, flowID string) error {
	id, err := uuid.Parse(flowID)
	if err != nil {
		return fmt.Errorf("flow id: %w", err)
	}
	_, err = q.LockFlow(ctx, sqlc.LockFlowParams{TenantID: tenantID, ID: id})
	if pg.NoRows(err) {
		return connection.ErrFlowEnded
	}
	return err
}

// SavePending keeps a grant that waits, sealed, if its flow still stands.
func (s *Flows) SavePending(ctx context.Context, p connection.Pending) error {
	id, err := uuid.Parse(p.ID)
	if err != nil {
		return fmt.Errorf("pending grant id: %w", err)
	}
	of, err := tenantOf(ctx)
	if err != nil {
		return err
	}
	sealed, err := s.box.Seal(secrets.Text(p.Grant), pendingData(of, p.ID))
	if err != nil {
		return err
	}
	return s.in(ctx, func(ctx context.Context, q *sqlc.Queries, tenantID string) error {
		if err := stands(ctx, q, tenantID, p.FlowID); err != nil {
			return err
		}
		return q.InsertPendingGrant(ctx, sqlc.InsertPendingGrantParams{
			TenantID: tenantID, ID: id, CodeHash: p.CodeHash[:], UserID: p.User, SealedGrant: sealed,
			CreatedAt: p.CreatedAt, ExpiresAt: p.ExpiresAt, ClientID: p.ClientID,
		})
	})
}

// FindPending looks a waiting grant up.
func (s *Flows) FindPending(ctx context.Context, codeHash [32]byte) (p connection.Pending, ok bool, err error) {
	err = s.in(ctx, func(ctx context.Context, q *sqlc.Queries, tenantID string) error {
		row, err := q.PendingGrant(ctx, sqlc.PendingGrantParams{TenantID: tenantID, CodeHash: codeHash[:]})
		if pg.NoRows(err) {
			return nil
		}
		if err != nil {
			return err
		}
		p = connection.Pending{
			ID: row.ID.String(), CodeHash: codeHash, User: row.UserID, ExpiresAt: row.ExpiresAt, Taken: row.TakenAt != nil,
			ClientID: row.ClientID,
		}
		if row.SealedGrant != nil {
			grant, err := s.box.Open(row.SealedGrant, pendingData(tenantID, p.ID))
			if err != nil {
				return err
			}
			p.Grant = connection.Secret(grant)
		}
		ok = true
		return nil
	}, pg.ReadOnly())
	return p, ok, err
}
