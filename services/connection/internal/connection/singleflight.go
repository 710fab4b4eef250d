package connection

import (
	"context"
	"fmt"
	"runtime/debug"
	"sync"
	"time"

	"github.com/entrasync/entrasync/pkg/errs"
	"github.com/entrasync/entrasync/proto/entrasync/reason"
)

// sharedLimit bounds a piece of shared work. It is longer than every attempt at
// the token endpoint with its pauses takes.
const sharedLimit = 2 * time.Minute

// singleflight runs one piece of work on a key for all callers that ask for it while
// it is under way. It goes on when they have left: others may wait for it.
type singleflight[T any] struct {
	mu    sync.Mutex
	under map[string]*sharedCall[T]
	ended bool
}

type sharedCall[T any] struct {
	done   chan struct{} // closed when result and err are set
	cancel context.CancelFunc
	result T
	err    error
}

// do joins the work on the key, or begins it, and waits until it is done or ctx
// ends.
func (f *singleflight[T]) do(ctx context.Context, key string, work func(ctx context.Context) (T, error)) (result T, err error) {
	one, err := f.join(ctx, key, work)
	if err != nil {
		return result, err
	}
	select {
	case <-one.done:
		return one.result, one.err
	case <-ctx.Done():
		return result, ctx.Err()
	}
}

func (f *singleflight[T]) join(ctx context.Context, key string, work func(ctx context.Context) (T, error)) (*sharedCall[T], error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.ended {
		return nil, errs.Of(reason.Stopping)
	}
	if one, ok := f.under[key]; ok {
		return one, nil
	}
	detached, cancel := context.WithTimeout(context.WithoutCancel(ctx), sharedLimit)
	one := &sharedCall[T]{done: make(chan struct{}), cancel: cancel}
	if f.under == nil {
		f.under = map[string]*sharedCall[T]{}
	}
	f.under[key] = one
	go func() {
		defer f.finish(key, one)
		one.result, one.err = work(detached)
	}()
	return one, nil
}

// finish ends a call, also one that panicked: the waiting callers must get the error.
func (f *singleflight[T]) finish(key string, one *sharedCall[T]) {
	if p := recover(); p != nil {
		one.err = errs.Wrap(fmt.Errorf("panic: %v\n%s", p, debug.Stack()), errs.Internal, reason.Internal, "")
	}
	f.mu.Lock()
	delete(f.under, key)
	f.mu.Unlock()
	one.cancel()
	close(one.done)
}

// end breaks off what is under way and waits for it. Nothing begins any more.
func (f *singleflight[T]) end() {
	f.mu.Lock()
	f.ended = true
	var left []*sharedCall[T]
	for _, one := range f.under {
		one.cancel()
		left = append(left, one)
	}
	f.mu.Unlock()
	for _, one := range left {
		<-one.done
	}
}
