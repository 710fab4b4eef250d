package postgres_test

import (
	"flag"
	"os"
	"testing"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
)

// spans are the statements of those traces that a test begins itself.
var spans = tracetest.NewSpanRecorder()

// thorough is whether -rapid.checks was given.
var thorough bool

// TestMain makes properties on the database small unless -rapid.checks says
// otherwise: of each of the seven, so that 300 histories are played.
func TestMain(m *testing.M) {
	flag.Parse()
	flag.Visit(func(f *flag.Flag) { thorough = thorough || f.Name == "rapid.checks" })
	if !thorough {
		if err := flag.Set("rapid.checks", "43"); err != nil {
			panic(err)
		}
	}
	otel.SetTracerProvider(trace.NewTracerProvider(trace.WithSampler(trace.ParentBased(trace.NeverSample())), trace.WithSpanProcessor(spans)))
	os.Exit(m.Run())
}
