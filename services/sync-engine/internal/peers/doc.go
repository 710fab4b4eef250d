// Package peers calls the services that sync-engine needs, one file a service.
package peers

import "time"

// outage is how long a question of a round outlasts the absence of the service that is asked:
// a restart there must not undo what the round has done.
const outage = 30 * time.Second
