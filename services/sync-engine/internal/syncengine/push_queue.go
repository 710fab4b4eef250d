package syncengine

import "context"

// queueChunk is how many items one push holds: with 50 candidates each they stay
// far below what one message may hold.
const queueChunk = 200

// queueSource lists what stands for a person to decide, after a number, in order.
type queueSource interface {
	Queue(ctx context.Context, after, limit int) ([]QueueItem, error)
	ReportQueued(ctx context.Context, after, upTo int, decided []string) error
}

// pushAll hands the items over, all of them, reports and counts by reason those that stand
// open: what a person has decided on the same facts, which is what hand answers, is
// unchanged. While some are handed over the next are read and those before reported.
// step is called after each.
func pushAll(ctx context.Context, from queueSource, hand func(context.Context, PushedItems) ([]string, error), push PushedItems, step Step) (open map[string]int, all int, err error) {
	open = map[string]int{}
	items, err := from.Queue(ctx, 0, queueChunk)
	if err != nil {
		return nil, 0, err
	}
	handed := handOver(ctx, hand, push, items)
	defer func() { _, _ = handed() }() // where something else fails meanwhile
	for after := 0; len(items) > 0; {
		upTo := items[len(items)-1].Number
		next, err := from.Queue(ctx, upTo, queueChunk)
		decided, failed := handed()
		if failed != nil {
			return nil, 0, failed
		}
		if err != nil {
			return nil, 0, err
		}
		handed = handOver(ctx, hand, push, next)
		if err := from.ReportQueued(ctx, after, upTo, decided); err != nil {
			return nil, 0, err
		}
		closed := setOf(decided)
		for i := range items {
			if !closed[items[i].ObjectID] {
				open[items[i].Reason]++
			}
		}
		if err := step(len(items)); err != nil {
			return nil, 0, err
		}
		all += len(items)
		items, after = next, upTo
	}
	return open, all, nil
}

// handOver begins to hand items over, if there are any. What it returns waits for the end and gives what
// came of it.
func handOver(ctx context.Context, hand func(context.Context, PushedItems) ([]string, error), push PushedItems, items []QueueItem) func() ([]string, error) {
	if len(items) == 0 {
		return func() ([]string, error) { return nil, nil }
	}
	push.Items = items
	done := make(chan struct{})
	var decided []string
	var err error
	go func() {
		defer close(done)
		decided, err = hand(ctx, push)
	}()
	return func() ([]string, error) {
		<-done
		return decided, err
	}
}
