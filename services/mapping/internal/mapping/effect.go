package mapping

import (
	"strconv"
	"time"

	"github.com/entrasync/entrasync/pkg/errs"
	"github.com/entrasync/entrasync/proto/entrasync/reason"
)

// The kinds of effects.
const (
	// EffectStartInitialSync asks the worker to start the initial sync.
	EffectStartInitialSync = "start_initial_sync"
	// EffectMappingRevised asks the engine to follow a changed mapping.
	EffectMappingRevised = "mapping_revised"
	// EffectOrphansDecided asks the engine to do what a person decided about links.
	EffectOrphansDecided = "orphans_decided"
	// EffectClientsChanged has the change feed tell of clients. A trigger adds it.
	EffectClientsChanged = "clients_changed"
)

// EffectFailed is the outcome of an effect that ended for good without success.
const EffectFailed = "failed"

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

// OnLinks reports an effect on the links of a managed tenant, whose end says something of them.
func OnLinks(kind string) bool { return kind == EffectMappingRevised || kind == EffectOrphansDecided }

// Aftermath is what the end of an effect says of a managed tenant's links.
type Aftermath struct {
	OrphanedLinks *int32       // nil: nothing is known anew
	Orphans       *OrphansDone // of a decision about them
}

// AftermathOf reads the answer to an effect; errs.Invalid for a result that cannot
// be read.
func AftermathOf(kind, outcome string, result map[string]string) (Aftermath, error) {
	counts := counts{result: result}
	var after Aftermath
	switch {
	case !OnLinks(kind):
	case outcome == EffectFailed && kind == EffectOrphansDecided:
		after.Orphans = &OrphansDone{Failed: true, Error: result["error"]}
	case outcome == EffectFailed:
	case kind == EffectOrphansDecided:
		after.Orphans = &OrphansDone{Relinking: counts.of("relinking"), Left: counts.of("left"), RunID: result["run_id"]}
		fallthrough
	default:
		links := counts.of("orphaned_links")
		after.OrphanedLinks = &links
	}
	return after, counts.err
}

// counts reads numbers of an answer and keeps the first that is none.
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
