package outbound

import (
	"context"
	"errors"
	"math/rand/v2"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/entrasync/entrasync/pkg/backoff"
)

const (
	// FirstBackoff is about how long the first pause is that no answer asked for.
	FirstBackoff = time.Second
	// MaxBackoff bounds the pauses that no answer asked for.
	MaxBackoff = 30 * time.Second
	// LongestPause bounds what a Retry-After may ask for.
	LongestPause = 24 * time.Hour
)

// Backoff doubles from a second to half a minute, with jitter over its upper half.
func Backoff(attempt int) time.Duration {
	d := backoff.Pause(attempt, FirstBackoff, MaxBackoff)
	return d/2 + rand.N(d/2+1)
}

// Fits reports whether a pause ends before the caller's deadline.
func Fits(ctx context.Context, pause time.Duration) bool {
	deadline, ok := ctx.Deadline()
	return !ok || time.Until(deadline) > pause
}

// RetryAfter is how long an answer says to wait, in either form of the header (RFC
// 9110 §10.2.3); zero where it says nothing that can be read. A date is read against
// the answer's own: the clocks need not agree. It has no fractions, so a second is
// added: early is worse than late.
func RetryAfter(header http.Header, now time.Time) time.Duration {
	if sent, err := http.ParseTime(header.Get("Date")); err == nil {
		now = sent
	}
	value := header.Get("Retry-After")
	seconds, err := strconv.Atoi(value)
	if err == nil || (errors.Is(err, strconv.ErrRange) && !strings.HasPrefix(value, "-")) {
		return time.Duration(max(0, min(seconds, int(LongestPause/time.Second)))) * time.Second // bounded first: a product may overflow
	}
	if at, err := http.ParseTime(value); err == nil && at.After(now) {
		return min(at.Sub(now), LongestPause-time.Second) + time.Second // the difference of far dates saturates
	}
	return 0
}
