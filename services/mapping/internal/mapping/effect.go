package mapping

import (
	"context"
	"strconv"
	"time"

	"github.com/entrasync/entrasync/pkg/errs"
	"github.com/entrasync/entrasync/pkg/settle"
	"github.com/entrasync/entrasync/proto/entrasync/effectkind"
	"github.com/entrasync/entrasync/proto/entrasync/reason"
)

// Effects are those of the tenant of the context.
type Effects interface {
	settle.Effects
	// Until checks repeatedly, for a time, whether something is done.
	Until(ctx context.Context, wait time.Duration, done func(context.Context) bool) bool
}

const (
	// effectLease is how long the puller of an effect may take to answer.
	effectLease = 30 * time.Second
	// linksLease is that of effects which go through all links of a managed tenant:
	// longer than the worker tries one.
	linksLease = 6 * time.Minute
)

// Lease is how long the puller of an effect of a kind may take to answer.
func Lease(kind string) time.Duration {
	if OnLinks(kind) {
		return linksLease
	}
	return effectLease
}

// OnLinks reports whether an effect changes the links of a managed tenant, which its result counts.
func OnLinks(kind string) bool {
	return kind == effectkind.MappingRevised || kind == effectkind.OrphansDecided
}

// EffectResult is what an effect did to the links of a managed tenant.
type EffectResult struct {
	OrphanedLinks *int32       // nil: not counted
	Orphans       *OrphansDone // of a decision about them
}

// EffectResultOf reads the result of an effect; errs.Invalid where a count is missing or
// malformed.
func EffectResultOf(kind, outcome string, result map[string]string) (EffectResult, error) {
	counts := counts{result: result}
	var read EffectResult
	switch {
	case !OnLinks(kind):
	case outcome == effectkind.OutcomeFailed && kind == effectkind.OrphansDecided:
		read.Orphans = &OrphansDone{Failed: true, Error: result["error"]}
	case outcome == effectkind.OutcomeFailed:
	case kind == effectkind.OrphansDecided:
		read.Orphans = &OrphansDone{Relinking: counts.of("relinking"), Left: counts.of("left"), RunID: result["run_id"]}
		fallthrough
	default:
		links := counts.of("orphaned_links")
		read.OrphanedLinks = &links
	}
	return read, counts.err
}

// counts reads the counts of a result and keeps the first error.
type counts struct {
	result map[string]string
	err    error
}

func (c *counts) of(name string) int32 {
	n, err := strconv.ParseInt(c.result[name], 10, 32)
	if (err != nil || n < 0) && c.err == nil {
		c.err = errs.New(errs.Invalid, reason.InvalidArgument, "The result of the effect is not complete.",
			errs.WithViolation("result."+name, "is not a count"))
	}
	return int32(n)
}
