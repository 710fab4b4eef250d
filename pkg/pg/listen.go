package pg

import (
	"context"

	"github.com/jackc/pgx/v5"
)

// Listen subscribes to a notification channel and calls notify for every
// message (its payload) until ctx ends (nil) or the connection is lost
// (errs.Unavailable: call it again). ready, when not nil, is called once
// subscribed: notifications of earlier commits were missed, so look for their
// work then. The connection does not count against the pool.
func Listen(ctx context.Context, pool *Pool, channel string, ready func(), notify func(payload string)) error {
	conn, err := pgx.ConnectConfig(ctx, pool.pool.Config().ConnConfig)
	if err != nil {
		return ended(ctx, err)
	}
	defer func() {
		farewell, cancel := context.WithTimeout(context.WithoutCancel(ctx), closeWait)
		defer cancel()
		_ = conn.Close(farewell)
	}()
	if _, err := conn.Exec(ctx, "LISTEN "+pgx.Identifier{channel}.Sanitize()); err != nil {
		return ended(ctx, err)
	}
	if ready != nil {
		ready()
	}
	for {
		notification, err := conn.WaitForNotification(ctx)
		if err != nil {
			return ended(ctx, err)
		}
		notify(notification.Payload)
	}
}

// ended is nil where listening was to end, however far it had come.
func ended(ctx context.Context, err error) error {
	select {
	case <-ctx.Done():
		return nil
	default:
		return Classify(err)
	}
}
