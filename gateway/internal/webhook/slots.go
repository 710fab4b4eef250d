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

// slots are the slots that one process has given to endpoints. One goroutine keeps them.
type slots struct {
	tenants map[uuid.UUID]tenant.ID // by the endpoint that has one
	counts  map[tenant.ID]int
	failed  map[uuid.UUID]bool // by a fault of ours: they get none again at once
	ended   chan endpointEnd
}

// endpointEnd says that an endpoint needs its slot no longer.
type endpointEnd struct {
	id     uuid.UUID
	failed bool
}

func newSlots() *slots {
	return &slots{
		tenants: map[uuid.UUID]tenant.ID{}, counts: map[tenant.ID]int{}, failed: map[uuid.UUID]bool{}, ended: make(chan endpointEnd, atOnce),
	}
}

func (s *slots) free() int { return atOnce - len(s.tenants) }

// served are the tenants that have as many slots as one may.
func (s *slots) served() []tenant.ID {
	served := []tenant.ID{}
	for id, n := range s.counts {
		if n >= ofOneTenant {
			served = append(served, id)
		}
	}
	return served
}

// begin reports whether an endpoint may have a slot now, which it has from then on.
func (s *slots) begin(one Due) bool {
	if _, has := s.tenants[one.ID]; has || s.failed[one.ID] || s.free() == 0 || s.counts[one.Tenant] >= ofOneTenant {
		return false
	}
	s.tenants[one.ID] = one.Tenant
	s.counts[one.Tenant]++
	return true
}

func (s *slots) end(one endpointEnd) {
	of := s.tenants[one.id]
	delete(s.tenants, one.id)
	if s.counts[of]--; s.counts[of] == 0 {
		delete(s.counts, of)
	}
	if one.failed {
		s.failed[one.id] = true
	}
}
