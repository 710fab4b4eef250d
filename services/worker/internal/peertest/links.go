package peertest

import (
	"context"
	"slices"

	"github.com/entrasync/entrasync/pkg/tenant"
	syncenginev1 "github.com/entrasync/entrasync/proto/gen/go/entrasync/syncengine/v1"
)

// RefuseLinks makes calls about links return the error; nil lets them succeed
// again.
func (e *Engine) RefuseLinks(err error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.refuse = err
}

// Links are the calls about links that were done.
func (e *Engine) Links() ([]*syncenginev1.ReviseMappingRequest, []*syncenginev1.DecideOrphansRequest) {
	e.mu.Lock()
	defer e.mu.Unlock()
	return slices.Clone(e.revised), slices.Clone(e.decided)
}

// link records the tenant of a call about links; the lock is held.
func (e *Engine) link(ctx context.Context) error {
	call, err := tenant.From(ctx)
	if err != nil {
		return err
	}
	e.calls = append(e.calls, call)
	if e.down != nil {
		return e.down
	}
	return e.refuse
}

// ReviseMapping applies a mapping revision; seven links are orphaned by it.
func (e *Engine) ReviseMapping(ctx context.Context, req *syncenginev1.ReviseMappingRequest) (*syncenginev1.ReviseMappingResponse, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if err := e.link(ctx); err != nil {
		return nil, err
	}
	e.revised = append(e.revised, req)
	return &syncenginev1.ReviseMappingResponse{OrphanedLinks: 7, ReactivatedLinks: 1}, nil
}

// DecideOrphans answers one number for each of its outcomes; only a relink leaves links to a sync.
func (e *Engine) DecideOrphans(ctx context.Context, req *syncenginev1.DecideOrphansRequest) (*syncenginev1.DecideOrphansResponse, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if err := e.link(ctx); err != nil {
		return nil, err
	}
	e.decided = append(e.decided, req)
	res := &syncenginev1.DecideOrphansResponse{Left: 1, OrphanedLinks: 4}
	if req.GetDecision() == "relink" {
		res.Relinking = 5
	}
	return res, nil
}
