package webhook

import (
	"github.com/google/uuid"

	"github.com/entrasync/entrasync/pkg/tenant"
)

const (
	// atOnce is how many endpoints one process sends to at once.
	atOnce = 32
	// ofOneTenant is how many of them one tenant's may be: its slow receivers leave places to others.
	ofOneTenant = 2
)

// turns are the turns that one process gives at the moment. One goroutine keeps them.
type turns struct {
	tenants map[uuid.UUID]tenant.ID // by the endpoint that has its turn
	counts  map[tenant.ID]int
	failed  map[uuid.UUID]bool // by a fault of ours: they have none again at once
	ended   chan endedTurn
}

type endedTurn struct {
	id     uuid.UUID
	failed bool
}

func newTurns() *turns {
	return &turns{
		tenants: map[uuid.UUID]tenant.ID{}, counts: map[tenant.ID]int{}, failed: map[uuid.UUID]bool{}, ended: make(chan endedTurn, atOnce),
	}
}

func (t *turns) free() int { return atOnce - len(t.tenants) }

// served are the tenants that have as many turns as one may.
func (t *turns) served() []tenant.ID {
	served := []tenant.ID{}
	for id, n := range t.counts {
		if n >= ofOneTenant {
			served = append(served, id)
		}
	}
	return served
}

// begin reports whether an endpoint may have its turn now, which it has from then on.
func (t *turns) begin(one Due) bool {
	if _, has := t.tenants[one.ID]; has || t.failed[one.ID] || t.free() == 0 || t.counts[one.Tenant] >= ofOneTenant {
		return false
	}
	t.tenants[one.ID] = one.Tenant
	t.counts[one.Tenant]++
	return true
}

func (t *turns) end(one endedTurn) {
	of := t.tenants[one.id]
	delete(t.tenants, one.id)
	if t.counts[of]--; t.counts[of] == 0 {
		delete(t.counts, of)
	}
	if one.failed {
		t.failed[one.id] = true
	}
}
