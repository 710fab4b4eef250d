package pg

import (
	"cmp"
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/entrasync/entrasync/pkg/errs"
	"github.com/entrasync/entrasync/proto/entrasync/reason"
)

// SQLSTATEs with a meaning of their own, from
// https://www.postgresql.org/docs/current/errcodes-appendix.html. This file is
// the only one that reads them.
const (
	codeUnique         = "23505"
	codeForeignKey     = "23503"
	codeCheck          = "23514"
	codeNotNull        = "23502"
	codeExclusion      = "23P01"
	codeSerialization  = "40001"
	codeDeadlock       = "40P01"
	codeLockTimeout    = "55P03"
	codeQueryCancelled = "57014"
	codeReadOnly       = "25006"
	codeIdleTimeout    = "25P03"
)

// stateClass is what a SQLSTATE, or a class of them, means.
type stateClass struct {
	reason  string        // with its usual kind
	message string        // where there is a better one than the reason's
	after   time.Duration // when to try again; 0: unknown
}

// failure is what became of a statement that ended so.
func (c stateClass) failure(cause error) error {
	return errs.Wrap(cause, errs.Of(c.reason).Kind(), c.reason, cmp.Or(c.message, reason.Text(c.reason)), errs.WithRetryAfter(c.after))
}

var unavailable = stateClass{reason: reason.DatabaseUnavailable}

// states is looked up by the whole code first and by its class (the first two
// characters) second.
var states = map[string]stateClass{
	codeUnique:         {reason: reason.AlreadyExists},
	codeExclusion:      {reason: reason.AlreadyExists, message: "It collides with something that exists."},
	codeForeignKey:     {reason: reason.ReferenceBroken},
	codeCheck:          {reason: reason.ValueRefused},
	codeNotNull:        {reason: reason.ValueMissing},
	codeSerialization:  {reason: reason.DatabaseContention},
	codeDeadlock:       {reason: reason.DatabaseContention},
	codeLockTimeout:    {reason: reason.DatabaseBusy, after: time.Second},
	codeQueryCancelled: {reason: reason.DatabaseTimeout},
	codeReadOnly:       unavailable, // a standby after a failover
	codeIdleTimeout:    unavailable,
	"22001":            {reason: reason.ValueTooLong},
	"22003":            {reason: reason.ValueOutOfRange},
	"22021":            {reason: reason.InvalidArgument, message: "A text has characters that cannot be stored."},
	"22P02":            {reason: reason.ValueInvalid},
	"22P05":            {reason: reason.InvalidArgument, message: "A text has characters that cannot be stored."},
	"08":               unavailable,                         // connection exceptions
	"53":               {reason: reason.DatabaseOverloaded}, // out of connections, memory, disk
	"57P01":            unavailable,                         // admin_shutdown
	"57P02":            unavailable,                         // crash_shutdown
	"57P03":            unavailable,                         // cannot_connect_now
	"57P05":            unavailable,                         // idle_session_timeout
	"58":               unavailable,                         // system error outside PostgreSQL
}

// Classify turns what pgx returns into an errs.Error; an error that already is
// one (or has one inside) and nil come back unchanged.
func Classify(err error) error {
	if err == nil {
		return nil
	}
	if _, ok := errors.AsType[*errs.Error](err); ok {
		return err
	}
	if pgErr, ok := errors.AsType[*pgconn.PgError](err); ok {
		class, known := lookUp(pgErr.Code)
		if !known {
			return errs.Of(reason.DatabaseError, errs.WithCause(describe(err, pgErr)))
		}
		return class.failure(describe(err, pgErr))
	}
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		return errs.Of(reason.NotFound, errs.WithCause(err))
	case errors.Is(err, context.Canceled):
		return errs.Of(reason.Cancelled, errs.WithCause(err))
	case errors.Is(err, context.DeadlineExceeded):
		return errs.Of(reason.Deadline, errs.WithCause(err))
	case ConnectionLost(err):
		return unavailable.failure(err)
	}
	return err
}

func lookUp(code string) (stateClass, bool) {
	class, ok := states[code]
	if !ok && len(code) == 5 {
		class, ok = states[code[:2]]
	}
	return class, ok
}

// described prints an error without the values in it, and still unwraps to it.
type described struct {
	text  string
	cause error
}

func (d *described) Error() string { return d.text }
func (d *described) Unwrap() error { return d.cause }

// describe keeps personal data out of logs: messages about data (classes 22 and
// 23) may quote values.
func describe(err error, pgErr *pgconn.PgError) error {
	if !strings.HasPrefix(pgErr.Code, "22") && !strings.HasPrefix(pgErr.Code, "23") {
		return err
	}
	parts := []string{"SQLSTATE " + pgErr.Code}
	for _, part := range []struct{ label, value string }{
		{"table", pgErr.TableName}, {"column", pgErr.ColumnName}, {"constraint", pgErr.ConstraintName},
	} {
		if part.value != "" {
			parts = append(parts, part.label+" "+part.value)
		}
	}
	return &described{text: strings.Join(parts, ", "), cause: err}
}

// NoRows reports that a query that must return a row returned none.
func NoRows(err error) bool { return errors.Is(err, pgx.ErrNoRows) }

// Contended reports a serialization failure or a deadlock: the same transaction
// may succeed when it is retried.
func Contended(err error) bool {
	pgErr, ok := errors.AsType[*pgconn.PgError](err)
	return ok && (pgErr.Code == codeSerialization || pgErr.Code == codeDeadlock)
}

// ConnectionLost reports that the connection is gone (or never came to be), and
// with it the session's locks and temporary tables. Whether a commit under way
// took effect is then unknown.
func ConnectionLost(err error) bool {
	if err == nil {
		return false
	}
	if pgErr, ok := errors.AsType[*pgconn.PgError](err); ok {
		return strings.HasPrefix(pgErr.Code, "08") || strings.HasPrefix(pgErr.Code, "57P") || pgErr.Code == codeIdleTimeout
	}
	if _, ok := errors.AsType[*pgconn.ConnectError](err); ok {
		return true
	}
	if netErr, ok := errors.AsType[net.Error](err); ok && !errors.Is(err, context.DeadlineExceeded) {
		_ = netErr
		return true
	}
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, net.ErrClosed) ||
		errors.Is(err, pgconn.ErrConnClosed) || strings.Contains(err.Error(), "conn closed")
}
