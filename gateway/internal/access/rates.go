package access

import (
	"math"
	"sync"
	"time"

	"github.com/hashicorp/golang-lru/v2/simplelru"
	"golang.org/x/time/rate"
)

// most is how many buckets are kept, some megabytes. Beyond it the bucket that was
// unused for the longest time goes: buckets do not slow down an attacker with that many
// addresses, and must not fill our memory.
const most = 1 << 15

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

// Limits holds a bucket for each key, at most 32,768 of them. It is of one
// process: replicas count on their own.
type Limits struct {
	rate Rate
	now  func() time.Time

	mu      sync.Mutex
	buckets *simplelru.LRU[string, *rate.Limiter]
}

// NewLimits makes limits; a rate of 0 a second lets everything through.
func NewLimits(r Rate, now func() time.Time) *Limits {
	buckets, err := simplelru.NewLRU[string, *rate.Limiter](most, nil)
	if err != nil {
		panic(err) // most is not positive
	}
	return &Limits{rate: r, now: now, buckets: buckets}
}

// Take counts a request of the key and says whether it is let through.
func (l *Limits) Take(key string) (State, bool) {
	if l.rate.PerSecond <= 0 {
		return State{}, true
	}
	now := l.now()
	limiter := l.bucket(key)
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

// Spent reports whether Take would refuse the key now. It counts nothing and
// makes no bucket.
func (l *Limits) Spent(key string) bool {
	if l.rate.PerSecond <= 0 {
		return false
	}
	l.mu.Lock()
	limiter, ok := l.buckets.Peek(key)
	l.mu.Unlock()
	return ok && limiter.TokensAt(l.now()) < 1
}

func (l *Limits) bucket(key string) *rate.Limiter {
	l.mu.Lock()
	defer l.mu.Unlock()
	limiter, ok := l.buckets.Get(key)
	if !ok {
		limiter = rate.NewLimiter(rate.Limit(l.rate.PerSecond), l.rate.Burst)
		l.buckets.Add(key, limiter)
	}
	return limiter
}

// seconds rounds up to whole seconds, which headers count in.
func seconds(s float64) time.Duration { return time.Duration(math.Ceil(max(s, 0))) * time.Second }
