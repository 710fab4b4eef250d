package audit

import (
	"context"
	"time"
)

// lastWrite bounds what is still written after a process was told to stop.
const lastWrite = 5 * time.Second

// repeat calls do every so often until ctx ends.
func repeat(ctx context.Context, every time.Duration, do func(context.Context)) {
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
			do(ctx)
		case <-ctx.Done():
			return
		}
	}
}

// writing repeats, and calls do once more when ctx has ended.
func writing(ctx context.Context, every time.Duration, do func(context.Context)) {
	repeat(ctx, every, do)
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), lastWrite)
	defer cancel()
	do(ctx)
}
