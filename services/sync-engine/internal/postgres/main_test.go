package postgres_test

import (
	"flag"
	"os"
	"strconv"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"pgregory.net/rapid"
)

// spans are the statements of those traces that a test begins itself.
var spans = tracetest.NewSpanRecorder()

// thorough is whether -rapid.checks was given.
var thorough bool

func TestMain(m *testing.M) {
	flag.Parse()
	flag.Visit(func(f *flag.Flag) { thorough = thorough || f.Name == "rapid.checks" })
	otel.SetTracerProvider(trace.NewTracerProvider(trace.WithSampler(trace.ParentBased(trace.NeverSample())), trace.WithSpanProcessor(spans)))
	os.Exit(m.Run())
}

// How many random histories of a property are played unless -rapid.checks says otherwise: 300 of all seven,
// and of those that play each history on two engines, or over several directories, fewer than of others.
const (
	ofCostly   = 25 // two properties
	ofOrdinary = 44 // three
	ofCheap    = 60 // two
)

// rapidFlags guards the number of histories, which rapid reads when a property begins.
var rapidFlags sync.Mutex

// histories is rapid.Check with a number of its own.
func histories(t *testing.T, n int, play func(rt *rapid.T)) {
	t.Helper()
	if thorough {
		rapid.Check(t, play)
		return
	}
	rapidFlags.Lock()
	begun := sync.OnceFunc(rapidFlags.Unlock)
	defer begun()
	require.NoError(t, flag.Set("rapid.checks", strconv.Itoa(n)))
	rapid.Check(t, func(rt *rapid.T) {
		begun()
		play(rt)
	})
}
