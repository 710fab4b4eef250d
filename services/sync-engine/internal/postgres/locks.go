package postgres

import (
	"context"
	"sync"
	"time"

	"github.com/entrasync/entrasync/pkg/errs"
	"github.com/entrasync/entrasync/pkg/pg"
	"github.com/entrasync/entrasync/pkg/tenant"
	"github.com/entrasync/entrasync/proto/entrasync/reason"
	"github.com/entrasync/entrasync/services/sync-engine/internal/postgres/round"
)

// lockWait is how long a person's decision waits for a round to release its locks, and
// lockPoll how often it tries them. A round whose mapping was revised stops after its range,
// which takes a second or so. After lockWait the decision fails with round.ErrInProgress,
// and its caller tries again.
const (
	lockWait = 8 * time.Second
	lockPoll = 50 * time.Millisecond
)

// decisionConns are connections on which decisions about orphaned links are done.
const decisionConns = 2

var errTooManyDecisions = errs.New(errs.Unavailable, reason.RoundInProgress,
	"As many decisions are carried out at the moment as the service can.", errs.WithRetryAfter(5*time.Second))

// decisionConn takes a connection of its own, which leave gives back.
func (s *Store) decisionConn(ctx context.Context) (conn *pg.Conn, leave func(), err error) {
	select {
	case s.decisions <- struct{}{}:
	default:
		return nil, nil, errTooManyDecisions
	}
	free := func() { <-s.decisions }
	if conn, err = pg.Dedicated(ctx, s.pool); err != nil {
		free()
		return nil, nil, err
	}
	return conn, sync.OnceFunc(func() { conn.Release(); free() }), nil
}

// waitForLocks takes the keys one after the other. It never blocks on the server, so that two
// callers that wait for each other's keys both fail after lockWait (round.ErrInProgress)
// instead of blocking each other for ever.
func waitForLocks(ctx context.Context, conn *pg.Conn, keys []string) error {
	wait, cancel := context.WithTimeout(ctx, lockWait)
	defer cancel()
	ticker := time.NewTicker(lockPoll)
	defer ticker.Stop()
	for _, key := range keys {
		for {
			locked, err := conn.TryLock(ctx, key)
			if err != nil {
				return err
			}
			if locked {
				break
			}
			select {
			case <-ticker.C:
			case <-wait.Done():
				return round.ErrInProgress
			}
		}
	}
	return nil
}

func tenantOf(ctx context.Context) (string, error) {
	id, err := tenant.IDFrom(ctx)
	return id.String(), err
}
