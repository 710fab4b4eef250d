package syncengine

import "context"

// ErasureReader reads erasures.
type ErasureReader interface {
	Erasures(ctx context.Context, beforeID string, limit int) ([]Erasure, error)
}

// ListErasures lists who asked for erasures; not whom they erased.
type ListErasures struct{ store ErasureReader }

// NewListErasures wires the use case.
func NewListErasures(store ErasureReader) *ListErasures { return &ListErasures{store: store} }

// Do returns erasures made before another one, newest first.
func (l *ListErasures) Do(ctx context.Context, beforeID string, limit int) ([]Erasure, error) {
	return l.store.Erasures(ctx, beforeID, limit)
}
