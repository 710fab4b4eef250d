package checks

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"golang.org/x/perf/benchfmt"
)

// measurement is what is printed for a benchmark, as one line of JSON.
type measurement struct {
	Benchmark  string             `json:"benchmark"`
	Package    string             `json:"package"`
	Iterations int                `json:"iterations"`
	Metrics    map[string]float64 `json:"metrics"` // by unit, as the benchmark reports it
}

// Bench runs the benchmarks whose names match, all when the pattern is empty, and prints one line
// of JSON for each.
func (s *Suite) Bench(ctx context.Context, log io.Writer, pattern string) error {
	if pattern == "" {
		pattern = "."
	}
	reader, writer := io.Pipe()
	read := make(chan error, 1)
	go func() {
		err := printMeasurements(s.Out, log, reader)
		_, _ = io.Copy(io.Discard, reader) // what follows an error must not block the benchmarks
		read <- err
	}()
	args := append(append([]string{}, s.TestEnv[1:]...), "go", "test", "-run=^$", "-bench="+pattern, "-benchmem", "-timeout=60m", "-p=1")
	err := s.command(ctx, writer, "", nil, s.TestEnv[0], append(args, s.moduleDirs()...)...)
	_ = writer.Close()
	return errors.Join(err, <-read)
}

// printMeasurements turns Go's benchmark format into lines of JSON; all else goes to the log.
func printMeasurements(out, log io.Writer, from io.Reader) error {
	results := benchfmt.NewReader(io.TeeReader(from, log), "")
	for results.Scan() {
		switch r := results.Result().(type) {
		case *benchfmt.Result:
			m := measurement{
				Benchmark: string(r.Name.Full()), Package: strings.TrimPrefix(r.GetConfig("pkg"), "github.com/entrasync/entrasync/"),
				Iterations: r.Iters, Metrics: map[string]float64{},
			}
			for _, v := range r.Values {
				if v.OrigUnit != "" {
					m.Metrics[v.OrigUnit] = v.OrigValue
				} else {
					m.Metrics[v.Unit] = v.Value
				}
			}
			line, err := json.Marshal(m)
			if err != nil {
				return err
			}
			fmt.Fprintln(out, string(line))
		case *benchfmt.SyntaxError:
			return r
		}
	}
	return results.Err()
}
