// Package limit bounds how often a tenant and a user may call.
package limit

import (
	"math"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// idle is how long a bucket is kept after its last use; it is full again by then.
const idle = 10 * time.Minute

// Rate is a token bucket's: tokens a second, and how many it holds.
type Rate struct {
	PerSecond float64
	Burst     int
}

// State is a bucket after a request, for headers.
type State struct {
	Limit     int           // the bucket's size
	Remaining int           // requests that may follow at once
	Reset     time.Duration // until the bucket is full
	Retry     time.Duration // until the next request is let through; zero when this one was
}

// Limits holds a bucket for each key. It is of one process: replicas count on
// their own.
type Limits struct {
	rate Rate
	now  func() time.Time

	mu      sync.Mutex
	buckets map[string]*bucket
	swept   time.Time
}

type bucket struct {
	limiter *rate.Limiter
	used    time.Time
}

// New makes limits; a rate of 0 a second lets everything through.
func New(r Rate, now func() time.Time) *Limits {
	return &Limits{rate: r, now: now, buckets: map[string]*bucket{}, swept: now()}
}

// Take counts a request of the key and says whether it is let through.
func (l *Limits) Take(key string) (State, bool) {
	if l.rate.PerSecond <= 0 {
		return State{}, true
	}
	now := l.now()
	limiter := l.bucket(key, now)
	allowed := limiter.AllowN(now, 1)
	tokens := limiter.TokensAt(now)
	state := State{
		Limit: l.rate.Burst, Remaining: max(int(tokens), 0),
		Reset: seconds((float64(l.rate.Burst) - tokens) / l.rate.PerSecond),
	}
	if !allowed {
		state.Retry = max(seconds((1-tokens)/l.rate.PerSecond), time.Second)
	}
	return state, allowed
}

func (l *Limits) bucket(key string, now time.Time) *rate.Limiter {
	l.mu.Lock()
	defer l.mu.Unlock()
	if now.Sub(l.swept) > idle {
		l.swept = now
		for k, b := range l.buckets {
			if now.Sub(b.used) > idle {
				delete(l.buckets, k)
			}
		}
	}
	b, ok := l.buckets[key]
	if !ok {
		b = &bucket{limiter: rate.NewLimiter(rate.Limit(l.rate.PerSecond), l.rate.Burst)}
		l.buckets[key] = b
	}
	b.used = now
	return b.limiter
}

// seconds rounds up to whole seconds, which headers count in.
func seconds(s float64) time.Duration { return time.Duration(math.Ceil(max(s, 0))) * time.Second }
