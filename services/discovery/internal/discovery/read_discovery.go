package discovery

import "context"

// ReadDiscovery is the use case of reading the latest discovery.
type ReadDiscovery struct{ store ShowStore }

// NewReadDiscovery makes the use case.
func NewReadDiscovery(store ShowStore) *ReadDiscovery { return &ReadDiscovery{store: store} }

// Do returns the latest discovery.
func (u *ReadDiscovery) Do(ctx context.Context) (Latest, error) { return u.store.Latest(ctx) }
