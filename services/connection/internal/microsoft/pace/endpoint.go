package pace

import (
	"strings"
	"time"

	"github.com/entrasync/entrasync/services/connection/internal/outbound"
)

// Endpoint is where requests of an app go that have no quota: an authority of the
// identity platform, or the Partner Center.
type Endpoint struct{ app, party string }

// EndpointOf is an app's endpoint at a party; ids have no case.
func EndpointOf(app, party string) Endpoint {
	return Endpoint{strings.ToLower(app), strings.ToLower(party)}
}

// Pauses keep the times before which endpoints take no requests. The zero value is
// ready for use.
type Pauses struct{ notBefore outbound.NotBefore[Endpoint] }

// Check returns an ErrWait if now is too early.
func (p *Pauses) Check(at Endpoint, now time.Time) error {
	if left := p.notBefore.Left(at, now); left > 0 {
		return ErrWait{left}
	}
	return nil
}

// BackOff notes what a failure asks for.
func (p *Pauses) BackOff(at Endpoint, f Failure, now time.Time) {
	if f.Transient() && f.RetryAfter > 0 {
		p.notBefore.Note(at, now.Add(f.RetryAfter), now)
	}
}
