package outbox

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/entrasync/entrasync/pkg/pg"
	"github.com/entrasync/entrasync/pkg/tenant"
)

var errUsage = errors.New("say what to do: effects dead, or effects retry TENANT EFFECT")

// Operate is the command by which an operator looks at the effects of a context
// that were set aside, and retries them:
//
//	effects dead
//	effects retry TENANT EFFECT
//
// The database is that of ENTRASYNC_DATABASE_URL, as for the service itself.
func Operate(ctx context.Context, name string, args []string, out io.Writer) error {
	if len(args) < 2 || args[0] != "effects" {
		return errUsage
	}
	pool, err := pg.Open(ctx, os.Getenv("ENTRASYNC_DATABASE_URL"), pg.Options{Context: name, MaxConns: 1})
	if err != nil {
		return err
	}
	defer pool.Close()
	return New(pool, Options{}).operate(ctx, args[1:], out)
}

// Operator is Operate for a context, for run.Operate.
func Operator(name string) func(ctx context.Context, args []string, out io.Writer) error {
	return func(ctx context.Context, args []string, out io.Writer) error { return Operate(ctx, name, args, out) }
}

func (b *Box) operate(ctx context.Context, args []string, out io.Writer) error {
	switch {
	case len(args) == 1 && args[0] == "dead":
		dead, err := b.Dead(ctx)
		if err != nil {
			return err
		}
		for _, d := range dead {
			if _, err := fmt.Fprintf(out, "%s %s %s tried %d times, set aside %s\n", d.Tenant, d.ID, d.Kind, d.Attempt, d.At.Format(time.RFC3339)); err != nil {
				return err
			}
		}
		return nil
	case len(args) == 3 && args[0] == "retry":
		id, err := tenant.Parse(args[1])
		if err != nil {
			return err
		}
		return b.HandOutAgain(in(ctx, string(id)), args[2])
	}
	return errUsage
}
