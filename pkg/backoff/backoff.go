// Package backoff says how long to wait before another try of what failed.
package backoff

import "time"

// Pause is the wait after so many failures in a row: first, doubled with each further one, up to
// longest. It has no jitter: who shares a party with others adds some.
func Pause(failures int, first, longest time.Duration) time.Duration {
	pause := first
	for i := 1; i < failures && 0 < pause && pause < longest; i++ {
		pause *= 2
	}
	return min(pause, longest)
}
