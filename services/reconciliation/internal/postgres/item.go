package postgres

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/google/uuid"

	"github.com/entrasync/entrasync/pkg/pg"
	"github.com/entrasync/entrasync/services/reconciliation/internal/postgres/sqlc"
	"github.com/entrasync/entrasync/services/reconciliation/internal/reconciliation"
)

// readItem reads an item with what was decided about it.
func readItem(ctx context.Context, q *sqlc.Queries, id uuid.UUID) (reconciliation.DecidedItem, error) {
	row, err := q.GetItem(ctx, id)
	if pg.NoRows(err) {
		return reconciliation.DecidedItem{}, reconciliation.ErrUnknownItem
	}
	if err != nil {
		return reconciliation.DecidedItem{}, err
	}
	items, err := decided(ctx, q, []sqlc.ListItemsRow{sqlc.ListItemsRow(row)})
	if err != nil {
		return reconciliation.DecidedItem{}, err
	}
	return items[0], nil
}

// decided adds to items what was decided about them.
func decided(ctx context.Context, q *sqlc.Queries, rows []sqlc.ListItemsRow) ([]reconciliation.DecidedItem, error) {
	ids := make([]uuid.UUID, len(rows))
	for i := range rows {
		ids[i] = rows[i].ID
	}
	rest, err := q.ListDecisions(ctx, ids)
	if err != nil {
		return nil, err
	}
	last, done := map[uuid.UUID]*reconciliation.StoredDecision{}, map[uuid.UUID]*reconciliation.StoredDecision{}
	for _, row := range rest { // in order of their numbers
		decision := decisionOf(row)
		last[row.ItemID] = decision
		if decision.State == reconciliation.Done && decision.Action != reconciliation.Undo {
			done[row.ItemID] = decision
		}
	}
	items := make([]reconciliation.DecidedItem, len(rows))
	for i := range rows {
		item, err := itemOf(rows[i])
		if err != nil {
			return nil, err
		}
		items[i] = reconciliation.NewDecidedItem(item, last[rows[i].ID], done[rows[i].ID])
	}
	return items, nil
}

func decisionOf(row sqlc.ListDecisionsRow) *reconciliation.StoredDecision {
	decision := &reconciliation.StoredDecision{
		Decision: reconciliation.Decision{
			Action: reconciliation.Action(row.Action), ContactID: pg.Text(row.ContactID), Note: pg.Text(row.Note), DecidedBy: row.DecidedBy,
		},
		Attempt: int(row.Attempt), State: reconciliation.DecisionState(row.State), RequestedAt: row.RequestedAt,
		CompletedAt: row.CompletedAt, ResultContactID: pg.Text(row.ResultContactID),
	}
	if row.Undoes != nil {
		decision.Undoes = int(*row.Undoes)
	}
	if row.EffectID.Valid {
		decision.EffectID = uuid.UUID(row.EffectID.Bytes).String()
	}
	return decision
}

func itemOf(row sqlc.ListItemsRow) (reconciliation.Item, error) {
	candidates, err := decodeCandidates(row.Candidates)
	if err != nil {
		return reconciliation.Item{}, err
	}
	peers, err := decodePeers(row.Peers)
	if err != nil {
		return reconciliation.Item{}, err
	}
	item := reconciliation.Item{
		ID: row.ID.String(), ManagedTenantID: row.ManagedTenantID, EntraTenantID: row.EntraTenantID, ClientID: row.ClientID,
		Sighting: reconciliation.Sighting{
			EntraObjectID: row.EntraObjectID, UserPrincipalName: row.UserPrincipalName, DisplayName: row.DisplayName, Email: row.Email,
			Phone: row.Phone, Role: row.Role, Account: reconciliation.Account{Enabled: row.AccountEnabled, UserType: row.UserType},
			Reason: reconciliation.Reason(row.Reason), Candidates: candidates, Peers: peers, Fingerprint: row.Fingerprint,
		},
		Status: reconciliation.Status(row.Status), CreatedAt: row.CreatedAt, LastSeenAt: row.LastSeenAt, DecidedBy: pg.Text(row.DecidedBy),
	}
	if row.LicenceCount != nil {
		licences := int(*row.LicenceCount)
		item.Licences = &licences
	}
	if row.Suggestion != nil {
		item.Suggestion = &reconciliation.Suggestion{Action: reconciliation.Action(*row.Suggestion), ContactID: pg.Text(row.SuggestedContact)}
		for _, reason := range row.SuggestedFor {
			item.Suggestion.For = append(item.Suggestion.For, reconciliation.SuggestedFor(reason))
		}
	}
	item.DecidedAt = row.DecidedAt
	return item, nil
}

// candidateJSON is a candidate as the column holds it.
type candidateJSON struct {
	ContactID string      `json:"contactId"`
	FullName  string      `json:"fullName"`
	Email     string      `json:"email"`
	Inactive  bool        `json:"inactive"`
	LinkedTo  string      `json:"linkedTo,omitempty"`
	Linked    *linkedJSON `json:"linked,omitempty"`
}

type linkedJSON struct {
	State             string `json:"state"`
	UserPrincipalName string `json:"upn,omitempty"`
}

func encodeCandidates(candidates []reconciliation.Candidate) ([]byte, error) {
	stored := make([]candidateJSON, 0, len(candidates))
	for _, c := range candidates {
		one := candidateJSON{ContactID: c.ContactID, FullName: c.FullName, Email: c.Email, Inactive: c.Inactive, LinkedTo: c.LinkedTo}
		if c.Linked != nil {
			one.Linked = &linkedJSON{State: string(c.Linked.State), UserPrincipalName: c.Linked.UserPrincipalName}
		}
		stored = append(stored, one)
	}
	encoded, err := json.Marshal(stored)
	if err != nil {
		return nil, fmt.Errorf("encoding candidates: %w", err)
	}
	return encoded, nil
}

func decodeCandidates(encoded []byte) ([]reconciliation.Candidate, error) {
	var stored []candidateJSON
	if err := json.Unmarshal(encoded, &stored); err != nil {
		return nil, fmt.Errorf("decoding candidates: %w", err)
	}
	candidates := make([]reconciliation.Candidate, 0, len(stored))
	for _, c := range stored {
		one := reconciliation.Candidate{ContactID: c.ContactID, FullName: c.FullName, Email: c.Email, Inactive: c.Inactive, LinkedTo: c.LinkedTo}
		if c.Linked != nil {
			one.Linked = &reconciliation.LinkedIdentity{State: reconciliation.LinkState(c.Linked.State), UserPrincipalName: c.Linked.UserPrincipalName}
		}
		candidates = append(candidates, one)
	}
	return candidates, nil
}

// peerJSON is a peer as the column holds it.
type peerJSON struct {
	EntraObjectID     string `json:"objectId"`
	UserPrincipalName string `json:"upn"`
	DisplayName       string `json:"name"`
	Enabled           *bool  `json:"enabled,omitempty"`
	Licences          *int   `json:"licences,omitempty"`
	UserType          string `json:"type,omitempty"`
}

func encodePeers(peers []reconciliation.Peer) ([]byte, error) {
	stored := make([]peerJSON, 0, len(peers))
	for _, p := range peers {
		stored = append(stored, peerJSON{
			EntraObjectID: p.EntraObjectID, UserPrincipalName: p.UserPrincipalName, DisplayName: p.DisplayName,
			Enabled: p.Enabled, Licences: p.Licences, UserType: p.UserType,
		})
	}
	encoded, err := json.Marshal(stored)
	if err != nil {
		return nil, fmt.Errorf("encoding peers: %w", err)
	}
	return encoded, nil
}

func decodePeers(encoded []byte) ([]reconciliation.Peer, error) {
	var stored []peerJSON
	if err := json.Unmarshal(encoded, &stored); err != nil {
		return nil, fmt.Errorf("decoding peers: %w", err)
	}
	var peers []reconciliation.Peer
	for _, p := range stored {
		peers = append(peers, reconciliation.Peer{
			EntraObjectID: p.EntraObjectID, UserPrincipalName: p.UserPrincipalName, DisplayName: p.DisplayName,
			Account: reconciliation.Account{Enabled: p.Enabled, Licences: p.Licences, UserType: p.UserType},
		})
	}
	return peers, nil
}
