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

// pushAll hands the items over, reports and counts by reason those that stand open:
// what a person has decided on the same facts, which is what hand answers, is
// unchanged. step is called after each.
func pushAll(ctx context.Context, from queueSource, hand func(context.Context, PushedItems) ([]string, error), push PushedItems, step Step) (map[string]int, error) {
	open := map[string]int{}
	for after := 0; ; {
		items, err := from.Queue(ctx, after, queueChunk)
		if err != nil {
			return nil, err
		}
		if len(items) == 0 {
			return open, nil
		}
		push.Items = items
		decided, err := hand(ctx, push)
		if err != nil {
			return nil, err
		}
		upTo := items[len(items)-1].Number
		if err := from.ReportQueued(ctx, after, upTo, decided); err != nil {
			return nil, err
		}
		after = upTo
		closed := make(map[string]bool, len(decided))
		for _, id := range decided {
			closed[id] = true
		}
		for i := range items {
			if !closed[items[i].ObjectID] {
				open[items[i].Reason]++
			}
		}
		if err := step(len(items)); err != nil {
			return nil, err
		}
	}
}
