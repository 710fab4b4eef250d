package outbox

import "time"

// Backoff returns the pause before another try after so many that failed: the
// first pause, doubled with each further attempt, up to the longest.
func Backoff(attempts int32, first, longest time.Duration) time.Duration {
	pause := first
	for range attempts - 1 {
		if pause *= 2; pause >= longest {
			return longest
		}
	}
	return pause
}
