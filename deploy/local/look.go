package main

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/entrasync/entrasync/deploy/internal/layout"
	"github.com/entrasync/entrasync/deploy/local/internal/daemon"
)

// showStatus lists the processes. Its exit code is 0 only when all are ready.
func showStatus(ctx context.Context, where layout.Layout, _ []string) (int, error) {
	client := daemon.NewClient(where)
	running, err := client.Running()
	if err != nil {
		return 1, err
	}
	if !running {
		say("nothing runs; \"make up\" starts it")
		return 3, nil
	}
	report, err := client.Report(ctx)
	if err != nil {
		return 1, err
	}
	code := 0
	w := tabwriter.NewWriter(os.Stdout, 0, 4, 2, ' ', 0)
	fmt.Fprintln(w, "PROCESS\tSTATE\tPID\tFOR\tRESTARTS\t")
	for _, p := range report.Processes {
		state, pid := string(p.State), strconv.Itoa(p.PID)
		if p.Task && p.Ready() {
			state = "done"
		}
		if p.PID == 0 {
			pid = "-"
		}
		if !p.Ready() {
			code = 3
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%d\t%s\n", p.Name, state, pid, time.Since(p.Since).Round(time.Second), p.Restarts, p.Reason)
	}
	return code, w.Flush()
}

// logs shows the last lines of one log or of all.
func logs(ctx context.Context, where layout.Layout, args []string) (int, error) {
	flags := flag.NewFlagSet("logs", flag.ContinueOnError)
	follow := flags.Bool("f", false, "go on with what is written")
	if err := flags.Parse(args); err != nil {
		return 2, errUsage
	}
	names, lines := flags.Args(), 100
	if len(names) == 0 {
		found, _ := filepath.Glob(filepath.Join(where.Logs(), "*.log")) // the pattern is well-formed
		for _, path := range found {
			names = append(names, strings.TrimSuffix(filepath.Base(path), ".log"))
		}
		lines = 10
	}
	if len(names) == 0 {
		say("there are no logs yet; \"make up\" starts the stack")
		return 0, nil
	}
	offsets := map[string]int64{}
	for _, name := range names {
		path := filepath.Join(where.Logs(), name+".log")
		info, err := os.Stat(path)
		if err != nil {
			return 1, fmt.Errorf("there is no log of %q", name)
		}
		offsets[name] = info.Size()
		fmt.Printf("--- %s\n%s\n", path, lastLines(path, lines))
	}
	if !*follow {
		return 0, nil
	}
	return exit(followLogs(ctx, where, names, offsets))
}

// followLogs prints what is added to the logs until ctx ends.
func followLogs(ctx context.Context, where layout.Layout, names []string, offsets map[string]int64) error {
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		for _, name := range names {
			added, size, err := readFrom(filepath.Join(where.Logs(), name+".log"), offsets[name])
			if err != nil {
				return err
			}
			offsets[name] = size
			for line := range strings.Lines(added) {
				fmt.Printf("%-15s | %s\n", name, strings.TrimSuffix(line, "\n"))
			}
		}
	}
}

// readFrom reads a log from an offset on. A log that has become shorter was
// started anew.
func readFrom(path string, offset int64) (string, int64, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", offset, err
	}
	defer func() { _ = f.Close() }()
	info, err := f.Stat()
	if err != nil {
		return "", offset, err
	}
	if info.Size() < offset {
		offset = 0
	}
	b, err := io.ReadAll(io.NewSectionReader(f, offset, info.Size()-offset))
	return string(b), offset + int64(len(b)), err
}

// lastLines is the end of a file, for people; it never fails.
func lastLines(path string, n int) string {
	const most = 200 * 300 // bytes that are looked at
	f, err := os.Open(path)
	if err != nil {
		return err.Error()
	}
	defer func() { _ = f.Close() }()
	info, err := f.Stat()
	if err != nil {
		return err.Error()
	}
	start := max(0, info.Size()-most)
	b, err := io.ReadAll(io.NewSectionReader(f, start, info.Size()-start))
	if err != nil {
		return err.Error()
	}
	b = bytes.TrimRight(b, "\n")
	for at := len(b); at > 0; {
		at = bytes.LastIndexByte(b[:at], '\n')
		if n--; n == 0 && at >= 0 {
			b = b[at+1:]
			break
		}
	}
	return string(b)
}
