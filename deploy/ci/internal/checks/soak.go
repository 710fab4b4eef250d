package checks

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// soaked are the tests that soaking does at length: random histories against reference
// models.
var soaked = []struct{ dir, tests string }{
	{"./services/sync-engine/internal/postgres", "AsTheModel|AsInTheModel|WhatAListingDoes|IsWhatTheRun|HostDoesMeanwhile|EachMailbox"},
}

// exhausted are the tests that soaking does once, in whole, where `make test` takes a sample.
var exhausted = []struct {
	dir, tests string
	flags      []string
}{
	{"./migrations", "KilledBetween|ResolvesTheMark", []string{"-exhaustive"}},
	{"./gateway", "NoSingleRequest", []string{"-exhaustive"}},
	{"./gateway/internal/gateway", "NoFailureOfABackend|WrongKeys|CallbacksOfAFlood", []string{"-exhaustive", "-flood=10000"}},
	{"./deploy/acceptance", "KilledProcesses", []string{"-kill.rounds=10"}},
	{"./services/reconciliation/servicetest", "SurviveCrashes|SurvivesCrashes", []string{"-crash.points=50", "-crash.people=5000"}},
	{"./services/sync-engine/internal/postgres", "TheFeedReplays", []string{"-feed.for=60s"}},
	// A hundred rounds cut at random, and decisions cut at every message.
	{"./services/sync-engine/internal/postgres", "CutAnywhere|CutAtEvery", []string{"-rapid.checks=100"}},
}

// SoakOptions say for how long to soak.
type SoakOptions struct {
	Histories int  // for each test, in all
	Batch     int  // of one run of the tests
	Resume    bool // go on from what an earlier run has done
}

// Soak does the soaked tests with many random histories, batch by batch. After an
// interruption it goes on with the batch that it was at; a batch that fails ends it, with
// the seed that does it again in what it prints.
func (s *Suite) Soak(ctx context.Context, o SoakOptions) error {
	path := filepath.Join(s.State, "soaked")
	if err := os.MkdirAll(s.State, 0o755); err != nil {
		return err
	}
	done := 0
	if o.Resume {
		text, err := os.ReadFile(path)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		done, _ = strconv.Atoi(strings.TrimSpace(string(text))) // 0 where there is none
	}
	if done >= o.Histories {
		done = 0
	}
	if done == 0 {
		for _, of := range exhausted {
			if err := s.soakTests(ctx, of.dir, of.tests, of.flags...); err != nil {
				return err
			}
			fmt.Fprintf(s.Out, "%s: all of %s\n", of.dir, of.tests)
		}
	}
	for done < o.Histories {
		batch := min(o.Batch, o.Histories-done)
		began := s.Now()
		for _, of := range soaked {
			if err := s.soakTests(ctx, of.dir, of.tests, "-rapid.checks="+strconv.Itoa(batch)); err != nil {
				return err
			}
		}
		done += batch
		fmt.Fprintf(s.Out, "%d of %d histories, %s for the last %d\n", done, o.Histories, s.Now().Sub(began).Round(time.Second), batch)
		if err := os.WriteFile(path, []byte(strconv.Itoa(done)+"\n"), 0o644); err != nil { // a number
			return err
		}
	}
	return nil
}

// soakTests runs tests with flags that have them do more, and prints what those that fail say.
func (s *Suite) soakTests(ctx context.Context, dir, tests string, flags ...string) error {
	var log bytes.Buffer
	if err := s.command(ctx, &log, "", nil, "go", append([]string{"test", dir, "-run=" + tests, "-count=1", "-timeout=6h"}, flags...)...); err != nil {
		fmt.Fprint(s.Out, log.String())
		return errors.Join(ErrFailed, ctx.Err())
	}
	return nil
}
