package servicetest

import (
	"context"
	"fmt"
	"strconv"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	orchestrationv1 "github.com/entrasync/entrasync/proto/gen/go/entrasync/orchestration/v1"
)

// engine is the worker with the sync-engine behind it, as far as mapping sees
// them: it follows mappings and does what people decide about links.
type engine struct {
	t  testing.TB
	mu sync.Mutex
	// links counts, by managed tenant, those that were made under each client.
	links     map[string]map[string]int
	revisions map[string]int64
	seen      []*orchestrationv1.Effect
	disorder  string // an effect that came before its time
	answer    func(*orchestrationv1.Effect) (outcome string, result map[string]string)
	stop      func() // and wait until it has ended
}

// work starts an engine that takes every effect until the test ends.
func (b *bundle) work() *engine {
	b.t.Helper()
	e := &engine{t: b.t, links: map[string]map[string]int{}, revisions: map[string]int64{}}
	ctx, stop := context.WithCancel(b.t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for ctx.Err() == nil {
			e.pull(ctx, b)
		}
	}()
	e.stop = func() {
		stop()
		<-ended
	}
	b.t.Cleanup(func() {
		e.stop()
		require.Empty(b.t, e.disorder)
	})
	return e
}

func (e *engine) pull(ctx context.Context, b *bundle) {
	pulled, err := b.effects.PullEffects(ctx, &orchestrationv1.PullEffectsRequest{MaxEffects: 100, WaitSeconds: 20})
	if err != nil {
		return
	}
	for _, effect := range pulled.GetEffects() {
		outcome, result := e.do(effect)
		ack := &orchestrationv1.AckEffectRequest{EffectId: effect.GetEffectId(), Outcome: outcome, Result: result}
		for try := 0; try < 10 && ctx.Err() == nil; try++ { // what is not acknowledged lies until its lease ends
			if _, err := b.effects.AckEffect(as(e.t, "msp"), ack); err == nil {
				break
			}
		}
	}
}

// do follows the mapping, or what a person decided.
func (e *engine) do(effect *orchestrationv1.Effect) (string, map[string]string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.seen = append(e.seen, effect)
	if e.answer != nil {
		return e.answer(effect)
	}
	arguments := effect.GetArguments()
	managed, client := arguments["managed_tenant_id"], arguments["client_id"]
	revision, _ := strconv.ParseInt(arguments["revision"], 10, 64)
	if revision < e.revisions[managed] {
		e.disorder = fmt.Sprintf("%s of %s: revision %d after %d", effect.GetKind(), managed, revision, e.revisions[managed])
	}
	e.revisions[managed] = revision
	orphaned := 0
	for owner, links := range e.links[managed] {
		if owner != client {
			orphaned += links
		}
	}
	if effect.GetKind() == "mapping_revised" {
		return "done", map[string]string{"orphaned_links": strconv.Itoa(orphaned)}
	}
	result := map[string]string{"relinking": "0", "left": "0", "orphaned_links": "0"}
	if arguments["decision"] == "relink" {
		result["relinking"], result["run_id"] = strconv.Itoa(orphaned), effect.GetEffectId()
		e.links[managed] = map[string]int{client: e.links[managed][client] + orphaned}
	} else {
		result["left"] = strconv.Itoa(orphaned)
		e.links[managed] = map[string]int{client: e.links[managed][client]}
	}
	return "done", result
}

// link says how many links a managed tenant has under a client.
func (e *engine) link(managedTenantID, clientID string, links int) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.links[managedTenantID] == nil {
		e.links[managedTenantID] = map[string]int{}
	}
	e.links[managedTenantID][clientID] = links
}

// effects are those that came so far.
func (e *engine) effects() []*orchestrationv1.Effect {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.seen
}

func (e *engine) answers(answer func(*orchestrationv1.Effect) (string, map[string]string)) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.answer = answer
}
